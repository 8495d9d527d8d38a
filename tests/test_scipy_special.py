"""`funcgrad.scipy.special`: SciPy's values and dtypes in every mode, derivatives against differences."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import scipy.special

import funcgrad as fg
from funcgrad.scipy import special
from funcgrad.test_util import check_grads

ANY = np.array([-3.7, -1.2, -0.3, 0.4, 1.1, 2.6])
POSITIVE = np.array([0.2, 0.7, 1.3, 2.4, 5.5, 9.1])
UNIT = np.array([0.15, 0.2, 0.45, 0.5, 0.7, 0.8])
OTHER = np.array([0.3, 1.6, 0.9, 4.0, 0.6, 3.3])
DF = np.array([0.8, 1.5, 3.0, 4.5, 12.0, 40.0])
ORDERS = np.array([0, 1, 2, 3, 5, 8])
BELOW_ONE = np.array([-0.8, -0.3, 0.0, 0.2, 0.5, 0.7])
# fmt: off
CALLS: dict[str, tuple[np.ndarray, ...]] = {
    "beta": (POSITIVE, OTHER), "betaln": (POSITIVE, OTHER), "digamma": (POSITIVE,), "entr": (POSITIVE,), "erf": (ANY,),
    "erfc": (ANY,), "erfinv": (UNIT,), "expit": (ANY,), "gammainc": (POSITIVE, OTHER), "gammaincc": (POSITIVE, OTHER),
    "gammaln": (POSITIVE,), "i0": (ANY,), "i0e": (ANY,), "i1": (ANY,), "i1e": (ANY,), "kl_div": (POSITIVE, OTHER),
    "log_expit": (ANY,), "log_ndtr": (ANY,), "log_softmax": (ANY,), "logit": (UNIT,), "logsumexp": (ANY,),
    "ndtr": (ANY,), "ndtri": (UNIT,), "psi": (POSITIVE,), "rel_entr": (POSITIVE, OTHER), "softmax": (ANY,),
    "xlog1py": (ANY, OTHER), "xlogy": (ANY, OTHER),
    "betainc": (POSITIVE, OTHER, UNIT), "betaincc": (POSITIVE, OTHER, UNIT), "betaincinv": (POSITIVE, OTHER, UNIT),
    "betainccinv": (POSITIVE, OTHER, UNIT), "gammaincinv": (POSITIVE, UNIT), "gammainccinv": (POSITIVE, UNIT),
    "stdtr": (DF, ANY), "stdtrit": (DF, UNIT), "chdtr": (DF, OTHER), "chdtrc": (DF, OTHER),
    "fdtr": (DF, POSITIVE, OTHER), "fdtrc": (DF, POSITIVE, OTHER),
    "gamma": (ANY,), "rgamma": (ANY,), "loggamma": (POSITIVE,), "poch": (POSITIVE, OTHER), "factorial": (POSITIVE,),
    "j0": (ANY,), "j1": (ANY,), "y0": (POSITIVE,), "y1": (POSITIVE,), "zeta": (1 + POSITIVE, OTHER),
    "exp1": (POSITIVE,), "expi": (ANY,), "spence": (POSITIVE,), "owens_t": (ANY, OTHER), "lambertw": (POSITIVE,),
    "cbrt": (ANY,), "exp2": (ANY,), "exp10": (ANY,), "expm1": (ANY,), "exprel": (ANY,), "log1p": (POSITIVE,),
    "sinc": (ANY,), "k0": (POSITIVE,), "k0e": (POSITIVE,), "k1": (POSITIVE,), "k1e": (POSITIVE,), "erfcx": (ANY,),
    "dawsn": (ANY,), "erfi": (ANY,), "erfcinv": (2 * UNIT,), "ellipk": (BELOW_ONE,), "ellipe": (BELOW_ONE,),
    "binom": (ANY, POSITIVE),
    "boxcox": (POSITIVE, BELOW_ONE), "inv_boxcox": (UNIT, BELOW_ONE), "huber": (OTHER, ANY),
    "pseudo_huber": (OTHER, ANY),
}
"""Functions that are differentiable in all arguments."""
OF_ORDER: dict[str, tuple[np.ndarray, ...]] = {
    "jv": (ORDERS, ANY), "jn": (0.5 + ORDERS, POSITIVE), "iv": (ORDERS, ANY), "ive": (ORDERS, ANY),
    "yn": (ORDERS, POSITIVE), "expn": (ORDERS, POSITIVE), "polygamma": (1.0 * ORDERS, POSITIVE),
    "jve": (ORDERS, ANY), "yv": (0.5 + ORDERS, POSITIVE), "yve": (ORDERS, POSITIVE), "kv": (0.5 + ORDERS, POSITIVE),
    "kve": (ORDERS, POSITIVE), "hyp1f1": (POSITIVE, OTHER, ANY), "hyp2f1": (POSITIVE, OTHER, POSITIVE + 1, BELOW_ONE),
}
"""Functions that are differentiable in the last argument only."""
# fmt: on
NOT_ELEMENTWISE = {"logsumexp", "softmax", "log_softmax", "factorial"}
"""SciPy's factorial of one float32 is another dtype than that of several."""
TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 3e-6, np.dtype(np.complex128): 1e-12}


