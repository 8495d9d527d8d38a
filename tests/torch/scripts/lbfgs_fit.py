"""A sum of two decaying exponentials fitted to samples by L-BFGS with a line search."""


def run(torch, dtype):
    torch.manual_seed(4)
    t = torch.linspace(0, 4, 40, dtype=dtype)
    y = 2 * torch.exp(-0.7 * t) + torch.exp(-2.5 * t) + 0.05 * torch.randn(40, dtype=torch.float64).to(dtype)
    p = torch.tensor([1.0, 0.5, 0.5, 1.5], dtype=dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([p], lr=1.0, max_iter=2, history_size=10, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = ((p[0] * torch.exp(-p[1] * t) + p[2] * torch.exp(-p[3] * t) - y) ** 2).sum()
        loss.backward()
        return loss

    return [optimizer.step(closure).item() for _ in range(50)]
