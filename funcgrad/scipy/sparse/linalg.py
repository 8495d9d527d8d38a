"""SciPy's `sparse.linalg`: conjugate gradients and their kin, with derivatives that follow from the equation.

On plain arrays and operators SciPy runs. On traced values its steps run in a loop that no derivative goes through: the
derivatives of `x` with `a x = b`, in `b` and in whatever `a` is made of, solve with `a` again, or with its transpose.
They are as exact as `rtol` and `atol` ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from funcgrad import tree
from funcgrad.core.trace import Tracer, is_traced, known
from funcgrad.errors import TracerConversionError
from funcgrad.flatten_util import ravel_pytree
from funcgrad.lax.solves import custom_linear_solve
from funcgrad.numpy.dispatch import Array
from funcgrad.numpy.linalg import norm
from funcgrad.ops import elementwise as ew
from funcgrad.ops.contract import matmul
from funcgrad.ops.operands import any_traced, as_array, as_inexact
from funcgrad.scipy.sparse import iterations
from funcgrad.scipy.sparse.products import product
from funcgrad.transforms.api import linear_transpose

__all__ = ["bicgstab", "cg", "gmres"]


def __dir__() -> list[str]:
    return __all__


Product = Callable[[Array], Array]
Operator = Any
"""A matrix, a sparse matrix or a `LinearOperator` of SciPy's, or a linear function."""


def cg(
    A: Operator,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Operator | None = None,
    callback: Callable[..., Any] | None = None,
) -> tuple[Any, Any]:
    """`(x, info)` with `a x = b` for a Hermitian positive definite `a`, by conjugate gradients.

    Args:
        A: a matrix, a sparse matrix or a `LinearOperator` of SciPy's, or a linear function of what `b` is. It may
            contain traced values, or close over them.
        b: a vector `(n,)` or `(n, 1)`; for a function `A` any pytree of arrays.
        x0: where to start, like `b`, or "Mb" for the preconditioned `b`; zeros by default. On traced values it is taken
            where its residual is smaller than that of zeros. It has no derivative.
        rtol, atol: the residual's norm at the end is below `max(rtol * norm(b), atol)`.
        maxiter: steps at most, ten for each unknown by default.
        M: nearly the inverse of `A`, of the same kinds. It has no derivative.
        callback: called after each step where all values are plain.

    Returns:
        `x`, a vector (for a function `A` like `b`), and 0, or `maxiter` where the residual is larger.

    Raises ValueError for shapes that do not fit, TypeError for an `A` that is none of these.

    Example:
        >>> a, b = np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0])
        >>> fg.grad(lambda b: cg(a, b, rtol=1e-12)[0].sum())(b).round(6)
        array([0.181818, 0.272727])
    """
    return _solved(
        "cg", iterations.conjugate_gradients, A, b, x0, rtol, atol, maxiter, M, callback=callback
    )


def bicgstab(
    A: Operator,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Operator | None = None,
    callback: Callable[..., Any] | None = None,
) -> tuple[Any, Any]:
    """`(x, info)` with `a x = b` by stabilised biconjugate gradients: as `cg`, for any `a`.

    `info` is -10 or -11 where the method breaks down.
    """
    return _solved(
        "bicgstab", iterations.stabilised_biconjugate_gradients, A, b, x0, rtol, atol, maxiter, M, callback=callback
    )


def gmres(
    A: Operator,
    b: Any,
    x0: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    restart: int | None = None,
    maxiter: int | None = None,
    M: Operator | None = None,
    callback: Callable[..., Any] | None = None,
    callback_type: str | None = None,
) -> tuple[Any, Any]:
    """`(x, info)` with `a x = b` by generalised minimal residuals: as `cg`, for any `a`.

    There is a restart every `restart` (20) products with `a`, and at most `maxiter` of them. On traced values the
    method looks at the residual only then: `x` may be closer than SciPy's.
    """
    options = {"restart": restart}
    if callback is not None or callback_type is not None:
        options.update(callback=callback, callback_type=callback_type)  # type: ignore[arg-type]
    return _solved(
        "gmres", iterations.generalised_minimal_residuals, A, b, x0, rtol, atol, maxiter, M, **options
    )


def _solved(
    name: str,
    method: Callable[..., tuple[Array, Array]],
    A: Operator,
    b: Any,
    x0: Any,
    rtol: float,
    atol: float,
    maxiter: int | None,
    M: Operator | None,
    **options: Any,
) -> tuple[Any, Any]:
    if not (any_traced((b, x0)) or _is_ours(A, b) or _is_ours(M, b)):
        solver = getattr(scipy.sparse.linalg, name)
        return solver(A, b, x0, rtol=rtol, atol=atol, maxiter=maxiter, M=M, **options)
    if options.pop("callback", None) is not None or options.pop("callback_type", None) is not None:
        raise TypeError(f"{name} calls a callback where all values are plain; here some are traced, or A is a function")
    if not isinstance(atol, Real) or atol < 0:
        raise ValueError(f"{name} called with invalid `atol`={atol}; it must be a real, non-negative number.")
    back: Callable[[Array], Any] = lambda x: x
    if _is_function(A):
        b = tree.map(_as_wide, b, A(tree.map(as_inexact, b)))
        side, back = ravel_pytree(b)
        flat = lambda f: (lambda v: ravel_pytree(f(back(v)))[0]) if _is_function(f) else _product(f, side.shape[0])
        guess = x0 if x0 is None or isinstance(x0, str) else ravel_pytree(tree.map(_as_wide, x0, b))[0]
    else:
        side = _vector(b, "b")
        flat = lambda f: f if _is_function(f) else _product(f, side.shape[0])
        guess = x0 if x0 is None or isinstance(x0, str) else _vector(x0, "x0")
    product = flat(A)
    side = _as_wide(side, product(side))
    if "restart" in options:
        options["restart"] = max(1, min(options["restart"] or 20, side.shape[0]))
    maxiter = 10 * side.shape[0] if maxiter is None else int(maxiter)
    x, info = _implicit(method, product, flat(M), side, guess, float(rtol), float(atol), maxiter, options)
    value = known(info)
    return back(x), info if value is None else int(value)


