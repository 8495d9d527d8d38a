"""A generator learns a Gaussian mixture from a discriminator; the generator is detached in the other's step."""


def run(torch, dtype):
    nn = torch.nn
    torch.manual_seed(9)
    generator = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2)).to(dtype)
    discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1)).to(dtype)
    of_generator = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(32, 1, dtype=dtype), torch.zeros(32, 1, dtype=dtype)
    losses = []
    for _ in range(50):
        centres = torch.randint(0, 2, (32, 1)).to(dtype) * 2 - 1
        real = centres + 0.2 * torch.randn(32, 2, dtype=torch.float64).to(dtype)
        fake = generator(torch.randn(32, 4, dtype=torch.float64).to(dtype))
        of_discriminator.zero_grad()
        loss = criterion(discriminator(real), ones) + criterion(discriminator(fake.detach()), zeros)
        loss.backward()
        of_discriminator.step()
        of_generator.zero_grad()
        fooled = criterion(discriminator(fake), ones)
        fooled.backward()
        of_generator.step()
        losses.append(loss.item() + fooled.item())
    return losses
