"""Sine waves learned from ten points each: the outer gradient goes through the inner gradient steps."""


def run(torch, dtype):
    torch.manual_seed(2)
    shapes = [(1, 20), (20,), (20, 1), (1,)]
    params = [(torch.randn(*shape, dtype=torch.float64).to(dtype) * 0.5).requires_grad_() for shape in shapes]
    optimizer = torch.optim.SGD(params, lr=0.05, momentum=0.9)

    def model(x, p):
        return torch.tanh(x @ p[0] + p[1]) @ p[2] + p[3]

    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        total = torch.zeros((), dtype=dtype)
        for _ in range(2):
            amplitude, phase = (torch.rand(2) * 2 + 0.5).to(dtype)
            x = (torch.rand(20, 1) * 4 - 2).to(dtype)
            y = amplitude * torch.sin(x + phase)
            fast = list(params)
            for _ in range(2):
                inner = ((model(x[:10], fast) - y[:10]) ** 2).mean()
                grads = torch.autograd.grad(inner, fast, create_graph=True)
                fast = [p - 0.05 * g for p, g in zip(fast, grads)]
            total = total + ((model(x[10:], fast) - y[10:]) ** 2).mean()
        total.backward()
        optimizer.step()
        losses.append(total.item())
    return losses
