"""A training script of PyTorch's, of which no checker has anything to say."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import funcgrad.torch as torch
import funcgrad.torch.nn as nn
import funcgrad.torch.nn.functional as F
from funcgrad.torch import Tensor, optim
from funcgrad.torch.distributions import Categorical, Normal, kl_divergence
from funcgrad.torch.func import functional_call, grad, vmap
from funcgrad.torch.nn.utils import clip_grad_norm_
from funcgrad.torch.nn.utils.rnn import pad_sequence
from funcgrad.torch.optim.lr_scheduler import CosineAnnealingLR
from funcgrad.torch.utils.data import DataLoader, Dataset, TensorDataset


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(4, width)
        self.second = nn.Sequential(nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 2))
        self.register_buffer("scale", torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.second(self.first(x)) * self.scale
        return found


class Rows(Dataset[tuple[Tensor, Tensor]]):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return torch.randn(4), torch.tensor(i % 2)


def train(model: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]], device: torch.device) -> float:
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    scheduler = CosineAnnealingLR(optimizer, T_max=10)
    total = 0.0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * x.size(0)
    scheduler.step()
    return total


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    predicted = model(x).argmax(dim=1)
    return float((predicted == y).float().mean())


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * g


torch.manual_seed(0)
model = Net(8)
data = DataLoader(Rows(), batch_size=4, shuffle=True)
print(train(model, data, torch.device("cpu")))
x = torch.randn(5, 4)
print(accuracy(model, x, torch.zeros(5, dtype=torch.long)))
print(F.relu(x), F.cross_entropy(x, torch.zeros(5, dtype=torch.long)), x[0, :2].shape, x.T @ x, -x, x > 0)
print(kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0)), Categorical(logits=x).sample())
print(torch.linalg.solve(x.T @ x, x.T), torch.fft.rfft(x), torch.special.erf(x), torch.linalg.norm(x))
print(grad(lambda t: (t**2).sum())(x), vmap(torch.dot)(x, x))
print(functional_call(model, dict(model.named_parameters()), (x,)))
print(pad_sequence([torch.ones(2), torch.ones(3)], batch_first=True))
with torch.no_grad():
    for p in model.parameters():
        p -= 0.1 * p
path = Path(mkdtemp()) / "model.pt"
torch.save(model.state_dict(), path)
model.load_state_dict(torch.load(path))
for name, p in model.named_parameters():
    print(name, p.grad, p.requires_grad, p.numel())
tensors = TensorDataset(x, x)
print(len(tensors), nn.init.xavier_uniform_(torch.empty(2, 2)))
print(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
print(Square.apply(x), torch.autograd.grad(x.sum(), x) if x.requires_grad else None)
compiled = torch.compile(model)
print(compiled(x), torch.cuda.is_available(), torch.utils.data.random_split(tensors, [3, 2]))
print(torch.nn.Conv2d, torch.distributions.constraints.positive, torch.distributions.transforms.ExpTransform())
with torch.autocast("cpu", enabled=False), torch.autograd.detect_anomaly():
    pass
