"""Programs of users, of which no checker has anything to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.scipy import optimize, special

Vector = NDArray[np.float64]


def loss(w: Vector, b: float, *, scale: float = 1.0) -> float:
    return float(np.sum((w * b) ** 2) * scale)


gradient = fg.grad(loss)(np.ones(3), 2.0, scale=0.5)
both = fg.grad(loss, argnums=(0, 1))(np.ones(3), 2.0)
assert_type(fg.value_and_grad(loss)(np.ones(3), 2.0), tuple[float, Any])
assert_type(fg.jit(loss)(np.ones(3), 2.0, scale=2.0), float)
assert_type(fg.checkpoint(loss)(np.ones(3), 2.0), float)
batched = fg.vmap(loss, in_axes=(0, None))(np.ones((4, 3)), 2.0)
curvature = fg.hessian(loss)(np.ones(3), 2.0), fg.jacobian(loss)(np.ones(3), 2.0)
primals, tangents = fg.jvp(loss, (np.ones(3), 1.0), (np.ones(3), 0.0))
value, pullback = fg.vjp(loss, np.ones(3), 1.0)


@fg.jit
def step(w: Vector, rate: float) -> Vector:
    found: Vector = w - rate * fg.grad(loss)(w, 1.0)
    return found


@fg.jit(static_argnums=1)
def repeated(w: Vector, times: int) -> Vector:
    for _ in range(times):
        w = step(w, 0.1)
    return w


assert_type(step(np.ones(3), 0.1), Vector)
assert_type(repeated(np.ones(3), 3), Vector)
step.lower(np.ones(3), 0.1)
step.clear_cache()


@fg.register_dataclass
@dataclass
class Parameters:
    weight: Vector
    bias: float


class Model:
    def __init__(self, rate: float) -> None:
        self.rate = rate

    @fg.jit(static_argnums=0)
    def update(self, p: Parameters) -> Parameters:
        return Parameters(p.weight - self.rate, p.bias)


Model(0.1).update(Parameters(np.ones(2), 0.0))


@fg.custom_vjp
def clipped(x: Vector) -> Vector:
    return np.clip(x, -1.0, 1.0)


clipped.defvjp(lambda x: (clipped(x), x), lambda x, ct: (ct,))
report = fg.explain(loss)(np.ones(3), 1.0)
print(report.leaves[0].status, report.to_dict(), clipped(np.ones(2)))
print(fnp.sin(1.0), fnp.linalg.solve(np.eye(2), np.ones(2)), special.erf(0.5), fg.nn.softmax(np.ones(3)))
print(optimize.minimize(loss, np.ones(3), args=(1.0,)).x, fg.random.normal(fg.random.key(0), (3,)))
print(fg.lax.cond(True, lambda: 1.0, lambda: 2.0), fg.tree.map(np.exp, {"a": np.ones(2)}))
print(fg.vmap(np.sin)(np.ones(3)), fg.elementwise_grad(np.tanh)(np.ones(3)), fg.jit(np.exp)(np.ones(3)))
print(fnp.nonzero(np.ones(3), size=2), fnp.unique(np.ones(3), size=2), fnp.at(np.ones(3))[0].set(1.0))
print(fnp.linalg.norm(fnp.stack([fnp.ones(2), np.ones(2)])), fnp.fft.fft(np.ones(4)).real, fnp.add.reduce(np.ones(3)))


def smooth(w: Vector) -> Vector:
    widened = fnp.concatenate([w, w])
    found: Vector = fnp.exp(-(widened[: w.size] ** 2)) + fnp.where(w > 0.0, w, 0.0)
    return found


assert_type(fg.jit(smooth)(np.ones(3)), Vector)
fg.config.jit = True
fg.config.threads = 2
