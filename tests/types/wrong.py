"""Mistakes of users, each on a line that says `# wrong`: both checkers must report exactly these lines."""

from __future__ import annotations

import numpy as np

import funcgrad as fg
import funcgrad.numpy as fnp
import funcgrad.torch as torch
from funcgrad import kernels
from funcgrad.scipy import special
from funcgrad.torch import optim
from funcgrad.torch.nn import functional as F


def loss(w: np.ndarray, b: float) -> float:
    return float(np.sum(w * b))


print(fg.grad(loss)(np.ones(3)))  # wrong
print(fg.value_and_grad(loss)(np.ones(3), 1.0)[2])  # wrong
print(fg.jit(loss)("text", 1.0))  # wrong
print(fg.vmap(loss)(np.ones(3), bias=1.0))  # wrong
print(fg.grad(loss, np.ones(3)))  # wrong
print(fg.jit(loss, static_argnum=1))  # wrong
print(fg.checkpoint(loss)(np.ones(3)))  # wrong
print(fg.graad)  # wrong
print(fnp.sinn(1.0))  # wrong
print(fnp.zeros(3).shap)  # wrong
print(fnp.concatenate([np.ones(3), np.ones(3)]).summ())  # wrong
print(fnp.sin(np.ones(3)).men())  # wrong
print(fnp.linalg.inv(np.eye(2)).tt)  # wrong
print(fnp.fft.rfft(np.ones(4)).reel)  # wrong
print(fnp.zeros("three"))  # wrong
print(fg.lax.scann)  # wrong
print(fg.nn.sofmax)  # wrong
print(fg.random.normall)  # wrong
print(fg.tree.mapp)  # wrong
print(fg.scipy.statts)  # wrong
print(special.erff(1.0))  # wrong
print(fg.errors.NotDifferentiable)  # wrong
fg.config.jitt = True  # wrong
print(fg.explain(loss)(np.ones(3), 1.0).leafs)  # wrong
print(torch.zerros(3))  # wrong
print(torch.ones(3).summ())  # wrong
print(torch.nn.Lineer(2, 3))  # wrong
print(torch.nn.init.xavier(torch.ones(2, 2)))  # wrong
print(F.sofmax(torch.ones(3), dim=0))  # wrong
print(optim.Addam([torch.ones(3)]))  # wrong
print(optim.lr_scheduler.Step)  # wrong
print(torch.func.gradd)  # wrong
print(torch.distributions.Normall(0.0, 1.0))  # wrong
print(torch.utils.data.Loader)  # wrong
print(torch.linalg.solv(torch.eye(2), torch.eye(2)))  # wrong
print(torch.fft.fftt(torch.ones(3)))  # wrong
print(torch.special.erff(torch.ones(3)))  # wrong
print(torch.autograd.Func)  # wrong
print(torch.optim.SGD([torch.ones(3)], learning_rate=0.1))  # wrong
print(kernels.expp(1.0))  # wrong
