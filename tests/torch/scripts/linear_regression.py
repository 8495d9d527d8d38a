"""Linear regression by hand: no optimizer, the parameters are written under `no_grad`."""


def run(torch, dtype):
    torch.manual_seed(0)
    x = torch.randn(64, 3, dtype=torch.float64).to(dtype)
    true = torch.tensor([[2.0], [-1.0], [0.5]], dtype=dtype)
    y = x @ true + 0.3 + 0.1 * torch.randn(64, 1, dtype=torch.float64).to(dtype)
    w = torch.zeros(3, 1, dtype=dtype, requires_grad=True)
    b = torch.zeros(1, dtype=dtype, requires_grad=True)
    losses = []
    for _ in range(50):
        loss = ((x @ w + b - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            b -= 0.1 * b.grad
            w.grad.zero_()
            b.grad = None
        losses.append(loss.item())
    return losses
