"""Calls of the user's Python from within a program: `pure_callback`, `io_callback` and what `debug` is made of.

Each is one operation, which belongs to the program that is being written where it is called, even if no argument of
it is traced: Python runs when the program does, and not while it is traced. Arrays that the user's function gets are
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import PYTHON_SCALARS, Aval, aval_of, described, refusal
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.memory import copied
from funcgrad.core.provenance import Loc, at, here
from funcgrad.core.staging import writer
from funcgrad.core.trace import Primitive, escaped, newest_trace, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.transforms.arguments import array_leaf

VMAP_METHODS = ("sequential", "sequential_unrolled", "expand_dims", "broadcast_all")


class Callback:
    """The user's function with the types of its results: `run(*values)` gives the flat results, checked.

    `fixed` are the leaves of its arguments that are no arrays, by their number.
    """

    def __init__(
        self,
        name: str,
        fun: Callable[..., Any],
        in_tree: tree.TreeDef,
        fixed: dict[int, Any],
        out_tree: tree.TreeDef,
        avals: Sequence[Aval],
        method: str | None,
        loc: Loc | None,
    ) -> None:
        self.name = name
        self.fun = fun
        self.in_tree = in_tree
        self.fixed = fixed
        self.out_tree = out_tree
        self.avals = tuple(avals)
        self.method = method
        self.loc = loc

    def run(self, *values: Any) -> tuple[Any, ...]:
        rest = iter(values)
        leaves = [
            self.fixed[n] if n in self.fixed else own_array(next(rest)) for n in range(self.in_tree.num_leaves)
        ]
        args, kwargs = self.in_tree.unflatten(leaves)
        try:
            out = self.fun(*args, **kwargs)
        except Exception as error:
            error.add_note(f"in the function of `{self.name}`{at(self.loc)}")
            raise
        if not self.avals:  # declared as nothing
            return ()
        what = f"{self.name}{at(self.loc)}: the result of the function"
        flat = tree.flatten_up_to(self.out_tree, out, what)
        paths = list(tree.leaf_paths(self.out_tree))
        return tuple([checked(y, a, f"{what}{path}") for y, a, path in zip(flat, self.avals, paths)])

    def on_batches(self, size: int) -> Callback:
        """The same function, given whole batches and returning such."""
        avals = [Aval((size, *a.shape), a.dtype) for a in self.avals]
        return Callback(self.name, self.fun, self.in_tree, self.fixed, self.out_tree, avals, self.method, self.loc)

    def __repr__(self) -> str:
        return f"<{getattr(self.fun, '__name__', type(self.fun).__name__)}>"


class Mapped:
    """A `Callback` called once for each element of a batch; it stands where a `Callback` does."""

    def __init__(self, inner: Callback | Mapped, batched: Sequence[bool], size: int) -> None:
        self.inner = inner
        self.batched = tuple(batched)
        self.size = size
        self.name: str = inner.name
        self.loc: Loc | None = inner.loc
        self.method: str | None = inner.method
        self.avals: tuple[Aval, ...] = tuple([Aval((size, *a.shape), a.dtype) for a in inner.avals])

    def run(self, *values: Any) -> tuple[Any, ...]:
        outs = tuple([np.empty(a.shape, a.dtype) for a in self.avals])
        for i in range(self.size):
            for column, y in zip(outs, self.inner.run(*(v[i] if m else v for v, m in zip(values, self.batched)))):
                column[i] = y
        return outs

    def __repr__(self) -> str:
        return f"{self.inner!r} for each of {self.size}"


def own_array(x: Any) -> Any:
    """A value as the user's function gets it, to keep or to write into: an array, or NumPy's scalar."""
    return copied(np.asarray(x)) if np.ndim(x) else np.asarray(x)[()]


def checked(y: Any, aval: Aval, where: str) -> Any:
    """A result in memory of its own; raises where it is not what has been declared."""
    kind = type(y)
    y = np.asarray(y)
    if y.shape != aval.shape:
        raise ValueError(f"{where} has shape {y.shape}, but {aval.shape} was declared")
    if y.dtype != aval.dtype and not (kind in PYTHON_SCALARS and np.result_type(kind(0), aval.dtype) == aval.dtype):
        raise TypeError(f"{where} has dtype {y.dtype}, but {aval.dtype} was declared")
    return np.array(y, aval.dtype, order="C")[()]


class CallbackCall(Primitive):
    """A call of the user's function in the parameter `call`, on flat values."""

    multiple = True

    def __init__(self, name: str, outside: str) -> None:
        super().__init__(name)
        self.outside = outside

    def __call__(self, *args: Any, **params: Any) -> Any:
        """To the program that is being written, unless a transformation within it comes first."""
        trace, newest = writer(), newest_trace(args)
        if trace is None or (newest is not None and newest.age > trace.age):
            return super().__call__(*args, **params)
        if newest is not None and not newest.alive:
            raise escaped(args, self)
        return trace.process(self, args, params)

    def impl(self, *values: Any, call: Callback | Mapped) -> tuple[Any, ...]:
        return call.run(*values)

    def shape(self, *avals: Aval, call: Callback | Mapped) -> tuple[Aval, ...]:
        return call.avals

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        self.differentiated(params["call"])
        return self(*values, **params), None

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        return self.record(values, tangents, params)

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> NoReturn:
        call = params["call"]
        raise NotDifferentiableError(
            f"`{call.name}`{at(call.loc)} is not linear in its argument, a value of which only shape and dtype are "
            "known, so the function has no transpose"
        )

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> NoReturn:
        raise AssertionError("it has no derivative")

    def differentiated(self, call: Callback | Mapped) -> None:
        """Raise where the results of the user's function would be taken for constants."""
        raise NotDifferentiableError(
            "Write a rule with fg.custom_jvp (or fg.custom_vjp) around the call, or pass fg.stop_gradient(x) if its "
            f"result is to be a constant. `{call.name}`{at(call.loc)} is given a value that is being differentiated, "
            "and nothing is known of its function's derivative."
        )

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(*values, call=Mapped(params["call"], batched, size))


