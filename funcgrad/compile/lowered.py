"""What `lower` returns: a program that can be called as the function it was made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.compile.program import Program
from funcgrad.core import provenance
from funcgrad.core.avals import Aval, array_leaf, aval_of, refusal
from funcgrad.core.graph import evaluate, is_written
from funcgrad.core.trace import is_traced
from funcgrad.errors import strip_frames


class Lowered(Program):
    """A `Program` that knows the structure of the arguments and results of its function.

    `compile()` gives a function of the arguments that are not static; `as_text()` is `text`.
    """

    __slots__ = ("_in_tree", "_name", "_out_tree")

    def __init__(self, program: Program, in_tree: tree.TreeDef, out_tree: tree.TreeDef, name: str) -> None:
        for part in Program.__slots__:
            if part != "__weakref__":
                setattr(self, part, getattr(program, part))
        self._in_tree = in_tree
        self._out_tree = out_tree
        self._name = name

    def as_text(self) -> str:
        """The kernels, and the function that runs them, as readable Python."""
        return self.text

    def compile(self) -> Compiled:
        """The program as a function of arguments like those given to `lower`, and of no others."""
        return Compiled(self, self._in_tree, self._out_tree, self._name)


class Compiled:
    """A compiled function for one structure, shapes and dtypes of its arguments; TypeError for any others.

    Static arguments are part of it, and are not given again.
    """

    def __init__(self, program: Lowered, in_tree: tree.TreeDef, out_tree: tree.TreeDef, name: str) -> None:
        self._program = program
        self._in_tree = in_tree
        self._out_tree = out_tree
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            leaves = self._leaves(args, kwargs)
            graph = self._program.graph
            outs = evaluate(graph, leaves) if is_written(graph.outside) else self._program(*leaves)
            return self._out_tree.unflatten(outs)
        except Exception as error:
            raise strip_frames(error, provenance.is_internal)  # noqa: B904  (the cause stays as it is)

    def as_text(self) -> str:
        """The kernels, and the function that runs them, as readable Python."""
        return self._program.text

    def _leaves(self, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
        leaves, in_tree = tree.flatten((args, kwargs))
        if in_tree != self._in_tree:
            raise TypeError(
                f"`{self.__name__}` was compiled for arguments of the structure {self._in_tree}, not {in_tree}"
            )
        avals = self._program.graph.in_avals
        if len(avals) != len(leaves):
            raise TypeError(f"`{self.__name__}` uses traced values from outside: call the jitted function itself")
        return [self._checked(x, aval, n) for n, (x, aval) in enumerate(zip(leaves, avals))]

    def _checked(self, x: Any, aval: Aval, n: int) -> Any:
        where = f"`{self.__name__}`: argument {list(tree.leaf_paths(self._in_tree))[n]}"
        if is_traced(x):
            raise TypeError(f"{where} is traced, and a compiled program is for arrays: call the jitted function itself")
        value = array_leaf(x)
        if value is None:
            raise TypeError(refusal(where, x))
        found = aval_of(value)
        if found.shape != aval.shape or not (found.dtype == aval.dtype or _yields(found, aval)):
            raise TypeError(f"{where} is {found}, but this was compiled for {aval}: call the jitted function itself")
        return value


def _yields(found: Aval, aval: Aval) -> bool:
    """Whether a Python number may stand for an array's."""
    return found.weak and np.can_cast(found.dtype, aval.dtype, "same_kind")


