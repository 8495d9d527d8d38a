"""Tensors as arguments of funcgrad's own transformations: `fg.grad(f)(tensor)`, `fg.jit(f)({"w": tensor})`.

What the transformation gets in the place of a Tensor is `Held`, a pytree node with the Tensor's value; the user's
function gets Tensors. So what has the structure of an argument or a result, as a gradient, has Tensors where that has.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import array_leaf
from funcgrad.core.trace import Tracer
from funcgrad.torch._record.modes import cut_off, mode, own_tape
from funcgrad.torch._record.tape import on_tape
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.func.batches import random_numbers
from funcgrad.torch.func.trees import differentiably, recording

_OF_A_NUMBER = ("grad", "value_and_grad", "elementwise_grad")
"""Those that look at what the function returns: it is the bare value."""
_DERIVATIVES = (*_OF_A_NUMBER, "vjp", "jvp", "linearize", "linear_transpose", "jacrev", "jacfwd", "explain")
LEVELS = {**dict.fromkeys(_DERIVATIVES, "derivative"), "vmap": "batch", "jit": "", "make_graph": ""}
"""As which transformation of `torch.func` each counts; `hessian`, `hvp` and `jacobian` are made of them."""


class Held:
    """A node with one child, the value of a Tensor."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _hold(aux: None, children: tuple[Any, ...]) -> Any:
    """The node of a value. In a Jacobian, where a tree stands in the place of the value, the nodes are in that tree."""
    (child,) = children
    if isinstance(child, Held) or tree.structure(child) is not tree.LEAF:
        return tree.map(lambda x: x if isinstance(x, Held) else _hold(None, (x,)), child, is_leaf=_is_held)
    return child if array_leaf(child) is None else Held(child)


tree.register_pytree_with_keys(Held, lambda held: ((("", held.value),), None), _hold)


def _is_held(x: Any) -> bool:
    return isinstance(x, Held)


def host(name: str, call: Callable[..., Any], fun: Callable[..., Any], given: Any) -> Any:
    """Run a transformation whose arguments have Tensors among them; see `funcgrad.transforms.guests`.

    The rules are those of `torch.func`: what comes from recorded values is recorded, captured Tensors are not written
    where derivatives are taken. A jitted program is one entry. An argument is not written: it would be a copy.
    """
    if name not in LEVELS:
        return call(fun, given)
    level = LEVELS[name]
    inner = _Inner(name, fun)
    if level:
        found = recording(level, call, inner, _held(given), hosted=True)
    else:
        found = differentiably(call, inner, _held(given))
    return _returned(name, inner.value_held(found))


class _Inner:
    """The user's function of Tensors as one of nodes."""

    def __init__(self, name: str, fun: Callable[..., Any]) -> None:
        wraps(fun, updated=())(self)
        self.name = name
        self.fun = fun
        self.gave_tensor = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not LEVELS[self.name]:
            with own_tape(constants=False):
                return tree.map(_off_tape, _held(self._run(args, kwargs)))
        if self.name == "vmap":
            with random_numbers("error"):
                return _held(self._run(args, kwargs))
        out = self._run(args, kwargs)
        if self.name not in _OF_A_NUMBER:
            return _held(out)
        if isinstance(out, (tuple, list)) and len(out) == 2:
            return self._number(out[0]), _held(out[1])
        return self._number(out)

    def _run(self, args: Any, kwargs: Any) -> Any:
        tensors: list[Tensor] = []

        def given(x: Any) -> Any:
            if not isinstance(x, Held):
                return x
            tensors.append(fresh(_whole(x.value)))
            return tensors[-1]

        args, kwargs = tree.map(given, (args, kwargs), is_leaf=_is_held)
        out = self.fun(*args, **kwargs)
        if any(t._storage.written for t in tensors):
            raise NotImplementedError(
                f"fg.{self.name} of a function that writes its argument in place: let it write into a clone()"
            )
        return out

    def _number(self, out: Any) -> Any:
        self.gave_tensor = isinstance(out, Tensor)
        return _value_of(out) if self.gave_tensor else out

    def value_held(self, found: Any) -> Any:
        """The result, with a node for the value that `value_and_grad` returns beside the gradient."""
        if self.name != "value_and_grad" or not self.gave_tensor:
            return found
        value, gradient = found
        return (Held(value) if not isinstance(value, tuple) else (Held(value[0]), value[1])), gradient


def _value_of(t: Tensor) -> Any:
    """A Tensor's value, whose memory is copied before the Tensor is written."""
    value = t._read()
    t._storage.lend()
    return value.copy() if t._storage.shared and type(value) is np.ndarray else value


def _off_tape(value: Any) -> Any:
    """A result without what was recorded on the tape that a function had to itself."""
    return value.value if on_tape(value) and value._trace is mode.tape else value


def _held(x: Any) -> Any:
    """A tree with nodes in the place of Tensors; constants where recording is off."""

    def node(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        value = _value_of(leaf)
        return Held(value if mode.enabled else cut_off(value))

    return tree.map(node, x)


def _whole(value: Any) -> Any:
    return value if isinstance(value, Tracer) else np.asarray(value)


def _returned(name: str, found: Any) -> Any:
    """A result with Tensors for nodes; the function in that of `vjp` takes and returns Tensors too."""
    if name in ("vjp", "linearize"):
        found = (found[0], _of_tensors(found[1]), *found[2:])
    return _of_tensors(found) if name == "linear_transpose" else _tensors(found)


def _of_tensors(linear: Callable[..., Any]) -> Callable[..., Any]:
    return wraps(linear)(lambda *given: _tensors(differentiably(linear, *_held(given))))


def _tensors(found: Any) -> Any:
    return tree.map(lambda x: fresh(_whole(x.value)) if isinstance(x, Held) else x, found, is_leaf=_is_held)
