"""Reductions, running results, order, statistics, differences and counts."""

from math import inf, nan

from tests.torch.samples import Sample

VECTOR = ([0.3, -0.7, 1.6, 0.5, -2.25],)
TIES = ([2.0, 1.0, 2.0, -1.0, 2.0, 1.0],)
WITH_NANS = ([0.5, nan, 2.0, nan, -1.0],)
ONLY_NANS = ([nan, nan],)
INFINITE = ([0.5, inf, 2.0, -inf],)
MATRIX = ([[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]],)
TIED = ([[1.0, 2.0, 2.0, 1.0], [3.0, 3.0, 0.5, 0.25]],)
CUBE = ([[[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]], [[0.7, -0.1, 0.9], [1.5, -2.0, 0.4]]],)
ROWS = ([[1.0, 2.0], [0.5, 1.0], [1.0, 2.0]],)
SAME_ROWS = ([[1.0, 2.0], [1.0, 2.0], [0.5, 1.0]],)
RUNS = ([1.0, 1.0, 2.0, 2.0, 1.0],)
NONE = ([],)
ONE = (0.75,)
EMPTY_ROWS = ([[], []],)
PAIR = ([0.3, -0.7, 1.6, 0.5], [0.5, 2.5, -1.25, 0.1])
SAME = ([0.5, 1.0, 2.0], [0.5, 1.0, 2.0])
RISING = ([0.3, -0.7, 1.6, 0.5, 2.0], [0.0, 0.5, 1.25, 3.0, 3.5])
COMPLEXES = ([0.5 + 1j, -1.5 + 0.25j, 2 - 1j],)
INTEGERS = ([3, 1, 1, 3, 2],)
FEW = ("float64",)
WHOLE = ("int64",)
DIST = "powers of powers; PyTorch divides 0 by 0"
COMPLEX = ("complex128", "complex64")


def few(*expressions, points=(VECTOR,)):
    """Mostly errors: in one dtype."""
    return [Sample(e, points, dtypes=FEW) for e in expressions]


def whole(*expressions, points=(INTEGERS,)):
    return [Sample(e, points, dtypes=WHOLE) for e in expressions]


