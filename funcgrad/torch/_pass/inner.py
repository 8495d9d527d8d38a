"""A backward pass inside of another: over what was computed again, to where it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from funcgrad.core.tape import Node, entries
from funcgrad.torch._pass.engine import Pass
from funcgrad.torch._tensor.tensor import Tensor


class Inner(Pass):
    """A pass that ends at the entries from outside, of which some are wanted: hooks there are not its own."""

    def __init__(self, outer: Pass, first: int, wanted: Sequence[Node]) -> None:
        super().__init__(True, outer.create, {node.seq: None for node in wanted}, accumulates=False)
        self.first = first

    def stop(self, node: Node, ct: Any) -> None:
        if self.wanted is not None and node.seq in self.wanted:
            self.found[node.seq] = ct

    leaf = stop

    def ways(self, outputs: Sequence[Node]) -> set[int]:
        return {node.seq for node in entries(outputs) if node.seq > self.first}

    def within(self, outputs: Sequence[Tensor], grads: Sequence[Tensor]) -> dict[int, Any]:
        """The cotangents of the wanted entries, by `seq`."""
        self.run(outputs, grads)
        return self.found
