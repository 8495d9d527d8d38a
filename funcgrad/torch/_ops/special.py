"""Special functions, in torch and in torch.special. Those that NumPy has not need SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks, pointwise, reduce, steps
from funcgrad.torch._ops.arity import of_two_tensors, unary
from funcgrad.torch._ops.pointwise import plus_number, times_number
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.table import named, titled
from funcgrad.torch._record.calls import NUMBERS, Kind, call, need_tensor
from funcgrad.torch._record.operands import as_floating, check_together, no_overload, number, promote, refuse
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor.tensor import Tensor


def scipys(name: str) -> Callable[..., Any]:
    """A function of funcgrad.scipy.special, which is imported when it is needed."""

    def apply(*values: Any) -> Any:
        from funcgrad.scipy import special  # SciPy may be missing

        return getattr(special, name)(*values)

    return widened(apply, np.float16)


# Of one number, by SciPy

for _name, _backward, _saves, _kinds, _doc in (
    ("erfcx", "Erfcx", "xr", "ce", "exp(input**2) * erfc(input)"),
    ("ndtri", "Ndtri", "r", "ce", "The inverse of `ndtr`."),
    ("log_ndtr", "LogNdtr", "xr", "ce", "The logarithm of `ndtr`, also where that is small."),
    ("i0e", "I0E", "xr", "c", "exp(-abs(input)) * i0(input)"),
    ("i1e", "I1E", "xr", "c", "exp(-abs(input)) * i1(input)"),
    ("entr", "Entr", "x", "c", "-input * log(input): 0 at 0, -inf below."),
):
    unary(
        _name, scipys(_name), _saves, backward=f"Special{_backward}", space="special", in_place=False,
        refuses=(_kinds, f"{_name}_cpu"), doc=_doc,
    )  # fmt: skip


def _i1_read(keep: Any, x: Any) -> Any:
    """Linear, of the result that was saved."""
    fixed = constant(x)
    found, order_0 = keep(_i1(fixed)), fnp.i0(fixed)
    zero = fnp.equal(fixed, 0)
    slope = fnp.where(zero, 0.5, fnp.subtract(order_0, fnp.divide(found, fnp.where(zero, 1, fixed))))
    return fnp.multiply(slope, x)


_i1 = scipys("i1")
i1 = unary(
    "i1", _i1, "xr", backward="SpecialI1", space="special", in_place=False, refuses=("c", "i1_cpu"), reads=_i1_read,
    doc="The modified Bessel function of order 1.",
)  # fmt: skip

# The normal distribution's

erf = unary("erf", lax.erf, "x", refuses=("c", "erf_vml_cpu"), doc="The error function.")
erfc = unary("erfc", lax.erfc, "x", refuses=("c", "erfc_vml_cpu"), doc="1 - erf(input), also where it is small.")
erfinv = unary(
    "erfinv", lax.erf_inv, "x", refuses=("c", "erfinv_vml_cpu"), writes=False, doc="The inverse of `erf`."
)


@named(space="special", out=True)
def ndtr(input: Tensor, *, out: Any = None) -> Tensor:
    """The normal distribution's cumulative distribution function."""
    need_tensor(input, "special_ndtr")
    part = plus_number(erf(times_number(as_floating(input), math.sqrt(0.5))), 1)
    return times_number(part, 0.5, out=out)


# The gamma function's

lgamma = unary(
    "lgamma", kinks.lgamma, "x", refuses=("c", "lgamma_vml_cpu"), writes=False, doc="log(abs(gamma(input)))"
)
digamma = unary(
    "digamma", kinks.digamma, "x", refuses=("c", "digamma"), writes=False, doc="The derivative of `lgamma`."
)
POLYGAMMA, MVLGAMMA = Kind("Polygamma", "x"), Kind("Mvlgamma", "x")


@named(in_place=True, out=True)
def polygamma(n: Any, input: Any) -> Tensor:
    """The derivative of order n of `digamma`."""
    if isinstance(n, Tensor):  # as a method
        n, input = input, n
    need_tensor(input, "polygamma")
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n == 0:
        return call(POLYGAMMA, kinks.digamma, as_floating(input))
    refuse(input, "c", "trigamma" if n == 1 else "polygamma")
    return call(POLYGAMMA, lambda v: kinks.polygamma(n, v), as_floating(input))