class PureCallback(CallbackCall):
    """Its results are those of a function: it may be left out where they are not used."""

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        call = params["call"]
        if call.method is None:
            raise NotImplementedError(
                "Give vmap_method: 'sequential' calls the function once for each element, 'expand_dims' and "
                "'broadcast_all' once, with a leading axis for the batch. vmap has reached a `pure_callback`"
                f"{at(call.loc)}."
            )
        if call.method.startswith("sequential"):
            return super().batch(values, batched, size, params)
        length = size if call.method == "broadcast_all" else 1
        whole = [v if b else broadcast_to(v, shape=(length, *np.shape(v))) for v, b in zip(values, batched)]
        return self(*whole, call=call.on_batches(size))


class IoCallback(CallbackCall):
    """It is called once where the program comes to it, in the program's order."""

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        call = params["call"]
        if call.method == ORDERED:
            raise ValueError(
                "Give ordered=False, with which it is called for one after the other. vmap of an ordered io_callback"
                f"{at(call.loc)}: the elements of a batch have no order."
            )
        return super().batch(values, batched, size, params)


class DebugCallback(CallbackCall):
    """It returns nothing, so derivatives do not depend on it: it sees the values that they go along with."""

    def differentiated(self, call: Callback | Mapped) -> None:
        pass

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> Any:
        return (), None


ORDERED = "ordered"
pure_callback_call = register(PureCallback("pure_callback", "pure"))
io_callback_call = register(IoCallback("io_callback", "io"))
debug_callback_call = register(DebugCallback("debug_callback", "debug"))


