"""Functions of functions: of each row, of each element, of each case."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import UFUNCS, Array, axis_of, numpy_function
from funcgrad.numpy.indexing import known
from funcgrad.numpy.shaping import expand_dims, moveaxis
from funcgrad.ops import broadcasting
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.ops.subscript import getitem, update
from funcgrad.transforms.vmap import vmap

__all__ = ["apply_along_axis", "apply_over_axes", "frompyfunc", "piecewise", "vectorize"]


@numpy_function(np)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Array, *args: Any, **kwargs: Any) -> Array:
    """The function of each vector along `axis`; axes of its result stand in the place of that one.

    The function runs once, on all vectors at once (`vmap`).
    """
    arr = as_array(arr)
    axis = axis_of(axis, arr.ndim)
    rows = moveaxis(arr, axis, -1)
    free = rows.shape[:-1]
    if 0 in free:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    batch = broadcasting.reshape(rows, shape=(math.prod(free), rows.shape[-1]))
    y = vmap(lambda row: as_array(func1d(row, *args, **kwargs)))(batch)
    inner = y.ndim - 1
    y = broadcasting.reshape(y, shape=free + y.shape[1:])
    return moveaxis(y, tuple(range(len(free), y.ndim)), tuple(range(axis, axis + inner)))


@numpy_function(np)
def apply_over_axes(func: Callable[..., Any], a: Array, axes: int | Sequence[int]) -> Array:
    """`func(a, axis)` for one axis after the other; axes that it drops are kept with length 1."""
    y = as_array(a)
    each: Any = (axes,) if np.ndim(axes) == 0 else axes
    for axis in each:
        axis = axis_of(axis, y.ndim)
        new = func(y, axis)
        y = new if new.ndim == y.ndim else expand_dims(new, axis)
        if y.ndim != np.ndim(a):
            raise ValueError("function is not returning an array of the correct shape")
    return y


@numpy_function(np)
def piecewise(x: Array, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Array:
    """The functions (or numbers) where their conditions hold, the last where none does, 0 if there is no last.

    The result has the dtype of `x`. Functions get the elements at which their condition holds; where conditions are
    only traced, they get all elements, and one that is not finite outside its case makes a gradient NaN.
    """
    x = as_array(x)
    conditions = [ew.convert(as_array(c), dtype=np.dtype(bool)) for c in _each_condition(condlist, x.ndim)]
    if len(conditions) == len(funclist) - 1:
        otherwise = conditions[0]
        for c in conditions[1:]:
            otherwise = otherwise | c
        conditions.append(~otherwise)
    elif len(conditions) != len(funclist):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    y: Any = np.zeros(x.shape, x.dtype)
    for condition, function in zip(conditions, funclist):
        mask = known(condition)
        if mask is None:
            chosen = function(x, *args, **kw) if callable(function) else function
            y = ew.where(condition, ew.convert(as_array(chosen), dtype=x.dtype), y)
        elif mask.any():
            chosen = function(getitem(x, mask), *args, **kw) if callable(function) else function
            y = update(y, mask, chosen, "set")
    return y


def _each_condition(condlist: Any, ndim: int) -> Sequence[Any]:
    """The conditions, of which one may stand alone."""
    if np.isscalar(condlist) or (isinstance(condlist, Tracer) and condlist.ndim == 0):
        return [condlist]
    is_row = ndim != 0 and not isinstance(condlist[0], list) and np.ndim(condlist[0]) == 0
    return [condlist] if is_row else condlist


def vectorize(
    pyfunc: Callable[..., Any] | None = None,
    otypes: Any = None,
    doc: str | None = None,
    excluded: Any = None,
    cache: bool = False,
    signature: str | None = None,
) -> Any:
    """A function of elements (or of what the `signature` says, such as ``"(n),(n)->()"``) as a function of arrays.

    Other axes are broadcast. `excluded` positions and names are passed as they are. NumPy calls the function for each
    element; with traced arguments it is called once, for all (`vmap`). Also a decorator.

    Example:
        >>> import numpy as np
        >>> vectorize(np.dot, signature="(n),(n)->()")(np.ones((2, 3)), np.arange(3.0))
        array([3., 3.])
    """
    if pyfunc is None:
        return lambda function: vectorize(function, otypes, doc, excluded, cache, signature)
    fun = pyfunc
    left_out = frozenset(excluded or ())
    inputs, outputs = (None, None) if signature is None else _parsed(signature)
    plain = np.vectorize(fun, otypes, doc, excluded, cache, signature)

    def vectorized(*args: Any, **kwargs: Any) -> Any:
        if not any_traced((*args, *kwargs.values())):
            return plain(*args, **kwargs)
        names = [name for name in kwargs if name not in left_out]
        moving = [i for i in range(len(args)) if i not in left_out]
        arrays = [as_array(args[i]) for i in moving] + [as_array(kwargs[name]) for name in names]

        def one(*elements: Any) -> Any:
            all_args, all_kwargs = list(args), dict(kwargs)
            for i, element in zip(moving, elements):
                all_args[i] = element
            all_kwargs.update(zip(names, elements[len(moving) :]))
            return fun(*all_args, **all_kwargs)

        return _mapped(one, arrays, inputs or [()] * len(arrays), outputs, _dtypes(otypes))

    update_wrapper(vectorized, fun)
    vectorized.__doc__ = doc or fun.__doc__
    return vectorized


def frompyfunc(func: Callable[..., Any], /, nin: int, nout: int, *, identity: Any = None) -> np.ufunc:
    """A universal function of a function of `nin` elements that returns `nout`, with the methods of such: `reduce`, ...

    It is NumPy's, and on plain arrays returns arrays of Python's objects. Traced values go through the function all at
    once, as in `vectorize`, and keep their dtype. It is kept for as long as the process lives.

    Example:
        >>> import numpy as np
        >>> import funcgrad as fg
        >>> halfway = frompyfunc(lambda a, b: (a + b) / 2, 2, 1)
        >>> fg.grad(lambda x: halfway.reduce(x))(np.ones(3))
        array([0.25, 0.25, 0.5 ])
    """
    ufunc = np.frompyfunc(func, nin, nout, identity=identity)

    def traced(*args: Any) -> Any:
        y = _mapped(func, list(map(as_array, args)), [()] * nin, [()] * nout, None)
        return y[0] if nout == 1 and isinstance(y, tuple) else y

    UFUNCS[ufunc] = traced
    return ufunc


def _dtypes(otypes: Any) -> list[np.dtype] | None:
    return None if otypes is None else [np.dtype(t) for t in otypes]


_CORE = r"\(\s*(?:\w+\s*(?:,\s*\w+\s*)*)?\)"


def _parsed(signature: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The names of the axes of each argument and of each result."""
    if not re.fullmatch(rf"\s*{_CORE}\s*(,\s*{_CORE}\s*)*->\s*{_CORE}\s*(,\s*{_CORE}\s*)*", signature):
        raise ValueError(f"not a valid gufunc signature: {signature}")
    left, right = ([tuple(re.findall(r"\w+", core)) for core in re.findall(_CORE, s)] for s in signature.split("->"))
    return left, right


