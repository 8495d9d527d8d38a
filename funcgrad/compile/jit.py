"""`jit`: which compiled program belongs to a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NoReturn, Protocol, overload
from weakref import WeakMethod

import numpy as np

from funcgrad import tree
from funcgrad.compile.keys import exact
from funcgrad.compile.running import program_of, run_graph
from funcgrad.compile.wrappers import wrapper
from funcgrad.config import config
from funcgrad.core import provenance
from funcgrad.core.avals import Aval, aval_of, described, refusal
from funcgrad.core.forks import unforked
from funcgrad.core.frames import hide, instead_of
from funcgrad.core.graph import Graph, hoist, without_effects
from funcgrad.core.memory import copied
from funcgrad.core.recent import Recent
from funcgrad.core.staging import is_written, trace_graph
from funcgrad.core.trace import Tracer
from funcgrad.ops import large
from funcgrad.transforms.arguments import array_leaf, leaf_path, of_an_object, parameter_name, refused_output
from funcgrad.transforms.axes import Axis, bound_axes, with_axes
from funcgrad.transforms.calls import graph_call
from funcgrad.transforms.custom.rules import name_of
from funcgrad.transforms.decorating import Function, Options, P, R, decorator
from funcgrad.transforms.function import Transformed
from funcgrad.transforms.guests import HOSTS, Host, host_of
from funcgrad.transforms.nans import has_nan, look

if TYPE_CHECKING:
    from inspect import Parameter

    from funcgrad.compile.lowered import Lowered  # and the compiler with it
    from funcgrad.compile.program import Program

ndarray = np.ndarray
Numbers = int | Sequence[int]
Names = str | Sequence[str]
_SCALARS = frozenset((float, int, complex, bool, *(np.dtype(c).type for c in "?bhilqBHILQefdgFDG")))


class Jitting(Protocol[Options]):
    """What `jit` is to a type checker: its result is called as the function is."""

    @overload
    def __call__(self, fun: np.ufunc, /, *args: Options.args, **options: Options.kwargs) -> Jitted[..., Any]: ...
    @overload
    def __call__(self, fun: Callable[P, R], /, *args: Options.args, **options: Options.kwargs) -> Jitted[P, R]: ...
    @overload
    def __call__(self, **options: Any) -> Callable[[Callable[P, R]], Jitted[P, R]]: ...


def _jitting(transformation: Callable[Concatenate[Function, Options], Any]) -> Jitting[Options]:
    made: Jitting[Options] = decorator(transformation)
    return made


@_jitting
def jit(
    fun: Callable[..., Any],
    static_argnums: Numbers = (),
    static_argnames: Names = (),
    donate_argnums: Numbers = (),
) -> Jitted[..., Any]:
    """`fun`, traced once for each structure, shapes and dtypes of its arguments, and compiled.

    The whole program is one kernel of machine code: elementwise operations, views, reductions, indexing, running sums,
    small products, and `lax`'s loops and branches. Large products (BLAS), linear algebra, sorting, complex numbers and
    float16 stay on NumPy, with a kernel between two such calls; `lower(*args).reasons` says why. Sizes are part of a
    kernel, so another shape is another compile. Large kernels use the threads of `config.threads`, with the same
    results for any number.

    Arguments are pytrees of arrays and numbers; a Python number counts by its type, not its value.
    Arguments that are none of these are named by `static_argnums` or `static_argnames`: they must be
    hashable, and each new value is traced anew. Arrays that `fun` closes over are captured as they are when
    it is traced. Results of rank 0 are NumPy scalars (Python's, where they come of Python's numbers alone), others
    fresh C-contiguous arrays. `donate_argnums` is accepted for JAX's sake and changes nothing: arguments are never
    written into, and may be used afterwards.

    The result has `lower(*args)` (the compiled `Program`, whose `compile()` is a function for such arguments only,
    `numba` one for code of numba's, and `export(folder)` writes one for C), `cache_size()` and `clear_cache()`. A
    jitted function may be called inside `grad`, `vmap`, `jvp` and other jitted functions. With `config.jit = False` it
    is `fun`.

    Without a function, `jit` returns a decorator: `@jit(static_argnames="n")`. Python's integers are exact, as
    outside; one that an array's dtype cannot hold raises OverflowError. Static arguments that are equal but differ
    (0.0 and -0.0, 1 and 1.0 and True) have programs of their own. The signatures used last are kept, `KEPT` of them.

    Raises TypeError, naming the argument, for a leaf that is no number, and for a static one without a hash or whose
    `==` gives no truth value.

    Example:
        >>> import numpy as np
        >>> f = jit(lambda x: np.sum(np.sin(x) ** 2))
        >>> round(float(f(np.ones(3))), 6)
        2.12422
    """
    return Jitted(
        jit,
        fun,
        static_argnums=static_argnums,
        static_argnames=static_argnames,
        donate_argnums=donate_argnums,
    )


KEPT = 256
"""Signatures of one function."""


class Staged:
    """One traced signature: its program, its output's structure, and the outer traced values it captured.

    `axes`: how many indices along axes that have names the program takes behind its arguments.
    """

    __slots__ = ("axes", "captured", "direct", "fast", "graph", "out_tree", "single")

    def __init__(self, graph: Graph, out_tree: tree.TreeDef, captured: list[Tracer], axes: int) -> None:
        self.axes = axes
        self.graph = graph
        self.out_tree = out_tree
        self.captured = captured
        self.single = out_tree is tree.LEAF
        # whether a program's outputs are the result as they are
        self.direct = self.single or out_tree == tree.structure((0,) * len(graph.outputs))
        self.fast: Callable[..., Any] | None = None

    def result(self, outputs: Sequence[Any]) -> Any:
        return outputs[0] if self.single else self.out_tree.unflatten(outputs)


class Jitted(Transformed, Generic[P, R]):
    """What `jit` returns."""

    def __init__(self, run: Callable[..., Any], fun: Callable[..., Any], **options: Any) -> None:
        super().__init__(run, fun, **options)
        self._static_numbers, self._static_names = _static(
            fun, options["static_argnums"], options["static_argnames"]
        )
        _numbers(options["donate_argnums"], "donate_argnums")
        self._has_static = bool(self._static_numbers or self._static_names)
        self._staged = Recent(KEPT)
        self._quick: dict[Any, Callable[..., Any]] = {}
        self._hosted: Jitted[..., Any] | None = None

    if not TYPE_CHECKING:  # a checker shall see that a name does not exist

        def __getattr__(self, name: str) -> NoReturn:
            """AttributeError, which says what a compiled program has."""
            of_program = name in ("numba", "text", "graph", "kernels", "export", "calls")
            instead = f": use f.lower(*args).{name}, of the program for such arguments" if of_program else ""
            raise AttributeError(f"'Jitted' object has no attribute {name!r}{instead}", name=name, obj=self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            if kwargs or not config.usual:
                return self._call(args, kwargs, None)
            return self._fast(*args)
        except Exception as error:
            try:
                raise instead_of(error)
            except Exception as shown:
                hide(shown)
                raise

    def _fast(self, *args: Any) -> Any:
        """A call whose arguments are not those of the last one, whose compiled function takes this method's place."""
        return self._looked_up(args, None)

    def _looked_up(self, args: tuple, tried: Callable[..., Any] | None) -> Any:
        """A call by the function that has been compiled for such arguments, where it is not the one just tried."""
        parts: list[Any] = []
        for a in args:
            kind = type(a)
            if kind is ndarray:
                parts += [a.shape, a.dtype]
            elif kind in _SCALARS:
                parts.append(kind)
            else:
                return self._call(args, {}, None)
        quick = tuple(parts)
        found = self._quick.get(quick)
        if found is None or found is tried:
            return self._call(args, {}, quick)
        self._fast = found
        return found(*args)

    def _call(self, args: tuple, kwargs: dict[str, Any], quick: tuple | None) -> Any:
        host = host_of(self._dynamic(args, kwargs)) if HOSTS else None
        if host is not None:
            return self._by_host(host, args, kwargs)
        if not config.jit:
            args, kwargs = tree.map(copied, (args, kwargs))  # as when it is compiled, it gets arrays of its own
            return self._fun(*args, **kwargs)
        staged, leaves = self._stage(args, kwargs)
        values = [*leaves, *staged.captured]
        if any(isinstance(v, Tracer) for v in values) or is_written(staged.graph.outside):
            return staged.result(graph_call(*values, graph=staged.graph, run=run_graph))
        program = program_of(staged.graph)
        if not self._has_static and not kwargs and not staged.captured and not staged.graph.outside:
            self._remember(quick, args, leaves, program, staged)
        outputs = program.run(*values)
        if config.debug_nans and has_nan(outputs):
            self._find_nan(args, kwargs)
        return staged.result(outputs)

    def _by_host(self, host: Host, args: tuple, kwargs: dict[str, Any]) -> Any:
        """A call with somebody's objects for arrays: the function that the host makes of ours is jitted, once."""
        numbers = self._numbers_of(args)

        def call(fun: Callable[..., Any], given: tuple[tuple, dict[str, Any]]) -> Any:
            dynamic, named = given
            if self._hosted is None:
                self._hosted = Jitted(self._run, fun, **self._options)
            rest = iter(dynamic)
            static = {k: v for k, v in kwargs.items() if k not in named}
            return self._hosted(*(a if n in numbers else next(rest) for n, a in enumerate(args)), **named, **static)

        return host("jit", call, self._fun, self._dynamic(args, kwargs))

    def _find_nan(self, args: tuple, kwargs: dict[str, Any]) -> NoReturn:
        """Trace the function once more, with the lines of derivatives too, and look at its operations one by one."""
        staged, leaves = Jitted(self._run, self._fun, **self._options)._stage(args, kwargs)
        if "io" not in staged.graph.outside:
            (graph,) = without_effects({"graph": staged.graph}).values()
            look(graph, leaves)
        raise FloatingPointError(f"the jitted function `{name_of(self)}` gave NaN{provenance.at(provenance.here())}")

    def _remember(
        self, quick: tuple | None, args: tuple, leaves: Sequence[Any], program: Program, staged: Staged
    ) -> None:
        """Let the next call like this one go the shortest way, by a function that looks at its arguments itself."""
        if staged.fast is None:
            method = WeakMethod(self._missed)  # a function must not own what owns it
            missed = lambda *args: method()(*args)  # type: ignore[misc]
            if program.whole is None:
                avals = [aval_of(x) for x in leaves]
                staged.fast = wrapper(tree.structure(args), staged.out_tree, avals, program.run, missed)
            elif quick is not None and staged.direct:
                staged.fast = program.whole.bound(missed, staged.single)
            else:
                run = program.whole.bound(lambda *leaves: None)
                staged.fast = wrapper(tree.structure(args), staged.out_tree, None, run, missed)
        if staged.fast is not None:
            self._fast = staged.fast
            if quick is not None:
                self._quick[quick] = staged.fast

    def _missed(self, *args: Any) -> Any:
        """What the compiled function of the last call does not take, or cannot do."""
        return self._looked_up(args, self.__dict__.pop("_fast", None))

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """The program for these arguments, compiled but not run. Arrays may be given as `ShapeDtypeStruct`."""
        try:
            staged, _ = self._stage(args, kwargs, takes_shapes=True)
            dynamic, named = self._dynamic(args, kwargs)
            from funcgrad.compile.lowered import Lowered  # and the compiler with it

            return Lowered(program_of(staged.graph), tree.structure((dynamic, named)), staged.out_tree, name_of(self))
        except Exception as error:
            try:
                raise instead_of(error)
            except Exception as shown:
                hide(shown)
                raise

    def cache_size(self) -> int:
        """How many signatures have been traced and kept."""
        return len(self._staged) + (self._hosted.cache_size() if self._hosted is not None else 0)

    def clear_cache(self) -> None:
        """Forget all traced signatures. Machine code goes with the last program that uses it."""
        self._forget()
        self._staged.clear()
        self._hosted = None

    def _forget(self) -> None:
        self._quick.clear()
        self.__dict__.pop("_fast", None)

    def _numbers_of(self, args: tuple) -> set[int]:
        """The positions of the static arguments of a call."""
        return {n % len(args) for n in self._static_numbers if -len(args) <= n < len(args)}

    def _dynamic(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """The arguments that are not static."""
        numbers = self._numbers_of(args)
        named = {k: v for k, v in kwargs.items() if k not in self._static_names}
        return tuple([a for n, a in enumerate(args) if n not in numbers]), named

    def _stage(
        self, args: tuple, kwargs: dict[str, Any], takes_shapes: bool = False
    ) -> tuple[Staged, list[Any]]:
        """The traced program for a call, and the values of its inputs: avals, where shapes may stand for arrays."""
        numbers = self._numbers_of(args)
        dynamic, named = self._dynamic(args, kwargs)
        static: tuple[tuple[int | str, Any], ...] = tuple([(n, args[n]) for n in sorted(numbers)])
        static += tuple(sorted((k, v) for k, v in kwargs.items() if k in self._static_names))
        leaves, treedef = tree.flatten((dynamic, named))
        leaves = [
            (takes_shapes and described(leaf)) or self._leaf(leaf, index, args, kwargs, numbers)
            for index, leaf in enumerate(leaves)
        ]
        avals = tuple(map(aval_of, leaves))
        key: tuple = treedef, avals, tuple([self._static_key(name, value) for name, value in static])
        axes = bound_axes()
        inside = *key, tuple([axis.key for axis in axes])
        try:
            staged = self._staged.get(key) or (self._staged.get(inside) if axes else None)
        except Exception as error:
            if not static:
                raise
            named_static = ", ".join(f"`{name}`" if isinstance(name, str) else str(name) for name, _ in static)
            raise TypeError(
                f"jit: a static argument ({named_static}) cannot be compared by == with the one of an earlier call: "
                f"{error}. An array, and an object that holds one, is passed as an ordinary argument."
            ) from None
        if staged is None:
            # as they are now: the function may write into the caller's arrays while it is traced
            leaves = list(map(copied, leaves))
            staged = self._trace(avals, treedef, dict(static), len(args))
            if not staged.captured:
                staged = self._staged.setdefault(inside if staged.axes else key, staged)
                # what is still in use comes back through `_staged`, which is told so in this way
                self._forget()
        if staged.axes:
            leaves += [axis.take() for axis in axes]
        return staged, leaves

    def _trace(
        self, avals: Sequence[Aval], treedef: tree.TreeDef, static: dict[Any, Any], count: int
    ) -> Staged:
        out_trees: list[tree.TreeDef] = []

        def flat(*inputs: Any) -> list[Any]:
            given, named = treedef.unflatten(inputs[: treedef.num_leaves])
            rest = iter(given)
            args = [static[n] if n in static else next(rest) for n in range(count)]
            constants = {k: v for k, v in static.items() if isinstance(k, str)}
            run = lambda: self._fun(*args, **named, **constants)
            axes.extend(map(Axis, names, inputs[treedef.num_leaves :]))
            outputs, out_tree = tree.flatten(with_axes(axes, run) if names else run())
            out_trees.append(out_tree)
            return [_output(y, index, out_tree) for index, y in enumerate(outputs)]

        axes: list[Axis] = []
        names = [axis.key for axis in bound_axes()]
        graph = trace_graph(flat, [*avals, *(aval_of(axis.index) for axis in bound_axes())])
        used = any(axis.used for axis in axes)
        if names and not used:
            graph = Graph(graph.inputs[: len(avals)], graph.eqns, graph.outputs)
        graph, captured = hoist(graph)
        return Staged(graph, out_trees[0], captured, len(names) if used else 0)

    def _leaf(self, leaf: Any, index: int, args: tuple, kwargs: dict[str, Any], static: set[int]) -> Any:
        kind = type(leaf)
        if kind is ndarray and leaf.dtype.kind in "biufc":
            native = np.dtype(leaf.dtype.char)  # dtypes of another byte order or with metadata are objects of their own
            return leaf if leaf.dtype is native else leaf.astype(native)
        if kind in _SCALARS:
            return leaf
        value = array_leaf(leaf)
        if value is None:
            where, option = self._where(index, args, kwargs, static)
            raise TypeError(refusal(f"jit: {where}", leaf, _remedy(leaf, where, option)))
        return value

    def _where(self, index: int, args: tuple, kwargs: dict[str, Any], static: set[int]) -> tuple[str, str]:
        """A leaf in words, and the option that makes its argument static."""
        for n, arg in enumerate(args):
            if n not in static:
                treedef = tree.structure(arg)
                if index < treedef.num_leaves:
                    return leaf_path(self._fun, n, treedef, index), f"static_argnums={n}"
                index -= treedef.num_leaves
        for key in sorted(k for k in kwargs if k not in self._static_names):
            treedef = tree.structure(kwargs[key])
            if index < treedef.num_leaves:
                path = list(tree.leaf_paths(treedef))[index]
                return f"argument `{key}`" + (f", leaf {path}" if path else ""), f"static_argnames={key!r}"
            index -= treedef.num_leaves
        raise AssertionError("no such leaf")

    def _static_key(self, name: int | str, value: Any) -> Any:
        try:
            return name, exact(value)
        except Exception as error:
            where = (
                f"argument `{name}`"
                if isinstance(name, str)
                else f"argument {name}{parameter_name(self._fun, name)}"
            )
            raise TypeError(
                f"jit: the static {where} is {type(value).__name__}, which cannot be a key: {error}. Pass a tuple "
                "for a list or a frozen dataclass for an object; an array is passed as an ordinary argument."
            ) from None


def _remedy(leaf: Any, where: str, option: str) -> str:
    """How what is no array becomes a constant of the program, or an array of it."""
    if isinstance(leaf, (set, frozenset, Iterator)):
        return "Pass np.array(list(x)), as a set or an iterator has no elements that could be traced."
    if ", leaf " in where:
        static = "Pass a constant by itself, as an argument that static_argnums names."
    else:
        static = f"Name a constant static: jit(..., {option})."
    return f"{of_an_object(leaf)} {static}".lstrip()


def _output(y: Any, index: int, out_tree: tree.TreeDef) -> Any:
    value = array_leaf(y)
    if value is None:
        raise refused_output(y, "jit", index, out_tree)
    return value


def _numbers(given: Numbers, option: str) -> tuple[int, ...]:
    numbers = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in numbers):
        raise TypeError(f"jit: {option} must be an int or a sequence of ints, not {given!r}")
    return tuple(map(int, numbers))


def _static(fun: Callable[..., Any], argnums: Numbers, argnames: Names) -> tuple[tuple[int, ...], frozenset[str]]:
    """The static positions and names; each is found from the other where the function says what it takes."""
    numbers = set(_numbers(argnums, "static_argnums"))
    names = {argnames} if isinstance(argnames, str) or not isinstance(argnames, Iterable) else set(argnames)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"jit: static_argnames must be a name or a sequence of names, not {argnames!r}")
    parameters = _parameters(fun) if numbers or names else None
    if parameters is None:
        return tuple(numbers), frozenset(names)
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    takes_any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for n in numbers:
        if not takes_any and not -len(positional) <= n < len(positional):
            raise ValueError(
                f"jit: static_argnums names argument {n}, but the function has {_shown(positional)}"
            )
    for name in names:
        if not takes_any_name and name not in positional and name not in by_name:
            has = _shown(dict.fromkeys((*positional, *by_name)))
            raise ValueError(f"jit: static_argnames names `{name}`, but the function has {has}")
    if not takes_any:
        numbers = {n % len(positional) for n in numbers}
    named = {positional[n] for n in numbers if 0 <= n < len(positional)}
    numbers |= {n for n, name in enumerate(positional) if name in names}
    return tuple(sorted(numbers)), frozenset(names | named)


def _parameters(fun: Callable[..., Any]) -> list[Parameter] | None:
    """What a callable says that it takes; None where it says nothing, as some that are written in C."""
    from inspect import signature  # importing it takes 5 ms, and few functions have static arguments

    try:
        return list(signature(fun).parameters.values())
    except (TypeError, ValueError):
        return None


def _shown(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no arguments"


def _maker(name: str) -> Callable[..., np.ufunc | None]:
    """`ufunc` of a file of this folder."""

    def make(*args: Any) -> np.ufunc | None:
        with unforked:
            module = import_module(f"funcgrad.compile.{name}")
        made: np.ufunc | None = module.ufunc(*args)
        return made

    return make


large.compile_with({name: _maker(name) for name in ("ufuncs", "rows", "steps", "places", "windowed")})
