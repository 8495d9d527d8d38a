"""Edges of the functions of elements and the reductions: dtypes asked for, poles, no elements, operands refused."""

from math import inf, nan

from tests.torch.samples import Sample
from tests.torch.samples._lists import listed, together

FEW = ("float64",)
WHOLE = ("int64",)
COMPLEX = ("complex128",)
NUMBERS = ([0.3, -0.7, 1.6],)
MATRIX = ([[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]],)
INTEGERS = ([-2, 0, 3, 100],)
NONE = ([[], []],)
COMPLEXES = ([0.5 + 1j, -1.5 + 0.25j, 2 - 1j],)

DTYPES = [
    *(
        sample
        for name in ("uint8", "int8", "int32", "bool")
        for sample in listed(INTEGERS, f"""
            torch.sum(x, dtype=torch.{name}); torch.sum(x, 0, True, dtype=torch.{name});
            torch.prod(x.to(torch.int16), dtype=torch.{name}); torch.nansum(x, dtype=torch.{name});
            torch.cumsum(x, 0, dtype=torch.{name}); torch.cumprod(x, 0, dtype=torch.{name});
            torch.cumsum(x[:0], 0, dtype=torch.{name}); torch.prod(x[:0], 0, dtype=torch.{name})
        """, dtypes=WHOLE)
    ),
    *listed(NUMBERS, """
        x.sum(dtype=torch.int64); x.prod(0, dtype=torch.int32); x.cumsum(0, dtype=torch.uint8);
        x.mean(dtype=torch.int64); x.nanmean(dtype=torch.int64); x.norm(dtype=torch.int64); x.norm(2, 0, dtype=x.dtype);
        x.norm(dtype=torch.float32); x.norm(dtype=torch.complex128); torch.norm(x); torch.norm(x, None);
        x.detach().sum(0, out=torch.zeros((), dtype=x.dtype)); x.float().norm(1, dtype=torch.float64);
        x.nansum(dtype=torch.complex64); x.sum(None, True); x.mean(None, True); x.sum([]); torch.logsumexp(x, None)
    """, dtypes=FEW),
    *listed(INTEGERS, """
        (x > 0) ** True; (x > 0) ** False; (x > 0) ** (x > 1); True ** (x > 0); (x > 0) ** 2; (x > 0) ** 0;
        torch.add(x > 0, x > 1, alpha=3); torch.add(x > 0, x > 1, alpha=0); torch.add(x > 0, x > 1, alpha=1.5);
        torch.add(x, x, alpha=1.5); torch.sub(x, 1, alpha=2.5); torch.add(x, 1.5, alpha=2.5);
        torch.rsub(x, 1, alpha=0.5);
        x.to(torch.int8) ** 300; x.to(torch.uint8).clamp(max=300); torch.addcmul(x, x, x, value=2.5);
        torch.addcmul(x.to(torch.int8), x.to(torch.int8), x.to(torch.int8), value=300); torch.softmax(x, 0);
        torch.softmax(x[:0], 0); torch.softmax(x[:0] > 0, 0); torch.softmax(x[None], 0); (x[0] > 0).sort();
        torch.bincount(x[:0], x[:0].float()); torch.median(x[:0]); torch.nanmedian(x[:0].to(torch.int32));
        torch.isclose(x.to(torch.int8), torch.tensor(-128, dtype=torch.int8)); torch.isclose(x > 0, x > 1);
        torch.nansum(x, dtype=torch.complex64); torch.remainder(x > 0, x >= 0); torch.norm(x, dtype=torch.float64)
    """, dtypes=WHOLE),
    *listed(NUMBERS, """
        torch.add(x, x, alpha=True); torch.add(x, 1, alpha=2j); torch.lerp(x, x, 2j); torch.addcdiv(x, x, x, value=2j);
        x.clamp(max=1e300); x.float().clamp(max=1e300)
    """, dtypes=FEW),
]  # fmt: skip

PLACES = listed(MATRIX, """
    torch.argmax(x, keepdim=True); torch.argmin(x, keepdim=True); torch.argmax(x[0, 0], keepdim=True);
    torch.argmin(x[0, 0], -3); torch.argmax(x.to(torch.complex64)); x.sort(stable=True, dim=0)[0];
    x.sort(stable=False, descending=True)[0]; x.argsort(stable=True); torch.topk(x, -1); torch.kthvalue(x[:, :0], 1)
""") + listed(NONE, """
    torch.max(x, 1); torch.amax(x, (-1,)); torch.amax(x, []); torch.amax(x, (0, -1)); torch.aminmax(x, dim=1);
    torch.mode(x); torch.median(x, 1); x.norm(inf, (0, 1)); x.norm(-2.5, -1); x.norm(0); x.norm(0.5, 1);
    torch.dist(x, x, -1); x.cumsum(1); x.cumprod(1); x.logcumsumexp(1); x.std(1); x.diff(0); x.diff()
""", dtypes=FEW)  # fmt: skip

