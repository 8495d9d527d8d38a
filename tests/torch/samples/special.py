"""Special functions, in torch and torch.special."""

from math import inf, nan

from tests.torch.samples import Sample

LINE = ([0.3, -0.7, 1.6, 0.5, 2.5, -3.25, 1e-9],)
WIDE = ([0.3, -0.7, 1.6, 0.5, 2.5, -3.25],)
ENDS = ([0.0, 1.0, -1.0, inf, -inf, nan],)
POSITIVE = ([0.3, 0.7, 1.6, 4.5, 20.0],)
UNIT = ([0.3, 0.7, 0.02, 0.999],)
NONE = ([],)
ONE = (0.75,)
TABLE = ([[0.3, 0.7, 1.6], [1.0, 2.0, 0.25]], [[0.5, 2.5, 1.25]])
AT_ZEROS = ([0.0, 0.0, 0.0, 0.0, 0.0, 2.0, -1.0], [0.0, 1.0, -1.0, inf, nan, 0.0, -0.5])
LIMITS = ([0.0, 0.0, 0.0, 1.0, -1.0, inf, 1.0, 0.0], [0.5, 0.0, -1.0, 0.0, 1.0, 1.0, inf, inf])
SPREAD = ([[1.0], [0.3], [2.5]], [0.5, 1.5])
UNEQUAL = ([0.3, 0.7], [0.1, 0.2, 0.3])
POLYNOMIAL = ([0.3, -0.7, 0.0, 1.6, -2.0, 1.0, -1.0],)
DEGREES = ([[0.3], [-0.7], [2.0], [1.0]], [0.0, 1.0, 2.0, 4.0])
POLYNOMIALS = (
    *(f"{shift}chebyshev_polynomial_{kind}" for shift in ("", "shifted_") for kind in "tuvw"),
    "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
)
FEW = ("float64",)
SINGLE = ("float32",)
WHOLE = ("int64",)
COMPLEXES = ([0.5 + 1j, -1.5 + 0.25j],)
CURVED = "derivatives of the third degree in the value"
TERMS_AT_INF = "of its terms; PyTorch divides inf by inf"
ENDS_OF_LOGIT = "of a difference; PyTorch divides 0 by 0"
SERIES = "of its series; PyTorch subtracts inf from inf"
LONG = "PyTorch's polygamma(1, x) has an error of 4e-10"


def whole(*expressions):
    return [Sample(e, (([1, 2, 3],),), dtypes=WHOLE) for e in expressions]


def of_complex(*expressions):
    return [Sample(e, (COMPLEXES,), dtypes=("complex128",)) for e in expressions]


