"""A network u(t) for the oscillator u'' = -u, u(0) = 1, u'(0) = 0, by the residual of its second derivative."""


def run(torch, dtype):
    torch.manual_seed(1)
    sizes = [(1, 16), (16, 16), (16, 1)]
    layers = [
        (
            (torch.randn(a, b, dtype=torch.float64).to(dtype) / a**0.5).requires_grad_(),
            torch.zeros(b, dtype=dtype, requires_grad=True),
        )
        for a, b in sizes
    ]

    def network(t):
        for w, b in layers[:-1]:
            t = torch.tanh(t @ w + b)
        w, b = layers[-1]
        return t @ w + b

    optimizer = torch.optim.Adam([p for layer in layers for p in layer], lr=5e-3)
    t = torch.linspace(0, 2, 20, dtype=dtype).reshape(-1, 1).requires_grad_()
    start = torch.zeros(1, 1, dtype=dtype, requires_grad=True)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        u = network(t)
        (du,) = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)
        (ddu,) = torch.autograd.grad(du, t, torch.ones_like(du), create_graph=True)
        u0 = network(start)
        (du0,) = torch.autograd.grad(u0, start, torch.ones_like(u0), create_graph=True)
        loss = ((ddu + u) ** 2).mean() + (u0 - 1).pow(2).sum() + du0.pow(2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
