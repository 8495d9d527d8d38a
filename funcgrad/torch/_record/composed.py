"""What PyTorch records as several operations and is one entry here: composed of them where that can be seen.

That is where hooks look at what is saved, and where `grad_fn.next_functions` is asked for what lies between a result
and its operands. Then the operations are run once, on zeros in the operands' shapes that stand at the operands'
entries, and what that records is shown. It has no part in a backward pass.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from funcgrad.core.tape import Node, TapeTracer, entries
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.tape import BASE, note_of, on_tape, unshared
from funcgrad.torch._tensor.tensor import Tensor, fresh

Described = tuple[Node | None, tuple[int, ...], np.dtype, tuple[int, ...] | None]
"""The entry of an operand, its shape and dtype, and its strides where its elements do not lie in order."""


class Form:
    """How a result is composed: a function of Tensors, and what is known of its operands without their memory.

    `operands` are `Described`, and what is no tensor alone in a tuple. `real` is the entry that it is of.
    """

    __slots__ = ("__weakref__", "entries", "fun", "operands", "params", "real")

    def __init__(self, fun: Callable[..., Any], operands: Sequence[tuple[Any, ...]], params: dict[str, Any]) -> None:
        self.fun, self.operands, self.params = fun, operands, params
        self.entries: list[Node] | None = None
        self.real: weakref.ref[Node] | None = None

    def entry(self, index: int) -> Node:
        """The entry of a result as PyTorch has it, with those between it and the operands."""
        if self.entries is None:
            self.entries = self.compose()
        return self.entries[index]

    def compose(self) -> list[Node]:
        first = Node().seq
        before = mode.enabled, mode.savers, mode.tape, mode.inference
        mode.savers, mode.tape, mode.inference = (), BASE, False
        mode.enabled = True
        try:
            with warnings.catch_warnings(action="ignore"):
                found = self.fun(*map(_stand_in, self.operands), **self.params)
        finally:
            mode.inference = before[3]
            mode.enabled, mode.savers, mode.tape, _ = before
        outs = [t._value.node for t in (found if isinstance(found, tuple) else (found,)) if on_tape(t._value)]
        for node in entries(outs):
            if node.seq > first and note_of(node) is not None:
                unshared(node).stands_in = weakref.ref(self)
        return outs


def form_of_kind(composed: tuple[Callable[..., Any], tuple[int, ...]], read: list[Node | None]) -> Form:
    """The form of an entry whose kind says how it is composed, of tensors with so many dimensions. A product of
    constants has no entry: so of two factors before what is added there may be one entry alone, the last one."""
    fun, ranks = composed
    nodes = [None] * (len(ranks) - len(read)) + read
    return Form(fun, [(node, (1,) * rank, np.dtype(float), None) for node, rank in zip(nodes, ranks)], {})


def _described(t: Any) -> tuple[Any, ...]:
    if not isinstance(t, Tensor):
        return (t,)
    value, node = t._value, None
    if type(value) is TapeTracer and value._trace is BASE:
        value, node = value.value, value.node
    strides = value.strides if type(value) is np.ndarray and not value.flags.c_contiguous else None
    return node, value.shape, value.dtype, strides


def _stand_in(described: tuple[Any, ...]) -> Any:
    if len(described) == 1:
        return described[0]
    node, shape, dtype, strides = described
    zeros = np.zeros(shape, dtype)
    if strides is not None and zeros.size:
        reach = sum((n - 1) * abs(s) for n, s in zip(shape, strides)) // dtype.itemsize + 1
        zeros = as_strided(np.zeros(reach, dtype), shape, [abs(s) for s in strides])
    return fresh(zeros if node is None else TapeTracer(BASE, zeros, node))


def composite(form: Callable[..., Any], plain: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    """`plain(*operands)`, whose results are one entry each, and which `form(*operands)` composes of operations."""
    if mode.composing:
        return form(*operands, **params)
    found = plain(*operands, **params)
    if type(found) is not tuple:
        value = found._value
        if type(value) is TapeTracer and value._trace is BASE:
            unshared(value.node).form = Form(form, [_described(t) for t in operands], params), 0
        return found
    nodes = [t._value.node for t in found if on_tape(t._value) and t._value._trace is BASE]
    of = Form(form, [_described(t) for t in operands], params) if nodes else None
    for i, node in enumerate(nodes):
        unshared(node).form = of, i
    return found
