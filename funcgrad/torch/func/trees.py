"""Between trees of Tensors and trees of values: how a function of Tensors is given to funcgrad's transformations.

Inside, a Tensor holds a traced value. Transformations nest as funcgrad's do, with `backward` around them too: what
they compute from recorded values is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.trace import Tracer
from funcgrad.torch._record.modes import cut_off, enable_grad, mode
from funcgrad.torch._tensor.storage import inside
from funcgrad.torch._tensor.tensor import Tensor, fresh


def values_of(x: Any) -> Any:
    """A tree of Tensors as one of values; constants where recording is off."""
    return tree.map(_value_of, x)


def _value_of(t: Any) -> Any:
    if not isinstance(t, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(t)}")
    return t._read() if mode.enabled else cut_off(t._read())


def tensors_of(x: Any) -> Any:
    """A tree of values as one of Tensors."""
    return tree.map(lambda v: fresh(v if isinstance(v, Tracer) else np.asarray(v)), x)


class Given:
    """The Tensors that a user's function is given in place of its caller's, and which of them it has written."""

    def __init__(self, values: Any) -> None:
        self.tensors = tensors_of(values)

    def written(self) -> list[tuple[int, Any]]:
        """Which of the leaves it has written in place, and what they hold now."""
        return [(i, t._read()) for i, t in enumerate(tree.leaves(self.tensors)) if t._storage.version]

    def refuse_written(self, transformation: str) -> None:
        """NotImplementedError where what it has written would have to reach the caller."""
        if self.written():
            raise NotImplementedError(
                f"torch.func.{transformation} of a function that writes its argument in place: let it write into a "
                "clone()"
            )


def outputs_of(out: Any, refused: str) -> Any:
    """The values of what a function returned; RuntimeError where that is not only Tensors."""
    for leaf in tree.leaves(out):
        if not isinstance(leaf, Tensor):
            raise RuntimeError(refused.format(type(leaf)))
    return tree.map(lambda t: t._read(), out)


def recording(level: str, fun: Callable[..., Any], *args: Any, given: Any = (), **kwargs: Any) -> Any:
    """Call a transformation `differentiably`: `no_grad` around it does not make its derivatives zero. `level` is
    "derivative" or "batch"; `given` is a tree of what the user's function gets besides, whose Tensors it may write.
    """
    with inside(level, [t._storage for t in tree.leaves(given) if isinstance(t, Tensor)]):
        return differentiably(fun, *args, **kwargs)


def differentiably(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call with recording on; where it is off, what comes back is cut off."""
    if mode.enabled:
        return fun(*args, **kwargs)
    with enable_grad():
        out = fun(*args, **kwargs)
    return tree.map(cut_off, out)
