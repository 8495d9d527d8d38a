"""An MLP classifies points of two moons, in shuffled batches."""

import math


def run(torch, dtype):
    nn = torch.nn
    torch.manual_seed(5)
    angle = torch.rand(60).to(dtype) * math.pi
    upper = torch.stack([torch.cos(angle), torch.sin(angle)], 1)
    points = torch.cat([upper, torch.tensor([1.0, 0.4], dtype=dtype) - upper])
    points = points + 0.1 * torch.randn(120, 2, dtype=torch.float64).to(dtype)
    labels = torch.cat([torch.zeros(60, dtype=torch.int64), torch.ones(60, dtype=torch.int64)])
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2)).to(dtype)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(points, labels), batch_size=24, shuffle=True
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 4, gamma=0.5)
    criterion = nn.CrossEntropyLoss()
    losses = []
    for _ in range(10):
        for x, target in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
    return losses
