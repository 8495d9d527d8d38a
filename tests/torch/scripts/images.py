"""A convolutional network tells horizontal bars from vertical ones."""


def run(torch, dtype):
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(6)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(1, 4, 3, padding=1)
            self.norm = nn.BatchNorm2d(4)
            self.second = nn.Conv2d(4, 8, 3)
            self.out = nn.Linear(8 * 3 * 3, 2)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.norm(self.first(x))), 2)
            x = F.relu(self.second(x))
            return self.out(torch.flatten(x, 1))

    images = 0.3 * torch.randn(40, 1, 10, 10, dtype=torch.float64).to(dtype)
    labels = torch.randint(0, 2, (40,))
    places = torch.randint(1, 9, (40,))
    for i in range(40):
        if labels[i] == 1:
            images[i, 0, :, places[i]] += 1.0
        else:
            images[i, 0, places[i], :] += 1.0
    net = Net().to(dtype)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    losses = []
    for step in range(50):
        batch = slice(20 * (step % 2), 20 * (step % 2) + 20)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