def pure_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    vmap_method: str | None = None,
    **kwargs: Any,
) -> Any:
    """Call a Python function of arrays that cannot be traced, such as one of another library.

    Args:
        callback: a function without effects of NumPy arrays (scalars of NumPy's, where the rank is 0), in the structure
            of `args` and `kwargs`, that returns a pytree of arrays. It may be called more often or less often than it
            stands there, and runs whenever the program does, never while `jit` traces it.
        result_shape_dtypes: what it returns: a pytree of `ShapeDtypeStruct` objects, or of arrays like the results.
        args, kwargs: pytrees of arrays.
        vmap_method: what `vmap` does: "sequential" (or "sequential_unrolled") calls once for each element;
            "expand_dims" calls once, all arguments having a leading axis, which is 1 for those that are not batched;
            "broadcast_all" too, and that axis has the batch's length for all.

    Raises:
        ValueError, TypeError: a result has not the declared shape, dtype or structure; the message names the leaf.
        NotDifferentiableError: an argument is being differentiated. Give a rule by `custom_jvp` or `custom_vjp`.
        NotImplementedError: under `vmap`, without a `vmap_method`.

    Example:
        >>> import numpy as np
        >>> import funcgrad as fg
        >>> like = fg.ShapeDtypeStruct((3,), float)
        >>> fg.jit(lambda x: 2.0 * fg.pure_callback(np.sort, like, x))(np.array([3.0, 1.0, 2.0]))
        array([2., 4., 6.])
    """
    if vmap_method is not None and vmap_method not in VMAP_METHODS:
        raise ValueError(f"pure_callback: vmap_method must be one of {', '.join(VMAP_METHODS)}, not {vmap_method!r}")
    return call_hiding_frames(
        called, pure_callback_call, "pure_callback", callback, result_shape_dtypes, args, kwargs, vmap_method
    )


def io_callback(
    callback: Callable[..., Any], result_shape_dtypes: Any, *args: Any, ordered: bool = False, **kwargs: Any
) -> Any:
    """Call a Python function that reads or writes something outside: a file, a device, a list.

    Args:
        callback: a function as `pure_callback` takes it, but it may have effects. It is called once each time the
            program comes to it, also if nothing needs its result, never while `jit` traces it, and in the order in
            which such calls stand.
        result_shape_dtypes: what it returns, as for `pure_callback`; None for nothing.
        args, kwargs: pytrees of arrays.
        ordered: the order matters: `vmap` is refused. Calls are made in their order in any case.

    Under `vmap` it is called for one element after the other (once, where no argument is batched).

    Raises:
        ValueError, TypeError: a result has not the declared shape, dtype or structure.
        ValueError: under `vmap`, where it is ordered.
        NotDifferentiableError: an argument is being differentiated; or `linearize` would call it again.
        NotImplementedError: under `vmap` of the condition of a loop or branch in which it stands; in `checkpoint`.

    Example:
        >>> import funcgrad as fg
        >>> seen = []
        >>> def f(x):
        ...     io_callback(seen.append, None, x)
        ...     return 2.0 * x
        >>> fg.jit(f)(1.0), fg.jit(f)(3.0), seen
        (2.0, 6.0, [np.float64(1.0), np.float64(3.0)])
    """
    method = ORDERED if ordered else None
    return call_hiding_frames(
        called, io_callback_call, "io_callback", callback, result_shape_dtypes, args, kwargs, method
    )


def called(
    prim: Primitive,
    name: str,
    fun: Callable[..., Any],
    like: Any,
    args: tuple,
    kwargs: dict[str, Any],
    method: str | None = None,
    fixes: bool = False,
) -> Any:
    """Call the user's function; where `fixes`, leaves of the arguments that are no arrays are passed as they are."""
    if not callable(fun):
        raise TypeError(f"{name} takes a function, not {type(fun).__name__}")
    leaves, in_tree = tree.flatten((args, kwargs))
    values = [array_leaf(x) for x in leaves]
    fixed = {n: leaf for n, (leaf, value) in enumerate(zip(leaves, values)) if value is None}
    if fixed and not fixes:
        n, leaf = next(iter(fixed.items()))
        raise TypeError(refusal(f"{name}: argument {list(tree.leaf_paths(in_tree))[n]}", leaf))
    declared, out_tree = tree.flatten(like)
    avals = [declared_aval(x, n, out_tree, name) for n, x in enumerate(declared)]
    call = Callback(name, fun, in_tree, fixed, out_tree, avals, method, here())
    return out_tree.unflatten(prim(*(v for v in values if v is not None), call=call))


def declared_aval(x: Any, n: int, out_tree: tree.TreeDef, name: str) -> Aval:
    aval = described(x)
    if aval is None and array_leaf(x) is not None:
        aval = aval_of(x)
    if aval is None:
        path = list(tree.leaf_paths(out_tree))[n]
        raise TypeError(
            f"{name}: result_shape_dtypes{path} is {type(x).__name__}, which has no shape and dtype: write "
            "fg.ShapeDtypeStruct(shape, dtype)"
        )
    return Aval(aval.shape, aval.dtype)
