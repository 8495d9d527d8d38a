"""Mistakes of users, each on a line that says `# wrong`: both checkers must report exactly these lines."""

from __future__ import annotations

import numpy as np

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.scipy import special


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
print(fg.lax.scann)  # wrong
print(fg.nn.sofmax)  # wrong
print(fg.random.normall)  # wrong
print(fg.tree.mapp)  # wrong
print(fg.scipy.statts)  # wrong
print(special.erff(1.0))  # wrong
print(fg.errors.NotDifferentiable)  # wrong
fg.config.jitt = True  # wrong
print(fg.explain(loss)(np.ones(3), 1.0).leafs)  # wrong