def close(y, expected, name):
    assert y.dtype == expected.dtype, name
    tolerance = TOLERANCE[expected.dtype]
    np.testing.assert_allclose(y, expected, rtol=20 * tolerance, atol=tolerance)


def test_every_name_has_a_row():
    assert set(special.__all__) == {*CALLS, *OF_ORDER, "multigammaln", "gammasgn", "airy"}
    assert all(getattr(special, name).__doc__ for name in special.__all__)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", [*CALLS, *OF_ORDER])
def test_values_are_scipys(name, dtype):
    ours, scipys = getattr(special, name), getattr(scipy.special, name)
    args = [x.astype(dtype) if x.dtype.kind == "f" else x for x in {**CALLS, **OF_ORDER}[name]]
    expected = scipys(*args)
    np.testing.assert_array_equal(ours(*args), expected)
    for call in (ours, scipys) if isinstance(scipys, np.ufunc) else (ours,):
        close(fg.vjp(lambda x: call(*args[:-1], x), args[-1])[0], expected, "vjp")
        close(fg.jit(call)(*args), expected, "jit")
        if name not in NOT_ELEMENTWISE:
            close(fg.vmap(call)(*args), expected, "vmap")


@pytest.mark.parametrize("name", CALLS)
def test_derivatives(name):
    fun = getattr(special, name)
    if name == "lambertw":
        fun = lambda z: special.lambertw(z).real
    check_derivatives(fun, *CALLS[name])


@pytest.mark.parametrize("name", OF_ORDER)
def test_derivatives_of_functions_of_an_order(name):
    fun = getattr(special, name)
    *parameters, x = OF_ORDER[name]
    check_derivatives(lambda x: fun(*parameters, x), x)
    with pytest.raises(fg.errors.NotDifferentiableError, match="is not known at"):
        fg.vjp(fun, *(p.astype(float) for p in parameters), x)


def check_derivatives(fun, *args):
    check_grads(fun, args, order=2)
    total = lambda *xs: (fun(*xs) * np.cos(np.arange(6.0))).sum()
    gradient = fg.grad(total, tuple(range(len(args))))
    for y, e in zip(fg.jit(gradient)(*args), gradient(*args)):
        np.testing.assert_allclose(y, e, rtol=1e-10, atol=1e-13)


def test_multigammaln():
    for d in (1, 2, 4):
        f = lambda a, d=d: special.multigammaln(a, d)
        expected = scipy.special.multigammaln(2.0 + POSITIVE, d)
        np.testing.assert_allclose(fg.vjp(f, 2.0 + POSITIVE)[0], expected, rtol=1e-12)
        check_grads(f, (2.0 + POSITIVE,), order=2)
    with pytest.raises(ValueError, match="positive integer"):
        fg.grad(special.multigammaln)(3.0, 0)


