"""Results written into tensors that are given as `out=`."""

from __future__ import annotations

from tests.torch.samples import Sample

MATRIX = [[4.0, 1.0], [1.0, 3.0]]
ONE = {
    "argmax(p, 1": "int64", "argmin(p, 0": "int64", "bernoulli(p * 0": "", "cholesky_inverse(p": "",
    "cholesky_solve(p, p": "", "diff(p": "", "index_add(p, 0, i[0], p": "", "index_copy(p, 0, i[0], p": "",
    "inverse(p": "", "isin(p, p": "bool", "log_softmax(p, 1": "", "matrix_power(p, 2": "", "narrow_copy(p, 0, 0, 1": "",
    "orgqr(p, p[0]": "", "ormqr(p, p[0], p": "", "scatter(p, 0, i, p": "", "scatter_add(p, 0, i, p": "",
    "scatter_reduce(p, 0, i, p, 'sum'": "", "slice_scatter(p, p": "", "softmax(p, 1": "",
    "multinomial(torch.eye(2), 1": "int64",
}  # fmt: skip
SEVERAL = {
    "geqrf(p": ("", ""), "median(p, 1": ("", "int64"), "nanmedian(p, 1": ("", "int64"), "slogdet(p": ("", ""),
    "lu_unpack(p, torch.tensor([1, 2], dtype=torch.int32)": ("", "", ""),
}  # fmt: skip


def _empty(dtype: str, sizes: str) -> str:
    return f"torch.empty({sizes}, dtype={f'torch.{dtype}' if dtype else 'x.dtype'})"


def _filled(call: str, out: str) -> str:
    """The results, which are `out` themselves."""
    return f"(lambda p, i, o: (torch.{call}, out=o) is o, o))(x.detach(), torch.tensor([[0, 1], [1, 0]]), {out})[1]"


EXPRESSIONS = [
    *(_filled(call, _empty(dtype, sizes)) for call, dtype in ONE.items() for sizes in ("0", "7")),
    *(_filled(call, _empty("float16" if dtype != "int64" else "int32", "0")) for call, dtype in ONE.items()),
    *(
        f"(lambda p, i, o: torch.{call}, out=o))(x.detach(), None, ({', '.join(_empty(d, '0') for d in dtypes)}))"
        for call, dtypes in SEVERAL.items()
    ),
]
SAMPLES = [Sample(expression, ((MATRIX,),)) for expression in EXPRESSIONS]