@named(in_place=True, out=True)
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p."""
    need_tensor(input, "mvlgamma")
    if input._read().dtype.kind == "b":
        raise RuntimeError("The input tensor may not be a boolean tensor.")
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    refuse(input, "c", "arange_cpu")

    def terms(v: Any) -> Any:
        shifted = fnp.subtract(fnp.expand_dims(v, -1), np.arange(p).astype(v.dtype) / v.dtype.type(2))
        return fnp.add(fnp.sum(kinks.lgamma(shifted), -1), v.dtype.type(p * (p - 1) / 4 * math.log(math.pi)))

    return call(MVLGAMMA, terms, as_floating(input))


def _with_limits(fun: Callable[..., Any], at_zero: float, at_infinity: float) -> Callable[..., Any]:
    """A function of a parameter and a number, broadcast, with its limits in the parameter, where `fun` has NaN."""

    def limited(a: Any, x: Any) -> Any:
        a, x = fnp.broadcast_arrays(a, x)
        zero = fnp.logical_and(fnp.equal(raw(a), 0), fnp.greater(raw(x), 0))
        between = fnp.logical_and(fnp.isfinite(raw(x)), fnp.greater_equal(raw(x), 0))
        large = fnp.logical_and(fnp.isposinf(raw(a)), between)
        value = fun(fnp.where(fnp.logical_or(zero, large), a.dtype.type(1), a), x)
        value = fnp.where(zero, value.dtype.type(at_zero), value)
        return fnp.where(large, value.dtype.type(at_infinity), value)

    return limited


igamma = of_two_tensors(
    "igamma", _with_limits(lax.igamma, 1, 0), "yx", refuses=("biuc", "igamma_cpu"),
    lacks="the derivative for 'igamma: input' is not implemented.",
    doc="The regularised lower incomplete gamma function; as in PyTorch, without a derivative by input.",
)  # fmt: skip
igammac = of_two_tensors(
    "igammac", _with_limits(lax.igammac, 0, 1), "yx", refuses=("biuc", "igammac_cpu"),
    lacks="the derivative for 'igammac: input' is not implemented.",
    doc="1 - igamma(input, other)",
)  # fmt: skip

# Bessel functions, and those of their kin


def _airy(x: Any) -> Any:
    from funcgrad.scipy import special  # SciPy may be missing

    return special.airy(x)[0]


def _spherical(x: Any) -> Any:
    far, zero = fnp.isinf(x), fnp.equal(x, 0)
    return fnp.where(far, 0, fnp.where(zero, 1, fnp.sin(x) / fnp.where(zero, 1, x))).astype(x.dtype)


i0 = unary(
    "i0", scipys("i0"), "x", backward="I0", refuses=("c", "i0_vml_cpu"), doc="The modified Bessel function of order 0."
)


def _bessel(name: str, function: str | Callable[[Any], Any], doc: str) -> Any:
    fun, kernel, kind = scipys(function) if isinstance(function, str) else function, f"{name}_cpu", Kind(name)

    def apply(input: Tensor) -> Any:
        need_tensor(input, f"special_{name}")
        refuse(input, "ce", kernel)
        return call(kind, lambda v: fun(constant(v)), as_floating(input))

    return named(name=name, space="special", out=True)(
        titled(apply, f"special_{name}", f"{doc}; as in PyTorch, not recorded.")
    )


for _name, _function, _doc in (
    ("bessel_j0", "j0", "The Bessel function of order 0"),
    ("bessel_j1", "j1", "The Bessel function of order 1"),
    ("bessel_y0", "y0", "The Bessel function of the second kind of order 0"),
    ("bessel_y1", "y1", "The Bessel function of the second kind of order 1"),
    ("modified_bessel_i0", "i0", "The modified Bessel function of order 0"),
    ("modified_bessel_i1", "i1", "The modified Bessel function of order 1"),
    ("modified_bessel_k0", "k0", "The modified Bessel function of the second kind of order 0"),
    ("modified_bessel_k1", "k1", "The modified Bessel function of the second kind of order 1"),
    ("scaled_modified_bessel_k0", "k0e", "exp(input) * modified_bessel_k0(input)"),
    ("scaled_modified_bessel_k1", "k1e", "exp(input) * modified_bessel_k1(input)"),
    ("airy_ai", _airy, "The Airy function Ai"),
    ("spherical_bessel_j0", _spherical, "sin(input) / input, the spherical Bessel function of order 0"),
):
    _bessel(_name, _function, _doc)

# Logarithms of products

LOGIT = Kind("Logit", "x")


@named(writes=True, out=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(input / (1 - input)); with eps, of the input limited to [eps, 1 - eps]."""
    need_tensor(input, "logit")
    refuse(input, "c", "logit_cpu")
    return call(LOGIT, widened(lambda v: kinks.logit(v, eps), np.float16), as_floating(input))


