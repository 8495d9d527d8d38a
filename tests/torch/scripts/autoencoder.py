"""A variational autoencoder of ring-shaped data, whose encoder is frozen after twenty-five steps."""

import math


def run(torch, dtype):
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(7)

    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 4))
            self.decoder = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))

        def forward(self, x):
            mean, log_variance = self.encoder(x).chunk(2, dim=-1)
            z = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, dtype=torch.float64).to(dtype)
            return self.decoder(z), mean, log_variance

    angle = torch.rand(64, 1).to(dtype) * 2 * math.pi
    x = torch.cat([torch.cos(angle), torch.sin(angle)], 1)
    model = Autoencoder().to(dtype)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for step in range(50):
        if step == 25:
            for p in model.encoder.parameters():
                p.requires_grad_(False)
            optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
        optimizer.zero_grad()
        out, mean, log_variance = model(x)
        error = F.mse_loss(out, x, reduction="sum")
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        loss = (error + 0.1 * divergence) / len(x)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
