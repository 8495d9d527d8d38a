"""
A training script from PyTorch
==============================

It runs with one import changed. Then its step is compiled, and then it is a pure function.
"""

import time

import matplotlib.pyplot as plt

import funcgrad as fg
import funcgrad.torch as torch  # import torch
from funcgrad.torch import nn

torch.manual_seed(0)
x = torch.linspace(-3, 3, 64).reshape(-1, 1)
y = torch.sin(2 * x) + 0.1 * torch.randn(64, 1)
model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)


def train_step():
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


def timed(step, count=300):
    step()
    begin = time.perf_counter()
    losses = [step().item() for _ in range(count)]
    print(f"{(time.perf_counter() - begin) / count * 1e6:.0f} us a step, loss {losses[-1]:.4f}")
    return losses


eager = timed(train_step)

# %%
# ``torch.compile`` makes one program of the step: forward, backward, and Adam.

compiled = timed(torch.compile(train_step))

# %%
# The model as a pure function of its parameters, for funcgrad's transformations: here a Hessian of the last layer.


def loss_of(weight):
    parameters = {**dict(model.named_parameters()), "2.weight": weight}
    return nn.functional.mse_loss(torch.func.functional_call(model, parameters, (x,)), y)


curvature = fg.hessian(loss_of)(model[2].weight)
print(curvature.shape, "smallest eigenvalue", torch.linalg.eigvalsh(curvature.reshape(16, 16))[0].item())

plt.plot(x.numpy(), y.numpy(), ".", color="gray")
plt.plot(x.numpy(), model(x).detach().numpy())
plt.title("The fit")
plt.show()
