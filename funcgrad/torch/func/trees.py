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
from funcgrad.torch._record.modes import cut_off, mode, no_grad, within
from funcgrad.torch._record.operands import refuse_traced
from funcgrad.torch._tensor.storage import inside
from funcgrad.torch._tensor.tensor import Tensor, fresh


def values_of(x: Any) -> Any:
    """A tree of Tensors as one of values; constants where recording is off."""
    return tree.map(_value_of, x)


def _value_of(t: Any) -> Any:
    if not isinstance(t, Tensor):
        refuse_traced(t)
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
        leaves = enumerate(tree.leaves(self.tensors))
        return [(i, t._read()) for i, t in leaves if t._storage.version or t._storage.stamp]


class Writes:
    """What a transformed function has written into its arguments, through `detach()` or in `no_grad`."""

    def __init__(self, args: Any) -> None:
        self.args = args
        self.places: list[int] = []

    def of(self, given: Given) -> list[Any]:
        """The values that its arguments hold now, for the transformation to return besides."""
        written = given.written()
        self.places = [i for i, _ in written]
        return [value for _, value in written]

    def store(self, new: list[Any]) -> None:
        """Write them into the caller's tensors."""
        leaves = tree.leaves(self.args)
        for i, value in zip(self.places, new):
            with no_grad():
                leaves[i].copy_(fresh(value))


def outputs_of(out: Any, refused: str) -> Any:
    """The values of what a function returned; RuntimeError where that is not only Tensors."""
    for leaf in tree.leaves(out):
        if not isinstance(leaf, Tensor):
            raise RuntimeError(refused.format(type(leaf)))
    return tree.map(lambda t: t._read(), out)


def recording(
    level: str, fun: Callable[..., Any], *args: Any, given: Any = (), hosted: bool = False, **kwargs: Any
) -> Any:
    """Call a transformation `differentiably`: `no_grad` around it does not make its derivatives zero. `level` is
    "derivative" or "batch"; `given` is a tree of what the user's function gets besides, whose Tensors it may write;
    `hosted`, that it is funcgrad's own.
    """
    with inside(level, [t._storage for t in tree.leaves(given) if isinstance(t, Tensor)], hosted):
        return differentiably(fun, *args, **kwargs)


def differentiably(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call with recording on; where it is off, as in inference mode, what comes back is cut off."""
    if mode.enabled:
        return fun(*args, **kwargs)
    return tree.map(cut_off, within((True, False, None), fun, *args, **kwargs))


def spec_of(x: Any, indent: int = 2) -> str:
    """A tree's structure in the words of PyTorch's errors."""
    if not isinstance(x, (tuple, list, dict)):
        return "*"
    parts = f",\n{' ' * indent}".join(spec_of(v, indent + 2) for v in (x.values() if isinstance(x, dict) else x))
    return f"TreeSpec({type(x).__name__}, {list(x) if isinstance(x, dict) else None}, [{parts}])"


def shape_of(x: Any) -> str:
    """A tree with a star for each leaf."""
    return str(tree.structure(x)).removeprefix("PyTreeDef(").removesuffix(")")