def test_one_argument_of_zeta():
    """Riemann's function, on both sides of its pole, and at its zeros."""
    x = np.array([-20.5, -4.0, -2.0, -0.3, 0.0, 0.5, 1.5, 2.0, 30.0])
    close(fg.vjp(special.zeta, x)[0], scipy.special.zeta(x), "vjp")
    close(fg.jit(special.zeta)(x.astype(np.float32)), scipy.special.zeta(x.astype(np.float32)), "jit")
    check_grads(special.zeta, (x[1:],), order=2)
    with pytest.raises(TypeError, match="does not take `out`"):
        fg.vjp(lambda x: special.zeta(x, out=np.empty(9)), x)


def test_branches_of_lambertw():
    z = np.array([-0.3, -0.1, 0.4, 5.0])
    for k in (-1, 0, 2):
        branch = partial(special.lambertw, k=k)
        close(fg.vjp(branch, z)[0], scipy.special.lambertw(z, k), "vjp")
        check_grads(lambda z, branch=branch: branch(z).real, (z,), order=2)
        w = fg.grad(branch, holomorphic=True)(0.4 + 0.3j)
        found = scipy.special.lambertw(0.4 + 0.3j, k)
        np.testing.assert_allclose(w, 1 / (np.exp(found) * (1 + found)), rtol=1e-13)
    assert fg.jit(special.lambertw)(np.float32(1)).dtype == scipy.special.lambertw(np.float32(1)).dtype


def test_complex_arguments():
    z = np.array([0.7 + 0.3j, -1.2 + 0.8j])
    of_order = {"jv": (1.5,), "iv": (0.5,), "yv": (1.5,), "kv": (0.5,), "kve": (1.5,)}
    cases = {**of_order, "exp1": (), "expi": (), "log1p": (), "expm1": ()}
    for name, parameters in cases.items():
        fun = partial(getattr(special, name), *parameters)
        close(fg.jit(fun)(z), getattr(scipy.special, name)(*parameters, z), name)
        check_grads(fun, (z,), order=1)
    for name in ("gamma", "loggamma", "rgamma", "spence", "erf", "psi", "erfcx", "dawsn"):
        with pytest.raises(TypeError, match="complex"):
            fg.vjp(getattr(special, name), z)


def test_dtypes_are_scipys():
    """Python's numbers yield to float32, small integers and float16 become what SciPy makes of them."""
    single, half, whole = np.float32([0.3, 0.6]), np.float16([0.3, 0.6]), np.array([1, 2], np.int8)
    calls = [("betainc", (2, 3.0, single)), ("betainc", (2.0, whole, half)), ("gammainc", (0.5, single)),
             ("xlogy", (2, half)), ("stdtr", (3, single)), ("expn", (2, single)), ("yn", (2.0, single)),
             ("zeta", (2.5, single)), ("gammaln", (whole,)), ("ndtr", (half,)), ("jv", (whole, single))]  # fmt: skip
    for name, (*parameters, x) in calls:
        call = partial(getattr(special, name), *parameters)
        expected = getattr(scipy.special, name)(*parameters, x)
        close(fg.jit(call)(x), expected, name)
        if x.dtype.kind == "f":
            assert fg.vjp(call, x)[1](np.ones_like(expected))[0].dtype == x.dtype


def test_gammasgn_is_flat():
    np.testing.assert_array_equal(fg.jit(special.gammasgn)(ANY), scipy.special.gammasgn(ANY))
    np.testing.assert_array_equal(fg.grad(lambda x: special.gammasgn(x).sum())(ANY), np.zeros(6))


def test_factorials_of_other_kinds_are_refused():
    np.testing.assert_array_equal(fg.vjp(special.factorial, np.array([-1.5, 3.0]))[0], [0.0, 6.0])
    with pytest.raises(ValueError, match="exact=False"):
        fg.grad(lambda n: special.factorial(n, exact=True))(3.0)


def test_digits_in_the_tails() -> None:
    """Against values of 40 digits by mpmath."""
    values = [(1e-18, 0.5, 5.597735947761608e-19), (0.04, 0.9, 0.010795492919009365), (1e-5, 0.5, 5.59776528542266e-06)]
    for a, x, expected in values:
        np.testing.assert_allclose(fg.vjp(special.gammaincc, a, x)[0], expected, rtol=1e-14)
    assert fg.vjp(special.gammainc, 2.5, 1e200)[0] == 1.0
    slopes = [(-1e5, 100000.00001), (-51.0, 51.01959279488113), (-49.0, 49.02039119883845), (-1e200, 1e200)]
    for x, expected in slopes:
        np.testing.assert_allclose(fg.grad(special.log_ndtr)(x), expected, rtol=1e-12)