def _implicit(
    method: Callable[..., tuple[Array, Array]],
    product: Product,
    precondition: Product,
    side: Array,
    guess: Any,
    rtol: float,
    atol: float,
    maxiter: int,
    options: dict[str, Any],
) -> tuple[Array, Array]:
    """The solution by a method, whose derivative follows from the equation."""
    if isinstance(guess, str):
        if guess != "Mb":
            raise ValueError(f"x0 is a vector or 'Mb', not {guess!r}")
        guess = precondition(side)
    elif guess is not None and guess.shape != side.shape:
        raise ValueError(f"shapes of b {side.shape} and x0 {guess.shape} are incompatible")
    if guess is not None:
        guess = ew.convert(ew.stop_gradient(guess), dtype=side.dtype)

    def solve(matvec: Product, y: Array, psolve: Product = precondition) -> tuple[Array, Array]:
        size = norm(y)
        end = ew.where(size == 0, np.inf, ew.maximum(rtol * size, atol))  # zero is the solution then
        start = np.zeros(y.shape, y.dtype)
        if guess is not None:  # tangents are solved for too, from which it may be far away
            start = ew.where(norm(y - matvec(guess)) < size, guess, start)
        return method(matvec, psolve, y, start, end, maxiter, **options)

    def transpose_solve(vecmat: Product, y: Array) -> tuple[Array, Array]:
        return solve(vecmat, y, lambda v: linear_transpose(precondition, v)(v)[0])

    return custom_linear_solve(product, side, solve, transpose_solve, has_aux=True)


def _is_function(f: Any) -> bool:
    return callable(f) and not isinstance(f, (np.ndarray, scipy.sparse.linalg.LinearOperator))


def _is_ours(f: Operator | None, b: Any) -> bool:
    """Whether SciPy cannot take an operator: a function, or one that contains traced values."""
    if isinstance(f, _Custom):
        return is_traced(f._matvec(np.zeros(f.shape[1], np.asarray(b).dtype)))
    return _is_function(f) or any_traced((f,))


_Custom = type(scipy.sparse.linalg.LinearOperator((1, 1), matvec=abs, dtype=float))
"""SciPy's operators that call functions of the user's."""


def _as_wide(x: Any, y: Any) -> Array:
    """`x` in a floating-point dtype that has room for `y`, which has its shape."""
    x, y = as_inexact(x), as_array(y)
    if x.shape != y.shape:
        raise TypeError(f"A has to return arrays of the shapes of b, and x0 has them: {x.shape} is not {y.shape}")
    dtype = np.result_type(x.dtype, y.dtype)
    return x if x.dtype == dtype else ew.convert(x, dtype=dtype)


def _vector(x: Any, name: str) -> Array:
    x = as_inexact(x)
    if x.ndim != 1 and (x.ndim != 2 or x.shape[1] != 1):
        raise ValueError(f"{name} is a vector, (n,) or (n, 1), not an array of shape {x.shape}")
    return x.reshape(x.shape[0])


def _product(f: Operator | None, n: int) -> Product:
    """The product with an operator as a function that programs can have."""
    if f is None:
        return lambda v: v
    if scipy.sparse.issparse(f):
        matrix = f.tocoo()
        found = lambda v: product(matrix, v)
    elif isinstance(f, scipy.sparse.linalg.LinearOperator):
        found = _product_of(f)
    elif isinstance(f, (list, tuple, np.ndarray, Tracer)):
        f = as_inexact(f)
        found = lambda v: matmul(f, v[:, None])[:, 0]
    else:
        raise TypeError(f"an operator is a matrix, a sparse matrix, a LinearOperator or a function, not {f!r}")
    if f.shape != (n, n):
        raise ValueError(f"a matrix of shape {f.shape} does not fit a vector of {n} elements, or is not square")
    return found


def _product_of(f: Any) -> Product:
    """By what SciPy's operator calls for a vector, or the matrix that it is made of."""
    if type(f)._matvec is scipy.sparse.linalg.LinearOperator._matvec and hasattr(f, "A"):
        return _product(f.A, f.shape[0])

    def product(v: Array) -> Array:
        try:
            return f._matvec(v)
        except TracerConversionError as error:
            raise TypeError(
                "Give a LinearOperator of a function that takes traced vectors (not one made of others), or the "
                f"function itself: {type(f).__name__} does not take one"
            ) from error

    return product
