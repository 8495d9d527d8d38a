"""What `lower` returns: a program that can be called as the function it was made of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from funcgrad import tree
from funcgrad.compile.alone import alone
from funcgrad.compile.program import Program
from funcgrad.compile.running import run_graph
from funcgrad.core.avals import Aval, array_leaf, aval_of, refusal
from funcgrad.core.forks import unforked
from funcgrad.core.frames import hide, hide_in, instead_of
from funcgrad.core.graph import evaluate
from funcgrad.core.staging import is_written
from funcgrad.core.trace import is_traced
from funcgrad.transforms.calls import graph_call


class Lowered(Program):
    """A `Program` that knows the structure of the arguments and results of its function.

    `compile()` gives a function of the arguments that are not static; `as_text()` is `text`. `numba` is a function for
    code of numba's, and `export(folder)` writes one for C.
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

    @property
    def numba(self) -> Callable[..., Any]:
        """The program as a function of numba's: `njit` code calls it, without Python in between.

        Arguments are arrays, numbers and tuples of them, as they were given to `lower`; so is the result, whose arrays
        are fresh. Arrays that are not C-contiguous are copied. Another dtype or number of dimensions is numba's
        TypingError, another shape a ValueError, an index out of bounds an IndexError. It may be called with `nogil` and
        from several threads at once. Code that calls it is not kept on disk by `cache=True`, and it cannot be pickled.
        Where traced values come to it, or numba compiles nothing (NUMBA_DISABLE_JIT), it is as the jitted function.

        Raises TypeError where Python runs a part of the program, naming the operation and its line. Products are all
        computed by the kernel, also those that are BLAS's when the jitted function is called.

        Example:
            >>> import numba
            >>> slope = fg.jit(fg.grad(lambda x: np.sum(np.sin(x) ** 2))).lower(np.zeros(3)).numba
            >>> @numba.njit
            ... def steps(x, count):
            ...     for _ in range(count):
            ...         x = x - 0.1 * slope(x)
            ...     return x
            >>> bool(np.all(steps(np.ones(3), 100) < 1e-6))
            True
        """
        graph = self.graph
        key = "numba", self._in_tree, self._out_tree, self._name
        found: Callable[..., Any] | None = graph.cache.get(key)
        if found is None:
            self._check_closed()
            segment = alone(graph, self._name, "numba")
            with unforked:
                from funcgrad.compile.numba_function import numba_function  # and numba with it: 0.3 s
            python = InPython(self, self._in_tree, self._out_tree, self._name)
            found = graph.cache.setdefault(
                key, numba_function(graph, segment, self._in_tree, self._out_tree, python)
            )
        return found

    def export(self, folder: str | os.PathLike[str], name: str | None = None) -> Path:
        """Write the program as one C function: `name.o` for a linker, and `name.h`, whose path is returned.

        The function takes pointers: to the leaves of the arguments, to the leaves of the result, which it writes, and
        to memory to work in. The header has the dtype and shape of each. It needs no more than the C library and its
        mathematics (`-lm`), runs on one thread, holds nothing from call to call, so that threads may call it at once,
        and is position-independent code for CPUs like this machine's. Arrays that the function captured are in it.

        `name` is the function's, which C must know no other of; the default is that of the Python function where it is
        such a name, else `program`. Raises ValueError for another, and TypeError where Python runs a part of the
        program (see `numba`).

        Example:
            >>> import tempfile
            >>> squares = fg.jit(lambda x: np.sum(x**2))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     header = squares.lower(np.ones(3)).export(folder, "squares")
            ...     "int squares(" in header.read_text()
            True
        """
        from funcgrad.compile.export import export  # which few programs need

        if not isinstance(folder, (str, os.PathLike)) or isinstance(os.fspath(folder), bytes):
            raise TypeError(f"export: folder must be a path, not {folder!r}")
        self._check_closed()
        given, named = self._in_tree.children
        arguments = [f"argument {n}{path}" for n, a in enumerate(given.children) for path in tree.leaf_paths(a)]
        arguments += [f"argument {path}" for path in tree.leaf_paths(named)]
        results = [f"result{path}" for path in tree.leaf_paths(self._out_tree)]
        return export(self.graph, (arguments, results), self._name, Path(folder), name)

    def _check_closed(self) -> None:
        if len(self.graph.inputs) != self._in_tree.num_leaves:
            raise TypeError(
                f"`{self._name}` uses traced values from outside, or axes with names: lower it outside of them"
            )

    def compile(self) -> Compiled:
        """The program as a function of arguments like those given to `lower`, and of no others."""
        return Compiled(self, self._in_tree, self._out_tree, self._name)


hide_in(Program, "__call__", "interpret")
hide_in(Lowered, "numba", "export")


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
            try:
                raise instead_of(error)
            except Exception as shown:
                hide(shown)
                raise

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
        return self._fitting(value, aval, where)

    def _fitting(self, value: Any, aval: Aval, where: str) -> Any:
        found = aval_of(value)
        if found.shape != aval.shape or not (found.dtype == aval.dtype or _yields(found, aval)):
            raise TypeError(f"{where} is {found}, but this was compiled for {aval}: call the jitted function itself")
        return value


class InPython(Compiled):
    """What a function of numba's is without numba: for traced values too, and where numba compiles nothing."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves = self._leaves(args, kwargs)
        return self._out_tree.unflatten(graph_call(*leaves, graph=self._program.graph, run=run_graph))

    def _checked(self, x: Any, aval: Aval, n: int) -> Any:
        if not is_traced(x):
            return super()._checked(x, aval, n)
        return self._fitting(x, aval, f"`{self.__name__}`: argument {list(tree.leaf_paths(self._in_tree))[n]}")

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"machine code of `{self.__name__}` has no meaning in another process: pickle the jitted function, and "
            "lower it there"
        )


def _yields(found: Aval, aval: Aval) -> bool:
    """Whether a Python number may stand for an array's."""
    return found.weak and np.can_cast(found.dtype, aval.dtype, "same_kind")


