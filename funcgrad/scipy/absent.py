"""What to write in place of functions of SciPy's that are not here, where a derivative is wanted.

`special`, `norm` and their kin are those of `funcgrad.scipy`.
"""

from __future__ import annotations

STATS = {
    "betabinom": (
        "special.betaln(k + a, n - k + b) - special.betaln(a, b) - special.betaln(n - k + 1, k + 1) - np.log(n + 1), "
        "its logpmf"
    ),
    "gaussian_kde": (
        "special.logsumexp(norm.logpdf(x[:, None], data, width), axis=1) - np.log(len(data)), its logpdf with the "
        "standard deviation `width` of the kernels"
    ),
    "gennorm": "np.log(beta / 2) - special.gammaln(1 / beta) - np.abs(x) ** beta, its logpdf",
    "gumbel_l": "gumbel_r.logpdf(-x), its logpdf",
    "halfcauchy": "np.log(2) + cauchy.logpdf(x), its logpdf",
    "invgamma": "gamma.logpdf(1 / x, a) - 2 * np.log(x), its logpdf",
    "iqr": "np.diff(np.quantile(x, [0.25, 0.75]))[0]",
    "linregress": "np.polyfit(x, y, 1), the slope and the intercept",
    "loguniform": "-np.log(x * np.log(b / a)), its logpdf",
    "median_abs_deviation": "np.median(np.abs(x - np.median(x)))",
    "rayleigh": "np.log(x) - x**2 / 2, its logpdf",
    "skewnorm": "np.log(2) + norm.logpdf(x) + norm.logcdf(a * x), its logpdf",
    "tmean": "np.mean(x, where=(low <= x) & (x <= high))",
    "vonmises": "kappa * (np.cos(x - loc) - 1) - np.log(2 * np.pi * special.i0e(kappa)), its logpdf",
    "wasserstein_distance": "np.mean(np.abs(np.sort(u) - np.sort(v))), for samples of one size",
}
SPATIAL = {
    "cdist": "np.sqrt(((x[:, None] - y) ** 2).sum(-1)), whose derivative is NaN where points meet",
    "pdist": "np.sqrt(((x[i] - x[j]) ** 2).sum(-1)) with i, j = np.triu_indices(len(x), 1)",
    "squareform": "fnp.at(np.zeros((n, n)))[np.triu_indices(n, 1)].set(d), and its transpose added",
}
_DIAGONAL = "d * x (d[:, None] * x for columns), the product of a diagonal matrix"
_ELEMENTS = "fg.ops.segment_sum(data * x[columns], rows, m), the product with x of a matrix of m rows"
_FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
SPARSE = {
    "LinearOperator": "A @ x for the matrix, or call the function, that it is made of",
    **dict.fromkeys(("diags", "diags_array", "spdiags"), _DIAGONAL),
    **{f"{name}_{kind}": _ELEMENTS for name in _FORMATS for kind in ("array", "matrix")},
}
SPECIAL = {
    "bdtr": "special.betainc(n - np.floor(k), np.floor(k) + 1, 1 - p)",
    "boxcox1p": "special.boxcox(1 + x, lmbda)",
    "comb": "special.binom(n, k)",
    "cosdg": "np.cos(np.radians(x))",
    "cosm1": "-2 * np.sin(x / 2) ** 2",
    "eval_chebyt": "np.polynomial.chebyshev.chebval(x, [0] * n + [1])",
    "eval_hermite": "np.polynomial.hermite.hermval(x, [0] * n + [1])",
    "eval_hermitenorm": "np.polynomial.hermite_e.hermeval(x, [0] * n + [1])",
    "eval_laguerre": "np.polynomial.laguerre.lagval(x, [0] * n + [1])",
    "eval_legendre": "np.polynomial.legendre.legval(x, [0] * n + [1])",
    "gdtr": "special.gammainc(b, a * x)",
    "inv_boxcox1p": "special.inv_boxcox(y, lmbda) - 1",
    "kn": "special.kv(n, x)",
    "ndtri_exp": "special.ndtri(np.exp(y))",
    "pdtr": "special.gammaincc(np.floor(k) + 1, m)",
    "pdtrc": "special.gammainc(np.floor(k) + 1, m)",
    "perm": "special.poch(n - k + 1, k)",
    "powm1": "np.expm1(y * np.log(x))",
    "sindg": "np.sin(np.radians(x))",
    "softplus": "np.logaddexp(0, x)",
    "tandg": "np.tan(np.radians(x))",
    "zetac": "special.zeta(x) - 1",
}