EDGES = {
    "xlogy": ([0.0, 0.0, 0.0, 1.0, 2.0, math.nan], [0.0, math.nan, -1.0, 0.0, -1.0, 1.0]),
    "xlog1py": ([0.0, 0.0, 0.0, 1.0, 2.0, math.nan], [-1.0, math.nan, -2.0, -1.0, -2.0, 1.0]),
    "entr": ([0.0, -1.0, math.nan, math.inf, 1e-320],),
    "rel_entr": ([0.0, 0.0, 1.0, -1.0, math.nan, 1.0], [0.0, 2.0, 0.0, 1.0, 1.0, math.nan]),
    "kl_div": ([0.0, 0.0, 1.0, -1.0, math.nan, 1.0], [0.0, 2.0, 0.0, 1.0, 1.0, math.nan]),
    "log_ndtr": ([-40.0, -1e3, 10.0, math.inf, -math.inf, math.nan],),
    "ndtri": ([0.0, 1.0, -0.5, 1e-300, math.nan],),
    "logit": ([0.0, 1.0, -0.5, 2.0, 1e-300],),
    "log_expit": ([-800.0, 800.0, math.inf, -math.inf],),
    "ndtr": ([-37.0, 38.0, math.inf, -math.inf, math.nan],),
    "betainc": ([2.0, 2.0, 2.0, 0.0, 2.0, math.nan], [3.0, 3.0, 3.0, 3.0, 0.0, 1.0], [0.0, 1.0, -0.1, 0.5, 0.5, 0.5]),
    "betaincinv": ([2.0, 2.0, 2.0, math.nan], [3.0, 3.0, 3.0, 1.0], [0.0, 1.0, 1.5, 0.5]),
    "gammaincinv": ([2.0, 2.0, 2.0, -1.0], [0.0, 1.0, 2.0, 0.5]),
    "stdtr": ([3.0, 3.0, math.inf, -1.0, math.nan, 3.0], [math.inf, -math.inf, 1.0, 1.0, 1.0, math.nan]),
    "stdtrit": ([3.0, 3.0, math.inf, 3.0, math.nan], [0.0, 1.0, 0.3, 0.5, 0.5]),
    "chdtr": ([3.0, 3.0, 3.0, -1.0], [0.0, math.inf, -1.0, 1.0]),
    "fdtr": ([2.0, 2.0, 2.0, -1.0], [3.0, 3.0, 3.0, 3.0], [0.0, math.inf, -1.0, 1.0]),
    "gamma": ([0.0, -0.0, -1.0, 171.6, 172.0, math.inf, -math.inf, math.nan],),
    "rgamma": ([0.0, -1.0, -2.0, 200.0, math.inf, math.nan, -171.5],),
    "beta": ([-1.5, 0.0, 1.0, math.nan], [2.5, 1.0, math.inf, 1.0]),
    "betaln": ([-1.5, 0.0, 1e10, math.nan], [2.5, 1.0, 2.0, 1.0]),
    "zeta": ([1.0, 0.5, 2.0, 2.0, 2.5, math.nan], [1.0, 1.0, 0.0, -1.5, -0.5, 1.0]),
    "j1": ([0.0, -1e5, math.inf, math.nan],), "y0": ([0.0, -1.0, math.inf, math.nan],),
    "jv": ([0.0, 1.0, -1.0, 0.5, 2.0], [0.0, 0.0, 0.0, -2.0, math.nan]),
    "exp1": ([0.0, -1.0, math.inf, math.nan],), "spence": ([0.0, 1.0, -1.0, math.inf, math.nan],),
    "k0": ([0.0, -1.0, 800.0, math.inf, math.nan],), "kve": ([0.5, 0.0, 2.0, 1.0], [0.0, 1e-300, 1e10, math.nan]),
    "erfcx": ([-30.0, 1e10, math.inf, -math.inf, math.nan],), "dawsn": ([0.0, -1e10, math.inf, math.nan],),
    "erfi": ([0.0, -30.0, math.inf, math.nan],),
    "erfcinv": ([0.0, 2.0, -1.0, 1e-300, math.nan],), "ellipk": ([1.0, 2.0, -math.inf, -1e8, math.nan],),
    "ellipe": ([1.0, 2.0, -1e8, math.nan],), "boxcox": ([0.0, 0.0, 0.0, -1.0, 3.0], [2.0, -1.0, 0.0, 1.0, 1e-20]),
    "inv_boxcox": ([-0.5, -2.0, 1.0, 3.0], [2.0, 1.0, 0.0, 1e-20]),
    "binom": ([2.0, -2.0, 0.5, 1e3, math.nan], [3.0, 1.0, -1.0, 5.0, 1.0]),
    "huber": ([-1.0, 0.0, 1.0, 1.0, 2.0], [1.0, 2.0, math.inf, 1.0, math.nan]),
    "pseudo_huber": ([-1.0, 0.0, 0.0, 1.0, 2.0], [1.0, 2.0, 0.0, 1e200, math.nan]),
    "exprel": ([0.0, 1e-320, 800.0, -800.0, math.inf, -math.inf, math.nan],),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_values_at_edges(name):
    args = [np.array(x) for x in EDGES[name]]
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(*args)
        fun = partial(getattr(special, name), *args[:-1])
        for call in (lambda f: fg.vjp(f, args[-1])[0], lambda f: fg.jit(f)(args[-1])):
            np.testing.assert_allclose(call(fun), expected, rtol=1e-12)


inf = math.inf
SLOPES = {
    # the derivatives in all arguments, one element for each point of the argument
    "betainc": [((2.0, 3.0, 0.0), (0, 0, 0)), ((2.0, 3.0, 1.0), (0, 0, 0)), ((1.0, 1.0, 0.0), (0, 0, 1)),
                ((0.5, 1.0, 0.0), (0, 0, inf))],
    "betaincinv": [((2.0, 3.0, 0.0), (0, 0, inf)), ((1.0, 1.0, 1.0), (0, 0, 1))],
    "gammainc": [((2.0, 0.0), (0, 0)), ((1.0, 0.0), (0, 1)), ((2.0, inf), (0, 0))],
    "gammaincinv": [((2.0, 0.0), (0, inf)), ((1.0, 0.0), (0, 1)), ((2.0, 1.0), (0, inf))],
    "stdtr": [((3.0, inf), (0, 0)), ((1.0, 0.0), (0, 1 / math.pi)), ((inf, 0.0), (0, 1 / math.sqrt(2 * math.pi)))],
    "stdtrit": [((3.0, 0.0), (0, inf)), ((1.0, 0.5), (0, math.pi)), ((inf, 0.5), (0, math.sqrt(2 * math.pi)))],
    "rgamma": [((0.0,), (1,)), ((-1.0,), (-1,)), ((-3.0,), (-6,))],
    "poch": [((0.0, 2.0), (1, 0)), ((-1.0, 3.0), (-1, 0))],
    "j1": [((0.0,), (0.5,))], "y0": [((0.0,), (inf,))],
    "spence": [((1.0,), (-1,)), ((0.0,), (-inf,)), ((1e-17,), (math.log(1e-17),))],
    "psi": [((-1e-12,), (1e24,)), ((-1e-17,), (1e34,))], "exprel": [((0.0,), (0.5,))],
    "ellipk": [((0.0,), (math.pi / 8,)), ((1.0,), (inf,))], "ellipe": [((0.0,), (-math.pi / 8,)), ((1.0,), (-inf,))],
    "binom": [((2.0, 3.0), (1 / 3, -1 / 3)), ((3.0, -1.0), (0, 0.25)), ((4.0, 2.0), (3.5, 0))],
    "boxcox": [((0.0, 2.0), (0, 0.25)), ((1.0, 0.0), (1, 0)), ((math.e, 0.0), (1 / math.e, 0.5))],
    "inv_boxcox": [((1.0, 0.0), (math.e, -math.e / 2))], "k0": [((0.0,), (-inf,))],
    "erfcx": [((inf,), (0,)), ((-30.0,), (-inf,))], "dawsn": [((inf,), (0,)), ((0.0,), (1,))],
    "erfi": [((-inf,), (inf,)), ((0.0,), (2 / math.sqrt(math.pi),))],
    "huber": [((1.0, 1.0), (0, 1)), ((1.0, -3.0), (2, -1)), ((0.0, -2.0), (2, 0)), ((1.0, inf), (inf, 1))],
    "pseudo_huber": [((0.0, 0.0), (0, 0)), ((0.0, -2.0), (2, 0)), ((3.0, 4.0), (0.8, 2.4))],
    "zeta": [((0.5, 1.3), (math.nan, math.nan))], "loggamma": [((-0.5,), (math.nan,))],
}  # fmt: skip


@pytest.mark.parametrize("name, args, expected", [(name, *row) for name, rows in SLOPES.items() for row in rows])
def test_derivatives_at_edges(name, args, expected):
    with np.errstate(all="ignore"):
        found = fg.grad(getattr(special, name), tuple(range(len(args))))(*args)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def test_parameters_of_distributions_in_closed_form():
    """Where the functions are elementary, far into both tails, and the derivatives of them to second order too."""
    a, x = np.array([0.3, 1.0, 7.0, 300.0, 4e4]), np.array([1e-9, 0.4, 0.9, 0.999, 0.99999])
    closed = {
        "betainc": (lambda a, x: special.betainc(a, 1.0, x), lambda a, x: np.exp(a * np.log(x))),
        "betaincc": (lambda a, x: special.betaincc(1.0, a, x), lambda a, x: np.exp(a * np.log1p(-x))),
        "betaincinv": (lambda a, x: special.betaincinv(a, 1.0, x), lambda a, x: np.exp(np.log(x) / a)),
    }
    for name, (ours, expected) in closed.items():
        if name == "betaincinv":
            a, x = a[:3], x[:3]  # a result next to 1 has no digits of its distance
        for f in (lambda f: fg.elementwise_grad(f), lambda f: fg.elementwise_grad(fg.elementwise_grad(f, 1))):
            np.testing.assert_allclose(f(ours)(a, x), f(expected)(a, x), rtol=1e-11, atol=1e-300)
    for df, of_t in ((1.0, lambda t: 0.5 + np.arctan(t) / np.pi), (2.0, lambda t: 0.5 + t / np.sqrt(8 + 4 * t * t))):
        t = np.array([-30.0, -0.2, 0.0, 1e-7, 4.0])
        ours = fg.elementwise_grad(fg.elementwise_grad(partial(special.stdtr, df)))
        np.testing.assert_allclose(ours(t), fg.elementwise_grad(fg.elementwise_grad(of_t))(t), rtol=1e-11, atol=1e-16)
    of_df = fg.elementwise_grad(fg.elementwise_grad(fg.elementwise_grad(special.stdtr), 1), 1)
    of_t = fg.elementwise_grad(fg.elementwise_grad(fg.elementwise_grad(special.stdtr, 1), 1))
    np.testing.assert_allclose(of_df(0 * t + 2.5, t), of_t(0 * t + 2.5, t), rtol=1e-9, atol=1e-13)


def test_digits_of_narrow_distributions():
    """Of large parameters, whose powers and gamma functions are huge; Stirling's formula in closed form."""
    a = 1e8
    density = 2 * math.sqrt(a / math.pi) * (1 - 1 / (8 * a))
    np.testing.assert_allclose(fg.grad(special.betainc, 2)(a, a, 0.5), density, rtol=1e-13)
    np.testing.assert_allclose(fg.grad(special.betaincinv, 2)(a, a, 0.5), 1 / density, rtol=1e-13)


def test_derivatives_where_a_factor_is_zero():
    """Those of the formula: the logarithm for the factor, nothing for its argument."""
    gx, gy = fg.grad(special.xlogy, (0, 1))(0.0, 3.0)
    np.testing.assert_allclose([gx, gy], [math.log(3.0), 0.0])
    gx, gy = fg.grad(special.xlog1py, (0, 1))(0.0, 2.0)
    np.testing.assert_allclose([gx, gy], [math.log(3.0), 0.0])
    assert fg.grad(special.entr)(0.0) == math.inf


def test_second_derivatives_at_joins():
    """Where one formula takes over from another, and at what has no digits left by the nearest formula."""
    twice = lambda f: fg.grad(fg.grad(f))
    root = math.sqrt(math.pi)
    for x in (1e3, 1e8):  # the leading terms of asymptotic series
        np.testing.assert_allclose(fg.grad(special.erfcx)(x), -1 / (root * x * x), rtol=2 / x**2 + 1e-14)
        np.testing.assert_allclose(twice(special.erfcx)(x), 2 / (root * x**3), rtol=4 / x**2 + 1e-14)
        np.testing.assert_allclose(fg.grad(special.dawsn)(-x), -0.5 / x**2, rtol=2 / x**2 + 1e-14)
        np.testing.assert_allclose(twice(special.dawsn)(-x), -1 / x**3, rtol=4 / x**2 + 1e-14)
    for fun, x in ((special.erfcx, 10.0), (special.dawsn, 10.0), (special.ellipk, 0.4), (special.ellipk, -0.4),
                   (special.ellipe, 0.4), (special.ellipe, -0.4)):  # fmt: skip
        for f in (fg.grad(fun), twice(fun), fg.grad(twice(fun))):
            np.testing.assert_allclose(f(np.nextafter(x, 9 * x)), f(x), rtol=1e-8)
    for m in (0.0, -1e-9, 1e-9):  # the series of K and E
        np.testing.assert_allclose(twice(special.ellipk)(m), 9 * math.pi / 64, rtol=1e-8)
        np.testing.assert_allclose(twice(special.ellipe)(m), -3 * math.pi / 64, rtol=1e-8)
    assert twice(partial(special.huber, 1.0))(0.0) == 1 and twice(partial(special.pseudo_huber, 2.0))(0.0) == 1
    np.testing.assert_allclose(fg.grad(fg.grad(special.boxcox, 1), 1)(math.e, 0.0), 1 / 3)


def test_scaled_bessel_functions_far_out():
    """Those of half an order in closed form; derivatives by neighbours have no digits left at 1e8."""
    power = lambda x: (2 / np.pi * x) ** -0.5
    closed = [
        (partial(special.kve, 1.5), lambda x: power(x) * (1 + 1 / x)),
        (partial(special.kve, 2.5), lambda x: power(x) * (1 + 3 / x + 3 / x**2)),
        (partial(special.ive, 1.5), lambda x: power(x) / np.pi * (1 - 1 / x)),  # but for exp(-2 x)
    ]
    for ours, expected in closed:
        for _ in range(3):
            ours, expected = fg.grad(ours), fg.grad(expected)
            for x, rtol in ((49.9, 1e-8), (50.1, 1e-13), (2e3, 1e-13), (1e8, 1e-13)):
                np.testing.assert_allclose(ours(x), expected(x), rtol=rtol)
    of_order = [("i0e", "ive", 0), ("i1e", "ive", 1), ("k0e", "kve", 0), ("k1e", "kve", 1)]
    for name, general, order in of_order:
        ours, same = getattr(special, name), partial(getattr(special, general), order)
        for _ in range(3):
            ours, same = fg.grad(ours), fg.grad(same)
            for x in (49.9, 1e3, 1e8):
                np.testing.assert_allclose(ours(x), same(x), rtol=1e-8)
                if general == "ive":
                    np.testing.assert_allclose(ours(-x), same(-x), rtol=1e-8)


def test_airy_functions():
    """Of real and complex numbers; two solutions of y'' = x * y, whose Wronskian is 1 / pi."""
    for x in (ANY, ANY + 0.5j, ANY.astype(np.float32)):
        found = special.airy(x)
        for y, traced, expected in zip(found, fg.jit(special.airy)(x), scipy.special.airy(x), strict=True):
            close(np.asarray(y), expected, "airy")
            np.testing.assert_array_equal(traced, expected)
    for i in range(4):
        check_grads(lambda x, i=i: special.airy(x)[i], (ANY,), order=2)
    ai, aip, bi, bip = special.airy(ANY)
    np.testing.assert_allclose(ai * bip - aip * bi, 1 / np.pi, rtol=1e-12)
    assert special.airy(1)[0] == scipy.special.airy(1)[0]
