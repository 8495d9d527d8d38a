"""`torch.autograd.forward_ad`: tensors that carry a tangent, by funcgrad's forward mode.

A tensor that was made within a level belongs to it: behind it, `unpack_dual` gives its values, and anything else an
error, where PyTorch goes on without the tangent. `backward` starts at what `unpack_dual` gives, not at a dual tensor.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from funcgrad.core.provenance import here
from funcgrad.names import own_names as _own_names
from funcgrad.torch._record.modes import cut_off, mode
from funcgrad.torch._tensor.storage import scope
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.transforms.jvp import JvpTrace, JvpTracer

NO_LEVEL = (
    "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
)
OTHER_SIZE = (
    "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
    "supported. Tensor is of size {} while the given forward gradient is of size {}."
)
TWICE = (
    "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not supported."
)


class _Level(threading.local):
    trace: JvpTrace | None = None


_level = _Level()


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` returns."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Begin a level; RuntimeError within another."""
    if _level.trace is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _level.trace = JvpTrace()
    scope.dual = True
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: the tangents of its tensors are gone."""
    if _level.trace is None:
        raise RuntimeError("Dual level must be a positive number.")
    if level:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    _level.trace.end()
    _level.trace, scope.dual = None, False


@contextmanager
def dual_level() -> Iterator[int]:
    """A level, as a context manager.

    >>> import funcgrad.torch as torch
    >>> with dual_level():
    ...     x = make_dual(torch.tensor(3.0), torch.tensor(1.0))
    ...     unpack_dual(x * x).tangent
    tensor(6.)
    """
    level = enter_dual_level()
    try:
        yield level
    finally:
        exit_dual_level()


def _taken(t: Tensor) -> Any:
    value = t._read() if mode.enabled else cut_off(t._read())
    t._storage.lend()
    return value


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A tensor with the values of one and the tangent of another, for the level that is entered.

    It has memory of its own, where PyTorch's is a view of `tensor`.
    """
    if _level.trace is None:
        raise RuntimeError(NO_LEVEL)
    for what, t in (("primal", tensor), ("tangent", tangent)):
        if not (t.is_floating_point() or t.is_complex()):
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {t.dtype}")
    if tangent.shape != tensor.shape:
        raise RuntimeError(OTHER_SIZE.format(list(tensor.shape), list(tangent.shape)))
    value, along = _taken(tensor), _taken(tangent)
    if _of_level(value):
        raise RuntimeError(TWICE)
    return fresh(JvpTracer(_level.trace, value, along.astype(value.dtype), here()))


def _of_level(value: Any) -> bool:
    return type(value) is JvpTracer and (value._trace is _level.trace or not value._trace.alive)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The values of a tensor and its tangent, None where it has none."""
    value = tensor._read()
    if not _of_level(value):
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(fresh(value.value), fresh(value.tangent) if value._trace.alive else None)


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
