"""An LSTM tags each of a row of symbols: whether it is as the one before."""


def run(torch, dtype):
    nn = torch.nn
    torch.manual_seed(8)

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(5, 8)
            nn.init.uniform_(self.embedding.weight, -1.0, 1.0)
            self.lstm = nn.LSTM(8, 12, batch_first=True)
            self.out = nn.Linear(12, 2)

        def forward(self, symbols):
            states, _ = self.lstm(self.embedding(symbols))
            return self.out(states)

    symbols = torch.randint(0, 5, (16, 9))
    same = (symbols[:, 1:] == symbols[:, :-1]).long()
    tags = torch.cat([torch.zeros(16, 1, dtype=torch.int64), same], 1)
    model = Tagger().to(dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0], dtype=dtype))
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = criterion(model(symbols).reshape(-1, 2), tags.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses
