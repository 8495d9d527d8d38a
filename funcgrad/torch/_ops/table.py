"""The table of operations: a row makes the function, its method, `name_`, `out=`, aliases, its lines of docs and stub.

A row is a function of Tensors with `named` above it; `arity` makes those of functions over values:

    hypot = binary("hypot", kinks.hypot, "xyr", refuses=("biuc", "hypot_cpu"), doc="sqrt(input**2 + other**2)")

Derivatives, shapes and dtypes are those of the functions over values; where PyTorch's derivative is another, the
value is computed by `kinks`.
"""

from __future__ import annotations

import collections
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple, NoReturn

import numpy as np

from funcgrad import names
from funcgrad.core.frames import hide, hides
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.torch._ops.handed import unfit
from funcgrad.torch._ops.outs import check_memory, check_out
from funcgrad.torch._ops.signatures import in_order, numbers_read, takes_data
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.operands import refuse_traced, tensors_in
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.overrides import Fitting, dispatched, overriding, public, state
from funcgrad.torch._tensor.tensor import Tensor

RESIZED = (
    "An output with one or more elements was resized since it had shape {old}, which does not match the required "
    "output shape {new}. This behavior is deprecated, and in a future PyTorch release outputs will not be resized "
    "unless they have zero elements. You can explicitly reuse an out tensor t by resizing it, inplace, to zero "
    "elements with t.resize_(0)."
)


class Row(NamedTuple):
    """One operation: where its names are to be found, and what it takes. `unguarded` is as it was written."""

    name: str
    aliases: tuple[str, ...]
    space: str
    unguarded: Callable[..., Any]
    function: Callable[..., Any]
    is_function: bool
    is_method: bool
    in_place: bool
    writes: bool
    out: bool

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


ROWS: dict[str, Row] = {}


