"""A spiral fitted by a neural ODE; each Runge-Kutta step is a Function, which computes its inner values again."""


def run(torch, dtype):
    torch.manual_seed(3)
    w1 = (torch.randn(2, 16, dtype=torch.float64) * 0.4).to(dtype).requires_grad_()
    w2 = (torch.randn(16, 2, dtype=torch.float64) * 0.4).to(dtype).requires_grad_()

    def field(y, w1, w2):
        return torch.tanh(y**3 @ w1) @ w2

    def runge_kutta(y, h, w1, w2):
        k1 = field(y, w1, w2)
        k2 = field(y + h / 2 * k1, w1, w2)
        k3 = field(y + h / 2 * k2, w1, w2)
        k4 = field(y + h * k3, w1, w2)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y, h, w1, w2):
            ctx.save_for_backward(y, w1, w2)
            ctx.h = h
            return runge_kutta(y, h, w1, w2)

        @staticmethod
        def backward(ctx, grad):
            inputs = [t.detach().requires_grad_() for t in ctx.saved_tensors]
            with torch.enable_grad():
                y, w1, w2 = inputs
                out = runge_kutta(y, ctx.h, w1, w2)
            dy, dw1, dw2 = torch.autograd.grad(out, inputs, grad)
            return dy, None, dw1, dw2

    true = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], dtype=dtype)
    h, y = 0.05, torch.tensor([[2.0, 0.0]], dtype=dtype)
    targets = []
    for _ in range(10):
        y = y + h * (y**3 @ true)
        targets.append(y)
    optimizer = torch.optim.RMSprop([w1, w2], lr=2e-3)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        y = torch.tensor([[2.0, 0.0]], dtype=dtype)
        loss = torch.zeros((), dtype=dtype)
        for target in targets:
            y = Step.apply(y, h, w1, w2)
            loss = loss + (y - target).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