def _with_numbers(function: str, backward: str, fun: Any, kernel: str, lacks: str | None = None) -> Any:
    """Of two tensors, or of one and a number: PyTorch has an entry for each."""
    kinds = {
        (True, True): Kind(f"{backward}Backward0", "yx", lacks),
        (False, True): Kind(f"{backward}Backward1", "x", takes="1"),
        (True, False): Kind(f"{backward}Backward2", "x=", lacks, takes="0"),
    }
    whole = Kind(f"{backward}Backward0", "yx")

    def apply(input: Any, other: Any) -> Tensor:
        x, y = number(input), number(other)
        both = isinstance(x, Tensor), isinstance(y, Tensor)
        if both not in kinds or not all(isinstance(t, (Tensor, *NUMBERS)) for t in (x, y)):
            raise TypeError(no_overload(function, x, y))
        check_together(x, y)
        kind = whole if both == (True, True) and not x.requires_grad else kinds[both]
        x, y = promote(x, y, floating=True)
        refuse(x if both[0] else y, "ce" if kernel == "zeta_cpu" else "c", kernel)
        dtype = (x if both[0] else y)._read().dtype

        def on_values(a: Any, b: Any) -> Any:
            a, b = (v if hasattr(v, "dtype") else dtype.type(v) for v in (a, b))
            return fun(a, b)

        return call(kind, on_values, x, y)

    return apply


def _xlogy(x: Any, y: Any) -> Any:
    return kinks.x_log_y(fnp.log, 0.0, x, y)


def _xlog1py(x: Any, y: Any) -> Any:
    return kinks.x_log_y(fnp.log1p, -1.0, x, y)


_of_xlogy = _with_numbers("xlogy", "Xlogy", _xlogy, "xlogy_cpu")
_of_xlog1py = _with_numbers("special_xlog1py", "SpecialXlog1Py", _xlog1py, "xlog1py_cpu")
_of_zeta = _with_numbers(
    "special_zeta", "SpecialZeta", scipys("zeta"), "zeta_cpu", "the derivative for 'zeta' is not implemented."
)


@named(writes=True, out=True)
def xlogy(input: Any, other: Any) -> Tensor:
    """input * log(other), 0 where input is."""
    return _of_xlogy(input, other)


@named(space="special", out=True)
def xlog1py(input: Any, other: Any) -> Tensor:
    """input * log1p(other), 0 where input is."""
    return _of_xlog1py(input, other)


@named(space="special", out=True)
def zeta(input: Any, other: Any) -> Tensor:
    """Hurwitz's zeta function; as in PyTorch, without a derivative by input."""
    return _of_zeta(input, other)


@named(space="special", out=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest number with so many decimals (the even one of two); its derivative is zero."""
    need_tensor(input, "special_round")
    return steps.rounded_to(input, decimals)


# In torch.special by these names, too

for _name, _row in {
    "erf": erf, "erfc": erfc, "erfinv": erfinv, "expit": pointwise.sigmoid, "gammaln": lgamma, "digamma": digamma,
    "psi": digamma, "polygamma": polygamma, "multigammaln": mvlgamma, "gammainc": igamma, "gammaincc": igammac,
    "i0": i0, "logit": logit, "xlogy": xlogy, "exp2": pointwise.exp2, "expm1": pointwise.expm1,
    "log1p": pointwise.log1p, "sinc": pointwise.sinc, "logsumexp": reduce.logsumexp,
    "softmax": reduce.softmax, "log_softmax": reduce.log_softmax,
}.items():  # fmt: skip
    named(name=_name, space="special", out=_name not in ("softmax", "log_softmax"))(_row)