POLES = [
    *listed(([1.0, 2.0, 0.5, -0.5, -1.0, -2.0, inf, -inf, nan],), "torch.acosh(x)", exact=True,
            why="PyTorch multiplies 0 by inf"),
    *listed(([0.3, 1.5, -0.5, 0.0, -0.0],), "torch.polygamma(1, x); torch.polygamma(3, x)", ulps=1e8,
            why="PyTorch's trigamma has ten digits"),
    *listed(([-1.0, -2.0, 0.0, -0.0, -inf, nan, inf],),
            "torch.polygamma(2, x.detach()); torch.polygamma(3, x.detach())"),
    *listed(([inf, 0.0, -0.0, nan],), "torch.polygamma(1, x.detach())"),
    *listed(([2.0, -2.0, 3.0, -3.5, 0.0], [-1.0, 1.0, -3.0, 2.0, -2.0]),
            "1 / torch.remainder(x.detach(), y.detach()); torch.remainder(x, y)"),
    *listed(([0.0, -0.0, 1.0], [-0.5, 0.5, -0.25]),
            "1 / torch.xlogy(x.detach(), y.detach().abs()); 1 / torch.special.xlog1py(x.detach(), y.detach())"),
    *listed(([0.5, -1.7, -2.3, nan], [nan, -0.0, 0.0, 1.0], [-1.7, nan, -0.5, 2.0]), "torch.clamp(x, y, z)"),
    *listed(([[0.0, 0.0], [3.0, 0.0], [nan, 0.0]],), """x.norm(2, 1); x.norm(0, 1); x.norm(3, 1);
    x.norm(-1, 1); torch.linalg.vector_norm(x, 0.5, 0); torch.linalg.vector_norm(x, 0); torch.dist(x, x.detach(), 0);
    torch.linalg.vector_norm(x, 2, -1, True); torch.nn.functional.pairwise_distance(x, x.detach(), 0.0)"""),
    *listed(([0.0, inf, 1.0],), "x.norm(-1); x.norm(-0.5)"),
    *listed(([2, 0, -1, 3],), """torch.nn.functional.threshold(x, 0.5, 7.5);
    torch.nn.functional.threshold(x, -0.5, -1.5); torch.nn.functional.threshold(x, 1, 1e20);
    torch.nn.functional.threshold(x.to(torch.uint8), -1.0, 1); torch.nn.functional.threshold(x.int(), 1, 2.5)"""),
    *listed(([[0.0, 0.0], [3.0, 2.0], [0.0, 2.0]],), "x.norm(1.5, 0); x.norm(2.5, 0)"),
    *listed(([[3.0, 4.0], [nan, 1.0], [0.3, 0.4]],), "torch.renorm(x, 2, 0, 1.0); torch.renorm(x, 2, 0, inf)",
            exact=True, why="PyTorch multiplies 0 by NaN"),
    *listed(([0.3, 2.0],), "torch.ldexp(x, torch.tensor([2.5, -1.5]))"),
    *listed(([0.3, 20.0, 100.0],), "torch.sinc(x.detach()) + 0", dtypes=("float16",)),
    *listed(([40.0, -50.0, 60.0],), "torch.dist(x.detach(), -x.detach(), 3)", dtypes=("float16",), ulps=1),
]  # fmt: skip

FREEDOM = listed(([[0.3, 1.5, -0.25]],), """
    x.var(0); x.var(1, correction=5); x.std(1, correction=5); x.var(0, correction=3);
    torch.var_mean(x, 1, correction=4); torch.std_mean(x, 0); torch.cov(x, correction=3);
    torch.cov(x.T, correction=2); torch.corrcoef(x.T)
""", exact=True, why="PyTorch multiplies 0 by inf")  # fmt: skip