SAMPLES = [
    Sample("torch.erf(x)", (LINE, ENDS, NONE, ONE, TABLE[:1])),
    Sample("torch.erfc(x)", (LINE, ENDS, ([5.0, 10.0],))),
    Sample("torch.erfinv(x)", (UNIT, ([0.0, 1.0, -1.0, 1.5, nan],)), 32, CURVED),
    Sample("torch.special.erf(x)", (LINE,)),
    Sample("torch.special.erfc(x)", (LINE,)),
    Sample("torch.special.erfinv(x)", (([0.3, -0.7],),)),
    Sample("torch.special.erfcx(x)", (LINE, ([0.0, nan],)), 64, "of its terms, which cancel"),
    Sample("torch.special.ndtr(x)", (LINE, ENDS, NONE)),
    Sample("torch.special.ndtri(x)", (UNIT, ([0.0, 1.0, 0.5, 2.0],)), 32, CURVED),
    Sample("torch.special.log_ndtr(x)", (LINE, ([0.0, -5.0, -20.0, 10.0],)), 512, "of its terms, which cancel"),
    Sample("torch.special.expit(x)", (LINE,)),
    Sample("torch.lgamma(x)", (POSITIVE, ([-0.5, -2.5],)), 4e6, LONG, dtypes=FEW),
    Sample("x.lgamma()", (POSITIVE, ([-0.5, -2.5],), ([0.0, -0.0, inf, nan],), NONE), 16, "of its terms",
           dtypes=SINGLE),
    Sample("x.lgamma() * 1", (([0.0, -0.0, inf],),), dtypes=FEW),
    Sample("torch.special.gammaln(x)", (POSITIVE,), 4e6, LONG, dtypes=FEW),
    Sample("torch.digamma(x)", (POSITIVE, ([-0.5, -2.5],)), 4e6, LONG, dtypes=FEW),
    Sample("x.digamma()", (POSITIVE, ([0.0, inf],)), 32, TERMS_AT_INF, dtypes=SINGLE, exact=True),
    Sample("torch.special.digamma(x)", (POSITIVE,), 32, "of its terms", dtypes=SINGLE),
    Sample("torch.special.psi(x)", (POSITIVE,), 32, "of its terms", dtypes=SINGLE),
    Sample("torch.polygamma(1, x)", (POSITIVE,), 4e6, LONG, dtypes=FEW),
    Sample("x.polygamma(1)", (POSITIVE,), 32, "of its terms", dtypes=SINGLE),
    Sample("torch.polygamma(0, x)", (POSITIVE,), 32, "of its terms", dtypes=SINGLE),
    Sample("torch.polygamma(2, x)", (POSITIVE,), 32, "of its terms"),
    Sample("torch.special.polygamma(3, x)", (POSITIVE,), 32, "of its terms"),
    Sample("torch.polygamma(-1, x)", (POSITIVE,), dtypes=FEW),
    Sample("torch.mvlgamma(x, 2)", (([1.3, 2.5, 7.0],), ([[1.5], [2.5]],)), 4e6, LONG, dtypes=FEW),
    Sample("x.mvlgamma(p=3)", (([1.3, 2.5, 7.0],),), 64, "of its terms", dtypes=SINGLE),
    Sample("torch.special.multigammaln(x, 2)", (([1.3, 2.5, 7.0],),), 64, "of its terms", dtypes=SINGLE),
    Sample("torch.mvlgamma(x, 0)", (POSITIVE,), dtypes=FEW),
    Sample("torch.igamma(x.detach(), y)", (TABLE, ([1.0, 2.0], [0.5, 3.0]), SPREAD, LIMITS), 64, SERIES, exact=True),
    Sample("torch.igammac(x.detach(), y)", (TABLE, SPREAD, LIMITS), 64, SERIES, exact=True),
    Sample("torch.special.gammainc(x.detach(), y)", (TABLE,), 64, "of its series"),
    Sample("torch.special.gammaincc(x.detach(), y)", (TABLE,), 64, "of its series"),
    Sample("torch.igamma(x, y).sum().backward()", (TABLE,), dtypes=FEW),
    Sample("torch.igammac(x, y).sum().backward()", (TABLE,), dtypes=FEW),
    Sample("torch.igamma(x, y)", (UNEQUAL,), dtypes=FEW),
    Sample("torch.igamma(x, 1.0)", (POSITIVE,), dtypes=FEW),
    Sample("torch.i0(x)", (LINE, ([0.0],), NONE), 16, "of its series"),
    Sample("torch.special.i0(x)", (LINE,), 16, "of its series"),
    Sample("torch.special.i0e(x)", (LINE, ([0.0, 30.0],)), 64, "of its terms, which cancel"),
    Sample("torch.special.i1(x)", (WIDE,), 64, "of its terms, which cancel"),
    Sample("torch.special.i1e(x)", (WIDE,), 64, "of its terms, which cancel"),
    *(
        Sample(f"torch.special.{f}(x)", (POSITIVE,), 1e8, "PyTorch's has an error of 1e-8", dtypes=FEW)
        for f in ("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1")
    ),
    *(
        Sample(f"torch.special.{f}(x)  # float32", (POSITIVE, ([0.0, inf],), NONE), 32, "of its series", dtypes=SINGLE)
        for f in ("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1")
    ),
    *(
        Sample(f"torch.special.{f}(x)", (POSITIVE, ([0.0, inf],), NONE), 32, "of its series")
        for f in ("modified_bessel_i0", "modified_bessel_i1",
                  "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1")
    ),
    Sample("torch.special.airy_ai(x)", (WIDE, POSITIVE, ([0.0, -10.3, 50.0, 200.0, inf, -inf, nan],), NONE), 1e7,
           "PyTorch's has an error of 1e-9", dtypes=FEW),
    Sample("torch.special.airy_ai(x)  # float32", (WIDE, ([0.0, nan],)), 64, "of its series", dtypes=SINGLE),
    Sample("torch.special.spherical_bessel_j0(x)", (LINE, ([0.0, 100.0, inf, -inf, nan],), NONE), 16, "of its series"),
    *whole("torch.special.airy_ai(x)+0", "torch.special.spherical_bessel_j0(x)+0"),
    *of_complex("torch.special.airy_ai(x)+1", "torch.special.spherical_bessel_j0(x)+1"),
    Sample("torch.logit(x)", (UNIT, ([0.0, 1.0, -1.0, 2.0, nan],), NONE), 16, ENDS_OF_LOGIT, exact=True),
    Sample("torch.logit(x, 0.1)", (UNIT, ([0.0, 1.0, 0.1, 0.5],)), 16, ENDS_OF_LOGIT, exact=True),
    Sample("torch.special.logit(x, eps=0.25)", (UNIT,), 16, "of a difference"),
    Sample("torch.logit_(x * 1)", (UNIT,), 16, "of a difference"),
    Sample("torch.special.entr(x)", (UNIT, ([0.0, 1.0, -1.0, inf, nan],))),
    Sample("torch.xlogy(x, y)", (TABLE, ([], []), ([0.0, 2.0], [1.0, 0.0]))),
    Sample("torch.xlogy(x, 2.0)", (LINE, ([0.0, nan, inf],))),
    Sample("torch.xlogy(x, 0)", (([2.0, 1.0],),)),
    Sample("torch.xlogy(2, x)", (POSITIVE, ([0.0, 1.0],))),
    Sample("torch.xlogy(0.0, x)", (POSITIVE, ([0.0, 1.0, -1.0],))),
    Sample("(x * 1).xlogy_(y)", (TABLE,)),
    Sample("torch.special.xlogy(x, y)", (TABLE,)),
    Sample("torch.special.xlog1py(x, y)", (TABLE, ([0.0, 2.0], [0.0, -0.5]))),
    Sample("torch.autograd.grad(torch.xlogy(x, y).sum(), (x, y))", (AT_ZEROS,)),
    Sample("torch.xlogy(x.detach(), y.detach())", (AT_ZEROS,)),
    Sample("torch.autograd.grad(torch.special.xlog1py(x, y).sum(), (x, y))", (AT_ZEROS,)),
    Sample("torch.special.xlog1py(x.detach(), y.detach())", (AT_ZEROS,)),
    Sample("torch.special.xlog1py(x, 2)", (LINE, ([0.0],))),
    Sample("torch.special.xlog1py(2.0, x)", (POSITIVE,)),
    Sample("torch.xlogy(x, y) + 0", (UNEQUAL,), dtypes=FEW),
    Sample("torch.special.zeta(x.detach() + 1, y)", (TABLE,), 32, "of its series"),
    Sample("torch.special.zeta(2.5, x)", (POSITIVE,), 32, "of its series"),
    Sample("torch.special.zeta(x.detach() + 1, 2.0)", (POSITIVE,), 32, "of its series"),
    Sample("torch.special.zeta(x + 1, 2.0).sum().backward()", (POSITIVE,), dtypes=FEW),
    Sample("torch.special.zeta(x + 1, y).sum().backward()", (TABLE,), dtypes=FEW),
    Sample("torch.special.exp2(x)", (LINE,)),
    Sample("torch.special.expm1(x)", (LINE,)),
    Sample("torch.special.log1p(x)", (POSITIVE,)),
    Sample("torch.special.sinc(x)", (POSITIVE,)),
    Sample("torch.special.round(x)", (LINE, ([0.5, 1.5, 2.5],))),
    Sample("torch.special.round(x, decimals=1)", (LINE,)),
    Sample("torch.special.logsumexp(x, 0)", (LINE,)),
    Sample("torch.special.softmax(x, 0)", (LINE,)),
    Sample("torch.special.log_softmax(x, 0)", (LINE,)),
    *(
        Sample(f"1 * torch.{call}", (([0.3, 0.75, 0.25],),), dtypes=("float16",))
        for call in ("i0(x.detach())", "special.entr(x.detach())", "special.i0e(x.detach())", "special.i1(x.detach())",
                     "special.ndtri(x)", "special.log_ndtr(x)", "special.erfcx(x)", "special.zeta(2.0, x)",
                     "special.bessel_j0(x)", "polar(x, x)")
    ),
    *whole("torch.erf(x)+0", "x.lgamma() + 0", "x.i0()", "x.logit(0.1)", "torch.special.entr(x)*1", "torch.xlogy(x, x)",
           "torch.xlogy(x, 2)", "torch.special.ndtr(x) + 0", "torch.special.erfcx(x) + 0",
           "torch.special.bessel_j0(x)+0",
           "torch.special.zeta(x + 1, x)", "torch.igamma(x, x)", "torch.special.round(x) + 0"),
    *of_complex("torch.erf(x) * 1", "torch.erfc(x) * 1", "torch.erfinv(x) * 1", "torch.lgamma(x) * 1",
                "torch.digamma(x) * 1", "torch.polygamma(1, x) * 1", "torch.logit(x) * 1", "torch.xlogy(x, x) * 1",
                "torch.special.i0e(x) * 1", "torch.special.erfcx(x) * 1", "torch.special.bessel_y0(x) * 1",
                "torch.i0(x) * 1", "torch.special.entr(x) * 1", "torch.igammac(x, x) * 1", "torch.special.i1e(x) * 1",
                "torch.special.ndtri(x) * 1", "torch.special.log_ndtr(x) * 1", "torch.special.xlog1py(x, x) * 1"),
    *[Sample(f"torch.special.{name}(x, {degree})", (POLYNOMIAL,), 512, "of its terms; PyTorch takes cosines from 6 on")
      for name in POLYNOMIALS for degree in ("0", "1", "2", "5", "9", "-1", "2.7")],
    *[Sample(f"torch.special.{name}({args})", (DEGREES,), 512, "of its terms", dtypes=kinds)
      for name in POLYNOMIALS
      for args, kinds in (("x, y", FEW), ("0.5, y", FEW), ("x.long(), y", SINGLE), ("x, y.long()", SINGLE),
                          ("x, 'a'", FEW))],
    Sample("torch.special.legendre_polynomial_p(x, 3)", (COMPLEXES,), dtypes=("complex128",)),
]  # fmt: skip
