"""Edges of the graph: an entry and which of its outputs, in place of the tensor, whose memory they do not hold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.tape import TapeTracer
from funcgrad.torch._pass.gradfn import GradFn, edge_of
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.tape import on_tape
from funcgrad.torch._tensor.tensor import Tensor, fresh

NEEDS_GRADIENTS = "It is not possible to get the gradient edge for a Tensor that does not require gradients"
OTHER_OUTPUT = (
    "output {} of {}: take torch.autograd.graph.get_gradient_edge(tensor), while there is that tensor; of its entry it "
    "is not known"
)


class GradientEdge(NamedTuple):
    """An entry, and which of its outputs: `torch.autograd.grad` and `backward` take it in place of the tensor.

    `ownership_token` is what `get_gradient_edge` leaves there.
    """

    node: GradFn
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Where a tensor that requires grad is in the graph. The tensor may be deleted then, or written.

    Raises RuntimeError where it requires none.

    >>> import funcgrad.torch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> y = x.exp()
    >>> edge = torch.autograd.graph.get_gradient_edge(y)
    >>> torch.autograd.grad((y * y).sum(), edge)
    (tensor([5.4366, 5.4366]),)
    """
    if not tensor.requires_grad:
        raise RuntimeError(NEEDS_GRADIENTS)
    tensor._check_entry()
    value: Any = tensor._read()
    like = np.broadcast_to(np.zeros((), value.dtype), value.shape)
    node, output = edge_of(value.node)
    assert node is not None
    return GradientEdge(node, output, fresh(TapeTracer(value._trace, like, value.node)))


def at_end(end: Any) -> Any:
    """What stands for an edge where a tensor is expected; anything else as it is."""
    if not isinstance(end, GradientEdge):
        return end
    if isinstance(end.ownership_token, Tensor):
        return end.ownership_token
    node = end.node._node
    leaf = end.node.variable if node.prim is None else None
    if leaf is not None and on_tape(leaf._read()) and leaf._read().node is node:
        return leaf
    if end.output_nr or edge_of(node)[1]:
        raise NotImplementedError(OTHER_OUTPUT.format(end.output_nr, end.node.name()))
    return fresh(TapeTracer(mode.tape, np.zeros(()), node))