ORDER = [
    Sample("torch.mode(x)", (TIES, VECTOR, MATRIX, TIED, ONE)),
    Sample("x.mode(0, keepdim=True)", (MATRIX, TIED, CUBE)),
    Sample("torch.mode(x, dim=1)", (CUBE,)),
    *whole("torch.mode(x) ", "x.mode()[1]", "torch.mode(x > 1)"),
    *few("torch.mode(x, 5)", "x.mode().values"),
    *few("torch.mode(x) + 0", points=(NONE,)),
    Sample("torch.cummax(x, 0)", (VECTOR, TIES, WITH_NANS, INFINITE, NONE, ONE, MATRIX)),
    Sample("torch.cummin(x, dim=-1)", (VECTOR, TIES, WITH_NANS, INFINITE, NONE, ONE, MATRIX, CUBE, EMPTY_ROWS)),
    Sample("x.cummax(1)", (MATRIX, CUBE, TIED)),
    *whole("torch.cummax(x, 0) ", "x.cummin(0)", "torch.cummax(x > 1, 0)"),
    *few("torch.cummax(x, 3)"),
    Sample("torch.cummin(x, 0)", (COMPLEXES,), dtypes=("complex128",)),
    Sample("torch.aminmax(x)", (VECTOR, TIES, MATRIX, ONE)),
    Sample("torch.aminmax(x, dim=0)", (VECTOR, TIES, MATRIX, TIED, ONE)),
    Sample("x.aminmax(dim=-1, keepdim=True)", (MATRIX, TIED, CUBE)),
    *few("torch.aminmax(x) ", points=(NONE,)),
    *few("torch.aminmax(x, dim=1)", points=(EMPTY_ROWS,)),
    *whole("torch.aminmax(x)[0]", "torch.aminmax(x > 1)"),
    Sample("torch.median(x)", (VECTOR, TIES, WITH_NANS, INFINITE, MATRIX, ONE, NONE, ([3.0, 1.0, 2.0, 4.0],))),
    Sample("torch.median(x, 0)", (VECTOR, MATRIX, WITH_NANS, ONE)),
    Sample("x.median(dim=1, keepdim=True)", (MATRIX, TIED, CUBE)),
    Sample("torch.nanmedian(x)", (VECTOR, TIES, WITH_NANS, ONLY_NANS, NONE)),
    Sample("torch.nanmedian(x, -1)", (WITH_NANS, MATRIX, ONLY_NANS)),
    *few("torch.median(x, 1)", points=(EMPTY_ROWS,)),
    *whole("torch.median(x)[None]", "torch.median(x > 1)", "torch.nanmedian(x)[None]", "x.median(0)"),
    Sample("torch.kthvalue(x, 2)", (VECTOR, MATRIX)),
    Sample("x.kthvalue(1, 0, keepdim=True)", (MATRIX,)),
    *few("torch.kthvalue(x, 9)", "torch.topk(x, 9)"),
    Sample("torch.msort(x)", (VECTOR, MATRIX)),
    Sample("torch.max(x, 0)", (VECTOR, TIES, MATRIX)),
    Sample("repr(torch.max(x.detach(), 0))", (VECTOR,), dtypes=("float32",)),
    Sample("repr(torch.aminmax(x.detach()))", (VECTOR,), dtypes=("float32",)),
    Sample("repr(torch.frexp(x.detach()))", (VECTOR,), dtypes=("float32",)),
    Sample("repr(torch.histogram(x.detach(), 2))", (VECTOR,), dtypes=("float32",)),
    Sample("repr(torch.nanmedian(x.detach(), 0))", (VECTOR,), dtypes=("float32",)),
    Sample("repr(torch.cummin(x.detach(), 0))", (VECTOR,), dtypes=("float32",)),
]
SUMS = [
    Sample("torch.nansum(x)", (VECTOR, WITH_NANS, ONLY_NANS, NONE, ONE)),
    Sample("x.nansum(0, keepdim=True)", (MATRIX, WITH_NANS)),
    Sample("torch.nansum(x, dim=(0, 1))", (MATRIX, ([[nan, 1.0], [2.0, nan]],))),
    Sample("torch.nanmean(x)", (VECTOR, WITH_NANS, ONLY_NANS), exact=True, why="PyTorch multiplies 0 by inf"),
    Sample("torch.nanmean(x, -1, keepdim=True)", (MATRIX, ([[nan, 1.0], [2.0, nan]],))),
    *whole("torch.nansum(x) ", "torch.nanmean(x) ", "torch.count_nonzero(x - 1)", "torch.count_nonzero(x) "),
    Sample("torch.nansum(x + 0)", (COMPLEXES,), dtypes=("complex128",)),
    Sample("torch.count_nonzero(x)", (([0.0, 1.0, nan, -0.0],), NONE, ONE)),
    Sample("torch.count_nonzero(x, (0, -1))", (MATRIX, CUBE)),
    *few("torch.count_nonzero(x, 5)"),
    Sample("torch.logcumsumexp(x, 0)", (VECTOR, MATRIX, ONE, ([5.0, 4.0, -5.0],)), 16, "of its order of sums"),
    Sample("x.logcumsumexp(-1)", (MATRIX, CUBE), 16, "of its order of sums"),
    *whole("torch.logcumsumexp(x, 0) "),
    *few("torch.logcumsumexp(x, 2)"),
    Sample("torch.var_mean(x)", (VECTOR, MATRIX)),
    Sample("torch.var_mean(x, 0)", (MATRIX, CUBE)),
    Sample("torch.std_mean(x, dim=(0, 2), correction=0)", (CUBE,)),
    Sample("torch.std_mean(x, -1, True, True)", (MATRIX,)),
    Sample("torch.std_mean(x, unbiased=False)", (MATRIX, TIES)),
    Sample("torch.var(x, (0, 1), correction=2)", (MATRIX, CUBE)),
    Sample("torch.std(x, dim=(0, -1), keepdim=True)", (MATRIX, CUBE)),
    Sample("torch.var(x, correction=0.5)", (VECTOR,)),
    Sample("torch.var(x.detach(), correction=9)", (VECTOR,)),
    Sample("torch.var_mean(x, 0) ", (COMPLEXES,), dtypes=COMPLEX),
    *few("torch.var(x, dim=(0, 0))", "torch.std(x, dim=2)"),
    *whole("torch.var(x)*1", "torch.std_mean(x)", "torch.var_mean(x)[0]", "torch.std(x)*1"),
    Sample("torch.logsumexp(x, (0, 1))", (MATRIX,)),
    *few("torch.logsumexp(x, (0, 0))", "torch.cumsum(x, 3)"),
]
STATISTICS = [
    Sample("torch.quantile(x, 0.3)", (VECTOR, TIES, MATRIX, WITH_NANS, ONE, INFINITE)),
    Sample("torch.quantile(x, 0.5, dim=0)", (VECTOR, MATRIX, CUBE)),
    Sample("x.quantile(0.6, 1, keepdim=True)", (MATRIX, CUBE)),
    Sample("torch.quantile(x, y, dim=1)", ((*MATRIX, [0.1, 0.5, 0.8]), (*CUBE, [0.25, 1.0]))),
    Sample("torch.quantile(x, y, dim=0, keepdim=True)", ((*MATRIX, [0.1, 0.5, 0.8]), (*CUBE, [0.25, 1.0]))),
    Sample("torch.quantile(x, y)", ((*MATRIX, [0.1, 0.5, 0.0, 1.0]), (*CUBE, 0.25))),
    Sample("torch.quantile(x, y, keepdim=True)", ((*MATRIX, [0.1, 0.5]),)),
    *(
        Sample(f"torch.quantile(x, 0.4, dim=-1, interpolation='{way}')", (VECTOR, MATRIX))
        for way in ("lower", "higher", "midpoint", "nearest", "linear")
    ),
    Sample("torch.nanquantile(x, 0.3)", (VECTOR, WITH_NANS, ONLY_NANS)),
    Sample("torch.nanquantile(x, y, dim=0)", (([[nan, 1.0], [2.0, nan], [0.5, nan], [0.25, 3.0]], [0.2, 0.9]),)),
    *few("torch.quantile(x, 1.5)", "torch.quantile(x, torch.tensor([0.5, 2.0]).double())", "torch.quantile(x, y)*1",
         "torch.quantile(x, torch.tensor([0.5]))", "torch.quantile(x, 0.5, interpolation='x')",
         "torch.quantile(x, x[None])", "torch.quantile(x.long(), 0.5)", "torch.quantile(x, 0.5, dim=2)",
         points=(([0.5, 0.25], [2.0]),)),
    *few("torch.quantile(x, 0.5) ", points=(NONE,)),
    Sample("torch.cov(x)", (MATRIX, VECTOR, ([[0.3, 1.0], [0.2, 2.0], [-1.0, 0.5]],))),
    Sample("torch.cov(x, correction=0)", (MATRIX,)),
    Sample("torch.cov(x, fweights=torch.tensor([1, 3, 2]), aweights=y)", ((*MATRIX, [0.5, 1.0, 0.25]),)),
    Sample("torch.cov(x, aweights=y, correction=0)", ((*MATRIX, [0.5, 1.0, 0.25]),)),
    Sample("torch.cov(x, fweights=torch.tensor([1, 3, 2]))", (MATRIX,)),
    Sample("torch.cov(x.detach(), correction=3)", (MATRIX,)),
    Sample("torch.cov(x) * 1", (([[1 + 1j, 2 - 1j, 0.5j], [0.5, 1j, -1.0]],),), dtypes=COMPLEX),
    *few("torch.cov(x[0] > 0)", "torch.cov(x[None])", "torch.cov(x, fweights=x[0])", "torch.cov(x, aweights=x)",
         "torch.cov(x, fweights=torch.tensor([1, 2]))", "torch.cov(x, fweights=torch.tensor([1, -2, 1]))",
         "torch.cov(x, aweights=x[0])", "torch.cov(x, fweights=torch.tensor([0, 0, 0]))",
         "torch.cov(x, aweights=torch.tensor([1, 2, 3]))", points=(MATRIX,)),
    *whole("torch.cov(x) "),
    Sample("torch.corrcoef(x)", (MATRIX, ([[0.3, 1.0, 0.1], [0.2, 2.0, -1.0], [-1.0, 0.5, 0.3]],)), 32,
           "differences of products"),
    Sample("torch.corrcoef(x.detach())", (VECTOR, ([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]],))),
    *(
        Sample(f"torch.dist(x, y, {p})", (PAIR, ([[1.0, 2.0], [0.5, 0.25]], [0.5, 2.0])), 32, DIST, exact=True)
        for p in ("2", "1", "3", "inf", "-inf", "1.5", "0.5")
    ),
    Sample("x.dist(y)", (PAIR, ([], []), (0.5, 2.0))),
    *few("torch.dist(x, y) ", points=(([0.3, 0.7], [0.1, 0.2, 0.3]),)),
    *whole("torch.dist(x, x)", "torch.dist(x > 1, x > 1)"),
    Sample("torch.renorm(x, 2, 0, 1.0)", (MATRIX, CUBE)),
    Sample("x.renorm(1, -1, 0.75)", (MATRIX, CUBE)),
    Sample("torch.renorm(x, p=3, dim=1, maxnorm=2)", (CUBE,)),
    Sample("(x * 1).renorm_(2, 0, 1.0)", (MATRIX,)),
    *few("torch.renorm(x, -1, 0, 1)", "torch.renorm(x, 2, 0, -1)", "torch.renorm(x, 2, 3, 1)",
         "torch.renorm(x[0], 2, 0, 1)", "torch.renorm(x.long(), 2, 0, 1)", points=(MATRIX,)),
]  # fmt: skip
AT_ZERO = [
    Sample("torch.dist(x.detach(), y.detach(), 0)", (PAIR, SAME)),
    Sample("torch.autograd.grad(torch.renorm(x, 2, 0, 1.0).sum(), x)", (([[0.1, 0.2], [0.0, 0.0]],),)),
    *(
        Sample(f"torch.autograd.grad(torch.dist(x, y, {p}), (x, y))", (PAIR, SAME), 32, DIST)
        for p in ("2", "1", "3", "inf", "-inf", "1.5", "0.5")
    ),
]
DIFFERENCES = [
    Sample("torch.diff(x)", (VECTOR, MATRIX, NONE, ([1.0],))),
    Sample("torch.diff(x, 2)", (VECTOR, MATRIX, ([1.0, 2.0],))),
    Sample("x.diff(dim=0)", (MATRIX, CUBE)),
    Sample("torch.diff(x, prepend=y, append=2 * y)", ((*VECTOR, [0.5, 0.25]), (*MATRIX, [[0.5], [0.25]]))),
    Sample("torch.diff(x, n=0) * 1", (VECTOR,)),
    *few("torch.diff(x, 9)", "torch.diff(x, -1)", "torch.diff(x[0])", "torch.diff(x, prepend=x[None])",
         "torch.diff(x, dim=2)"),
    *whole("torch.diff(x) ", "torch.diff(x > 1)"),
    Sample("torch.trapezoid(x)", (VECTOR, MATRIX, ([1.0],), NONE)),
    Sample("torch.trapezoid(x, dx=0.5, dim=0)", (VECTOR, MATRIX, CUBE)),
    Sample("torch.trapezoid(x, y)", (RISING, (*MATRIX, [0.5, 1.0, 3.0]), (*CUBE, *MATRIX))),
    Sample("torch.trapz(x, y, dim=0)", (RISING, (*MATRIX, [0.5, 1.0]))),
    Sample("torch.cumulative_trapezoid(x)", (VECTOR, MATRIX, ([1.0],))),
    Sample("torch.cumulative_trapezoid(x, dx=0.5, dim=0)", (VECTOR, MATRIX, CUBE)),
    Sample("torch.cumulative_trapezoid(x, y)", (RISING, (*MATRIX, [0.5, 1.0, 3.0]), (*CUBE, *MATRIX))),
    *few("torch.trapezoid(x, x[:2])", "torch.trapezoid(x > 1)", "torch.trapezoid(x[0])", "torch.trapezoid(x, x > 0)",
         "torch.cumulative_trapezoid(x, x[:2])", "torch.cumulative_trapezoid(x[0])",
         "torch.cumulative_trapezoid(x[:0])"),
    *whole("torch.trapezoid(x) ", "torch.trapezoid(x, dx=2)", "torch.cumulative_trapezoid(x) "),
    Sample("torch.gradient(x)", (VECTOR, MATRIX, ([1.0, 2.0],))),
    Sample("torch.gradient(x, spacing=0.5, dim=1)", (MATRIX, CUBE)),
    Sample("torch.gradient(x, spacing=[0.5, 2.0], edge_order=1)", (MATRIX,)),
    Sample("torch.gradient(x, edge_order=2)", (VECTOR, ([[0.3, 1.0, 0.1], [0.2, 2.0, -1.0], [-1.0, 0.5, 0.3]],))),
    Sample("torch.gradient(x, spacing=(y,))", (RISING,), 16, "of its order of products"),
    Sample("torch.gradient(x, spacing=(y,), edge_order=2)", (RISING,), 32, "of its order of products"),
    Sample("torch.gradient(x, spacing=(y,), dim=1)", ((*MATRIX, [0.5, 1.0, 3.0]),), 16, "of its order of products"),
    Sample("torch.gradient(x, spacing=torch.tensor(2.0).to(x.dtype))", (VECTOR,)),
    *few("torch.gradient(x, spacing=[1.0, 2.0])", "torch.gradient(x, edge_order=3)", "torch.gradient(x[:1])",
         "torch.gradient(x[None], spacing=[1.0, 2.0], dim=0)", "torch.gradient(x[None], dim=(0, 0))",
         "torch.gradient(x.to(torch.uint8))"),
    *whole("torch.gradient(x) "),
]  # fmt: skip
COUNTS = [
    Sample("torch.histc(x.detach(), 4)", (VECTOR, TIES, NONE, MATRIX, ONE)),
    Sample("torch.histc(x, bins=5, min=-1, max=2)", (VECTOR, TIES, ([-1.0, 2.0, 3.0, nan],))),
    *few("torch.histc(x, 0)", "torch.histc(x, 3, 3, 1)", "torch.histc(x.long())"),
    Sample("torch.histogram(x.detach(), 4)", (VECTOR, TIES, ONE)),
    Sample("torch.histogram(x.detach(), y.detach())", ((*TIES, [-1.0, 1.0, 1.5, 2.0]),)),
    Sample("torch.histogram(x.detach(), 3, range=(-1.0, 2.0), density=True)", (VECTOR,)),
    Sample("torch.histogram(x.detach(), 3, weight=y.detach())", (([0.1, 0.7, 0.2, 0.9], [0.5, 2.0, 1.0, 0.25]),)),
    *few("torch.histogram(x, 3)[0].sum().backward()", "torch.histogram(x, 0)", "torch.histogram(x, x.float())",
         "torch.histogram(x, 3, range=(4.0, 0.0))", "torch.histogram(x, 3, weight=x.float())",
         "torch.histogram(x, 3, weight=x[:2])", "torch.histogram(x.long(), 3)"),
    *whole("torch.bincount(x)", "torch.bincount(x, minlength=6)", "x.bincount(x * 0.5)", "torch.bincount(x, x)",
           "torch.bincount(x, x.double())", "torch.bincount(x - 5)", "torch.bincount(x[None])",
           "torch.bincount(x * 1.5)",
           "torch.bincount(x, x[:2])", "torch.bincount(x, minlength=-1)", "torch.bincount(x[:0])"),
    Sample("torch.unique(x.detach(), return_inverse=True, return_counts=True)", (TIES, MATRIX, WITH_NANS, NONE, ONE)),
    Sample("x.detach().unique()", (TIES,)),
    Sample("torch.unique(x.detach(), dim=0, return_inverse=True, return_counts=True)", (TIES, ROWS)),
    Sample("torch.unique(x.detach(), dim=1, return_counts=True)", (TIED,)),
    Sample("torch.unique_consecutive(x.detach(), return_inverse=True, return_counts=True)", (TIES, RUNS, NONE)),
    Sample("torch.unique_consecutive(x.detach(), dim=0, return_inverse=True)", (SAME_ROWS,)),
    *few("torch.unique(x).sum().backward()", "torch.unique(x, dim=0).sum().backward()", "torch.unique(x, dim=2)",
         "torch.unique_consecutive(x).sum().backward()", "torch.unique_consecutive(x, dim=0).sum().backward()"),
    *whole("torch.unique(x)", "torch.unique_consecutive(x)", "torch.unique(x > 1)"),
    Sample("torch.isin(x, y)", (([0.5, 1.0, nan, 2.0], [1.0, nan, 0.25]), (*MATRIX, [0.5]))),
    Sample("torch.isin(x, 0.5, invert=True)", (MATRIX,)),
    *whole("torch.isin(x, x[:2])", "torch.isin(2, x)", "torch.isin(x, 1.0)", "torch.isin(x > 1, x)"),
    Sample("torch.searchsorted(x, y)", (([0.5, 1.0, 1.0, 3.0], [0.0, 1.0, 2.0, 5.0, nan]), ([0.5, 1.0], [[0.5]]))),
    Sample("torch.searchsorted(x, y, right=True)", (([0.5, 1.0, 1.0, 3.0], [0.0, 1.0, 2.0, 5.0]),
           ([[0.5, 1.0], [0.25, 2.0]], [[0.5], [2.5]]))),
    Sample("torch.searchsorted(x, y, side='left', out_int32=True)", (([[0.5, 1.0], [0.25, 2.0]], [[0.5], [2.5]]),)),
    Sample("torch.searchsorted(x, y, sorter=torch.tensor([1, 0, 2]))", (([1.0, 0.5, 3.0], [0.75, 2.0]),)),
    Sample("torch.searchsorted(x, 0.75)", (([0.5, 1.0],),)),
    *few("torch.searchsorted(x, x, side='x')", "torch.searchsorted(x, x, right=True, side='left')",
         "torch.searchsorted(x[None], x)", "torch.searchsorted(x[0], x)", "torch.searchsorted(x > 0, x > 0)",
         "torch.searchsorted(x, x, sorter=torch.tensor([2, 1]))",
         "torch.searchsorted(x, x, sorter=torch.tensor([1, 2, 3, 4, 5]))"),
    Sample("torch.bucketize(x, y)", (([[0.0, 1.0], [2.0, 5.0]], [0.5, 1.0, 3.0]),)),
    Sample("torch.bucketize(x, y, right=True, out_int32=True)", (([[0.0, 1.0], [2.0, 5.0]], [0.5, 1.0, 3.0]),)),
    *few("torch.bucketize(x, x[None])", "torch.bucketize(0.5, x.sort().values)"),
    *whole("torch.bucketize(2, torch.tensor([1, 2, 3]))", "torch.searchsorted(torch.tensor([1.0, 2.0]), x)"),
]  # fmt: skip
REFUSED = [
    Sample(f"torch.{call} * 1", (COMPLEXES,), dtypes=("complex128",))
    for call in ("mode(x)", "kthvalue(x, 1)", "sort(x)", "topk(x, 1)", "amin(x)", "amax(x)", "unique(x)", "clamp(x, 0)",
                 "unique_consecutive(x)", "clamp_min(x, 0)", "frac(x)", "round(x)", "floor(x)")
] + whole("torch.kthvalue(x > 1, 1)", "torch.topk(x > 1, 1)", "torch.gradient(x > 1)")  # fmt: skip
SIX_ROWS = ([[0.5, -1.0], [2.0, 0.25], [2.0, 3.0], [-0.5, 0.75], [1.5, -2.0], [0.1, 0.3]],)
"""Those that share a gradient are in the first segment: PyTorch does not divide negative ones."""
SEGMENTS = [
    Sample(f"torch.segment_reduce({call})", points, orders=1)
    for points, calls in (
        ((SIX_ROWS,), (
            "x, 'sum', lengths=torch.tensor([2, 0, 4])", "x, 'mean', lengths=torch.tensor([2, 4])",
            "x, 'max', lengths=torch.tensor([3, 3])", "x, 'min', lengths=torch.tensor([1, 5])",
            "x, 'prod', lengths=torch.tensor([2, 0, 4])", "x, 'sum', offsets=torch.tensor([1, 2, 6])",
            "x, 'amax', offsets=torch.tensor([0, 2, 2, 6]), initial=1",
            "x, 'mean', lengths=torch.tensor([2, 0, 4]), initial=1.5",
            "x, 'amin', lengths=torch.tensor([2, 4]), initial=-0.75",
            "x, 'prod', lengths=torch.tensor([6, 0]), initial=2.0",
            "x, 'sum', lengths=torch.tensor([2, 3]), unsafe=True",
            "x.view(2, 3, 2), 'max', lengths=torch.tensor([[2, 1], [3, 0]]), axis=1", "x, 'sum'",
            "x, 'x', lengths=torch.tensor([2, 4])", "x, 'sum', lengths=torch.tensor([2, 3])",
            "x, 'sum', lengths=torch.tensor([2, -1, 5])", "x, 'sum', lengths=torch.tensor([[2, 3]])",
            "x, 'sum', lengths=torch.tensor([2.0, 4.0])", "x, 'sum', lengths=torch.tensor([2, 4]), axis=1",
            "x, 'sum', indices=torch.tensor([0, 0, 0, 1, 1, 1])", "x.long(), 'sum', lengths=torch.tensor([2, 4])",
            "x[:0], 'sum', lengths=torch.tensor([0, 0])", "x[0, 0], 'sum', lengths=torch.tensor([1])",
        )),
        ((([1.0, 3.0, 3.0, nan, 2.0, 0.5],), ([0.0, 3.0, 0.0, 2.0, 4.0, 0.0],), ([2.0, nan, nan, 1.0, 4.0, 0.0],)), (
            "x, 'max', lengths=torch.tensor([3, 3]), initial=None", "x, 'min', lengths=torch.tensor([3, 3])",
            "x, 'prod', lengths=torch.tensor([3, 2, 1])", "x, 'max', lengths=torch.tensor([3, 2, 1]), initial=2.0",
        )),
    )
    for call in calls
]  # fmt: skip
SAMPLES = SEGMENTS + ORDER + SUMS + STATISTICS + AT_ZERO + DIFFERENCES + COUNTS + REFUSED