COMPLEX_NUMBERS = listed(COMPLEXES, """
    x // 2; x % 2; torch.fmod(x, 2); torch.div(x, 2, rounding_mode='trunc'); x.max(); x.min(0); x.argmax(); x.argsort();
    torch.maximum(x, x); torch.fmin(x, x); torch.atan2(x, x); torch.deg2rad(x); torch.rad2deg(x); ~x; torch.relu(x);
    torch.bitwise_not(x); torch.logaddexp(x, x.flip(0)); torch.logaddexp2(x, x); torch.logcumsumexp(x, 0);
    torch.nansum(x); torch.nansum(x, 3); torch.median(x, 3); torch.mode(x, 3); torch.sort(x, 3); torch.unique(x, dim=0)
""", dtypes=COMPLEX)  # fmt: skip

EDGES_OF_ROWS = ([0.5, 1.0, 2.0, nan], [nan, 0.75, 5.0])
SEARCHES = [
    Sample("torch.searchsorted(x, y)", (EDGES_OF_ROWS, ([3.0, 1.0, 2.0, 0.5], [0.75, 1.0, 2.5, 4.0]))),
    Sample("torch.searchsorted(x, y, right=True)", (EDGES_OF_ROWS, ([3.0, 1.0, 2.0, 0.5], [0.75, 1.0, 2.5, 4.0]))),
    Sample("torch.searchsorted(x[None], y[None], right=True)", (EDGES_OF_ROWS,)),
    *listed(MATRIX, """
        torch.searchsorted(x, 1.0); torch.searchsorted(x[0, 0], x[0, 0]); torch.searchsorted(x[0], x[0] > 0);
        torch.searchsorted(x[0] > 0, x[0] > 0); torch.searchsorted(x[0] > 0, x[0, :0] > 0);
        torch.histogram(x.detach(), 3, range=(2, 2)); torch.histogram(x[:0].detach(), 2); torch.histogram(x, x);
        torch.histogram(x, x[0, :0]); torch.unique(x[0, 0], dim=0); torch.unique(x[:0].detach(), dim=1);
        torch.unique_consecutive(x[:0].detach(), dim=0); torch.unique_consecutive(x[:0], dim=1);
        torch.quantile(x[:0], 0.5, interpolation='x'); torch.where(x, x, x); torch.where(x > 0, x, x.T);
        torch.clamp(x, x[:, :2], 0 * x); torch.clamp(x, x, 1.0); torch.clip(x, x[0, 0].detach(), 1.0);
        torch.clamp_min(x, x.T);
        torch.div(x, x.T, rounding_mode='floor'); torch.floor_divide(x, x.T); torch.isclose(x, x, nan);
        torch.diff(x, dim=0, prepend=x[:1, :2]); torch.diff(x, 0, 5); torch.rsub(x, x.T); torch.trapezoid(x, dx=True);
        torch.trapezoid(x[0, 0]); torch.cumulative_trapezoid(x[:, :0], x[:, :0])
    """, dtypes=FEW),
    Sample("torch.trapezoid(x, y, dim=0)", (([1.0, 2.0, 0.5], [[1.0, 2.0, 4.0], [0.5, 1.5, 3.0]]),)),
]  # fmt: skip

NO_TENSORS = listed(NUMBERS, """
    torch.maximum(x, 1); torch.minimum(1, x); torch.fmax(x, 1.0); torch.fmin(x, True); torch.atan2(x, 1);
    torch.hypot(1, x); torch.logaddexp(x, 1); torch.logaddexp2(x, 1); torch.logical_and(x, 1); torch.eq(1, x);
    torch.le(1, x); torch.fmod(1, x); torch.copysign(1, x); torch.pow(1, 1); torch.xlogy(1, 1);
    torch.special.zeta(1, 1);
    torch.cumsum(x); torch.softmax(x, 'a'); torch.cumsum(x, 0.5);
    torch.topk(x, 1.0); torch.renorm(x, 1.0, 0); torch.gather(x, 0); torch.gather(x, 0, 1);
    torch.addcmul(x, 1, x); torch.linalg.det(1.0); torch.fft.fft([1.0]);
    (x * 1).hypot_(1); (x * 1).ldexp_(1); (x * 1).cumsum_(0.5); torch.mode(x, (0,))
""", dtypes=FEW)  # fmt: skip

BRANCHES = listed(MATRIX, """
    torch.cond(True, lambda v: v * v, lambda v: -v, (x,)); torch.cond(False, lambda v: v * v, lambda v: -v, (x,));
    torch.while_loop(lambda n, v: n < 3, lambda n, v: (n + 1, v * 2), (torch.tensor(0), x.detach()))[1]
""")  # fmt: skip
SAMPLES = together(DTYPES, PLACES, POLES, FREEDOM, COMPLEX_NUMBERS, SEARCHES, NO_TENSORS, BRANCHES)