def named(
    *aliases: str,
    name: str = "",
    space: str = "",
    function: bool = True,
    method: bool = True,
    in_place: bool = False,
    writes: bool = False,
    out: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function of Tensors under its name and `aliases`: as `torch.name`, `Tensor.name`, `Tensor.name_`.

    Those check their arguments by PyTorch's signatures; the function itself stays as it is, for those who know it.

    `name` is what it is called where that is not the function's own name. `space` is the module it is in, as
    "linalg": then it is no method. `in_place` makes `Tensor.name_`, `writes` also `torch.name_`: PyTorch has it of
    most functions of one tensor. `out` lets the function be given `out=`.
    """

    def enter(fun: Callable[..., Any]) -> Callable[..., Any]:
        called = name or fun.__name__
        forms = (False, False, False) if space else (method, in_place or writes, writes)
        row = Row(called, aliases, space, fun, fun, function, *forms, out)
        row = row._replace(function=called_as(row, space or "torch", called))
        ROWS[f"{space}.{called}" if space else called] = row
        return fun

    return enter


def called_as(row: Row, owner: str, name: str) -> Callable[..., Any]:
    """The row's function by one of its names, in the module `owner`, or as a method of "Tensor"."""
    known = f"{owner}_{name}" if row.space else name
    if hasattr(row.unguarded, "called_as"):
        return row.unguarded.called_as(owner, known)
    fun = getattr(row.unguarded, "slowly", row.unguarded)
    takes_out = row.out and owner != "Tensor" and "out" not in (fun.__kwdefaults__ or ())
    checked = (with_out if takes_out else guarded)(fun, owner, known)
    return checked if fun is row.unguarded else row.unguarded.shorten(checked)  # type: ignore[attr-defined]


def titled(fun: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    """A function that was made, under the name and the line that errors and the docs show."""
    fun.__name__ = fun.__qualname__ = name
    fun.__doc__ = doc
    return fun


def functions_of(space: str = "") -> dict[str, Callable[..., Any]]:
    """The functions of a module, by all of their names."""
    rows = [row for row in ROWS.values() if row.is_function and row.space == space]
    found = {row.name: row.function for row in rows}
    found |= {name: called_as(row, space or "torch", name) for row in rows for name in row.aliases}
    writing = [f"{name}_" for row in rows if row.writes for name in row.names]
    return {**found, **{name: guarded(getattr(Tensor, name), "torch", name) for name in writing}}


def rows_of(space: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What enters functions of Tensors into a module, under PyTorch's full names: "linalg_det"."""

    def enter(fun: Callable[..., Any]) -> Callable[..., Any]:
        name = fun.__name__
        return named(name=name, space=space, out=True)(titled(fun, f"{space}_{name}", fun.__doc__ or ""))

    return enter


_OTHER_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}
"""NumPy's names for arguments, which PyTorch's functions take too."""


def guarded(fun: Callable[..., Any], owner: str, name: str) -> Callable[..., Any]:
    """The function, whose arguments that do not fit are refused in PyTorch's words.

    Types of arguments that were let through once are not looked at again: elements of lists only where the call fails.
    """
    fitting = Fitting()

    @wraps(fun)
    def apply(*args: Any, **options: Any) -> Any:
        try:
            kinds = (*map(type, args), *options, *map(type, options.values())) if options else tuple(map(type, args))
            if kinds not in fitting.kinds:
                found = overriding((*args, *options.values()))
                if found and not state.off:
                    return dispatched(public(owner, name), found, args, options)
                args, options = admitted(owner, name, args, options, fitting, () if found else kinds)
            try:
                return fun(*args, **options)
            except Exception as error:
                instead = other_call(error, fun, owner, name, args, options)
                if instead is None:
                    raise
                return instead()
        except Exception as error:
            hide(error)
            raise

    checked: Any = hides(apply)
    checked.__kwdefaults__ = fun.__kwdefaults__  # where it is seen that it takes `out`
    return checked


def refused_late(fun: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A method of Tensor whose arguments are looked at only where the call fails: that takes 0.1 us."""

    @wraps(fun)
    def apply(*args: Any, **options: Any) -> Any:
        try:
            try:
                return fun(*args, **options)
            except Exception as error:
                other_call(error, fun, "Tensor", name, args, options)
                raise
        except Exception as error:
            hide(error)
            raise

    return hides(apply)


def with_out(fun: Callable[..., Any], owner: str, name: str) -> Callable[..., Any]:
    """As `guarded`, for a function that may be given `out=`."""
    checked = guarded(fun, owner, name)

    @wraps(fun)
    def apply(*args: Any, out: Any = None, **options: Any) -> Any:
        try:
            if out is None:
                return checked(*args, **options)
            admitted(owner, name, args, {**options, "out": out}, Fitting(), ())
            return into(out, checked, args, options)
        except Exception as error:
            hide(error)
            raise

    return hides(apply)


def admitted(
    owner: str, name: str, args: Any, options: dict[str, Any], fitting: Fitting, kinds: tuple[Any, ...]
) -> tuple[Any, dict[str, Any]]:
    """The arguments, with NumPy's numbers as Python's; PyTorch's error where they fit no signature.

    Their kinds are entered as `fitting`.
    """
    given = (*args, *options.values())
    if any(isinstance(x, Tracer) for x in given):
        return args, options
    own = args[:1] if owner == "Tensor" else ()
    others = args[len(own) :]
    if words := unfit(owner, name, args, options):
        raise TypeError(words)
    if any(isinstance(x, Tensor) and x.dim() == 0 for x in (*others, *options.values())):
        read = numbers_read(owner, name, others, options)
        if any(a is not b for a, b in zip((*read[0], *read[1].values()), (*others, *options.values()))):
            return (*own, *read[0]), read[1]
    if any(isinstance(x, np.number) for x in given) and not takes_data(owner, name):
        return tuple(map(_plain, args)), {n: _plain(x) for n, x in options.items()}
    fitting.admit(kinds)
    return args, options


def _plain(x: Any) -> Any:
    return x.item() if isinstance(x, np.number) else x


def other_call(
    error: Exception, fun: Callable[..., Any], owner: str, name: str, args: Any, options: dict[str, Any]
) -> Callable[[], Any] | None:
    """What is called where a call has failed: the function by its own names, in place of NumPy's; or nothing.

    Where the arguments fit no signature, it is PyTorch's error for that, which comes before all others.
    """
    if isinstance(error, (TypeError, AttributeError)):
        refuse_traced(*args, *options.values())
    if isinstance(error, TypeError) and not _OTHER_NAMES.keys().isdisjoint(options):
        parameters = inspect.signature(fun).parameters
        own = {n if n in parameters else _OTHER_NAMES.get(n, n): x for n, x in options.items()}
        if own.keys() != options.keys() and own.keys() <= parameters.keys() | {"out"}:
            return lambda: fun(*args, **own)
    if isinstance(error, TypeError):
        own_self = args[:1] if owner == "Tensor" else ()
        if ordered := in_order(owner, name, args[len(own_self) :], options):
            return lambda: fun(*own_self, *ordered[0], **ordered[1])
    if not any(isinstance(x, Tracer) for x in (*args, *options.values())):
        words = unfit(owner, name, args, options)
        if words and words != str(error):
            raise TypeError(words) from None
    return None


def into(out: Any, function: Callable[..., Any], args: Any, options: dict[str, Any]) -> Any:
    """The function's results in the tensors given as `out`."""
    outs = out if isinstance(out, (tuple, list)) else (out,)
    found = function(*args, **options)
    results = found if isinstance(found, tuple) else (found,)
    if mode.enabled and any(t.requires_grad for t in (*results, *outs)):
        raise RuntimeError(
            f"{function.__name__}(): functions with out=... arguments don't support automatic differentiation, but "
            "one of the arguments requires grad."
        )
    name = getattr(function, "__name__", "")  # a factory's is a partial function
    for target, result in zip(outs, results):
        check_out(name, target, result)
        check_memory(name, target, tensors_in((*args, *options.values())))
        _store(target, result)
    return _as_outs(found, outs) if isinstance(found, tuple) else out


def _store(target: Tensor, result: Tensor) -> None:
    value, own = result._read(), target._read()
    if dtypes.category(value.dtype) > dtypes.category(own.dtype):
        raise RuntimeError(
            f"result type {result.dtype.title} can't be cast to the desired output type {target.dtype.title}"
        )
    if value.shape != own.shape:
        if own.size:
            sizes = {"old": list(own.shape), "new": list(value.shape)}
            warn(RESIZED.format(**sizes), UserWarning)
        target.resize_(value.shape)
    target._write(value if value.dtype == own.dtype else value.astype(own.dtype))


def tells_nearest(
    module: str, there: Iterable[str], instead: Mapping[str, str] | None = None
) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a package with these names; `instead` says what to use for some that it does not have."""
    return names.tells_nearest(module, there, instead=instead, otherwise="; docs/torch.md lists what there is")


# Several results

_WITH_INDICES = ["max", "min", "sort", "topk", "median", "nanmedian", "mode", "kthvalue", "cummax", "cummin"]
FIELDS: dict[str, tuple[str, ...]] = {**dict.fromkeys(_WITH_INDICES, ("values", "indices")), "aminmax": ("min", "max")}
FIELDS |= {"frexp": ("mantissa", "exponent"), "histogram": ("hist", "bin_edges")}


def _return_type(name: str) -> Any:
    base: Any = collections.namedtuple(name, FIELDS[name])  # type: ignore[misc]

    def show(self: Any) -> str:
        fields = ",\n".join(f"{field}={getattr(self, field)!r}" for field in self._fields)
        return f"torch.return_types.{name}(\n{fields})"

    return type(name, (base,), {"__repr__": show, "__slots__": (), "__module__": "torch.return_types"})


RETURN_TYPES: dict[str, Any] = {}


def _as_outs(found: tuple[Any, ...], outs: Sequence[Tensor]) -> Any:
    """The tensors that were given, under the names that the results have."""
    if not hasattr(found, "_fields"):
        return tuple(outs)
    name = f"{type(found).__name__}_out"
    FIELDS[name] = found._fields
    return returned(name, tuple(outs))


def returned(name: str, found: Any) -> Any:
    """Several results as the named tuple that PyTorch returns, where it has one."""
    if type(found) is not tuple or name not in FIELDS:
        return found
    if name not in RETURN_TYPES:
        RETURN_TYPES[name] = _return_type(name)
    return RETURN_TYPES[name](*found)