def _mapped(
    one: Callable[..., Any],
    arrays: Sequence[Array],
    inputs: Sequence[tuple[str, ...]],
    outputs: Sequence[tuple[str, ...]] | None,
    dtypes: Sequence[np.dtype] | None,
) -> Any:
    """The function of all combinations of elements, which are taken along one axis."""
    if len(inputs) != len(arrays):
        raise TypeError(f"wrong number of positional arguments: expected {len(inputs)}, got {len(arrays)}")
    sizes: dict[str, int] = {}
    for x, core in zip(arrays, inputs):
        if x.ndim < len(core):
            raise ValueError(
                f"{x.ndim}-dimensional argument does not have enough dimensions for all core dimensions {core}"
            )
        for name, n in zip(core, x.shape[x.ndim - len(core) :]):
            if sizes.setdefault(name, n) != n:
                raise ValueError(f"inconsistent size for core dimension {name!r}: {n} vs {sizes[name]}")
    shape = np.broadcast_shapes(*(x.shape[: x.ndim - len(core)] for x, core in zip(arrays, inputs)))
    rows = []
    for x, core in zip(arrays, inputs):
        inner = x.shape[x.ndim - len(core) :]
        x = broadcasting.broadcast_to(x, shape=shape + inner)
        rows.append(broadcasting.reshape(x, shape=(math.prod(shape), *inner)))
    y = vmap(one)(*rows)
    results = y if isinstance(y, tuple) else (y,)
    if outputs is not None:
        if len(results) != len(outputs):
            raise ValueError(f"wrong number of outputs: expected {len(outputs)}, got {len(results)}")
        for r, core in zip(results, outputs):
            if np.ndim(r) - 1 != len(core):
                raise ValueError(f"a result has {np.ndim(r) - 1} axes, the signature {core}")
    results = tuple(broadcasting.reshape(r, shape=shape + r.shape[1:]) for r in results)
    if dtypes is not None:
        results = tuple(ew.convert(r, dtype=t) for r, t in zip(results, dtypes))
    return results if isinstance(y, tuple) else results[0]
