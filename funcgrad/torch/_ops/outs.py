"""What PyTorch says of an `out=` of another dtype than the result's, and of one whose memory is read as well.

Functions without a text convert the result.
"""

from __future__ import annotations

from collections.abc import Iterable

from funcgrad.torch._tensor.overlaps import check_between, check_within
from funcgrad.torch._tensor.tensor import Tensor

STRICT = "Expected out tensor to have dtype {wanted.short}, but got {given.short} instead"
KERNEL = "Found dtype {given.title} but expected {wanted.title}"
CUMULATIVE = "expected scalar_type {wanted.title} but found {given.title}"
BOOLEAN = "{name} does not support non-boolean outputs."
MATRIX = "{short} expected out tensor dtype {wanted.title} but got: {given.title}"
EXTREME = (
    "Expected the dtype for input and out to match, but got {wanted.title} for input's dtype and {given.title} for "
    "out's dtype."
)
TEXTS = {
    STRICT: (
        "norm renorm gather take_along_dim linalg_vector_norm linalg_det linalg_slogdet linalg_inv linalg_inv_ex "
        "linalg_solve linalg_solve_ex linalg_cholesky linalg_cholesky_ex linalg_qr linalg_eigvalsh linalg_eigh "
        "linalg_svdvals linalg_svd linalg_matrix_power linalg_cross linalg_matmul linalg_lu linalg_lu_factor "
        "linalg_lu_factor_ex linalg_lu_solve aminmax msort max min sort topk tril triu diag mm bmm matmul addmm addmv "
        "baddbmm cross argmax argmin index_add index_copy index_reduce inverse isin log_softmax lu_solve lu_unpack "
        "matrix_power median nanmedian qr scatter scatter_add scatter_reduce slice_scatter slogdet softmax svd "
        "triangular_solve alias_copy as_strided_copy diagonal_copy expand_copy permute_copy select_copy slice_copy "
        "squeeze_copy t_copy transpose_copy unfold_copy unsqueeze_copy view_copy detach_copy"
    ),
    KERNEL: "ceil conj_physical floor frac neg round sgn sign special_round trunc",
    CUMULATIVE: "cummax cummin logcumsumexp",
    BOOLEAN: "isneginf isposinf signbit",
    MATRIX: "linalg_norm linalg_matrix_norm",
    "nan_to_num: dtype of out: {given.title} should be same as input: {wanted.title}": "nan_to_num",
    EXTREME: "amax amin",
    "index_select(): self and result must have the same scalar type": "index_select",
    "Expected out type to be {wanted.title} but got {given.title}": "where",
    "tensordot: Expected the output tensor to have dtype {wanted.title}, but got an output tensor with dtype "
    "{given.title}": "inner tensordot",
    "result dtype {given.title} does not match input dtype {wanted.title}": "dot vdot",
    "Expected self.dtype() == output.dtype() to be true, but got false.  (Could this error message be improved?  If "
    "so, please report an enhancement request to PyTorch.)": "narrow_copy",
    "multinomial expects Long tensor out, got: {given.title}": "multinomial",
    "torch.ormqr: Expected input and result to have the same dtype, but input has dtype{wanted.title} and result has "
    "dtype {given.title}": "ormqr",
    "quantile() out tensor must be same dtype as the input tensor": "quantile nanquantile",
}
_BY_NAME = {name: text for text, names in TEXTS.items() for name in names.split()}

READ_BEFORE, NEVER_READ = "read before", "never read"
MEMORY = {
    READ_BEFORE: (
        "addmm addmv alias_copy all amax amin any argmax argmin as_strided_copy baddbmm bmm chain_matmul cholesky "
        "cholesky_inverse cholesky_solve cummax cummin detach_copy diag diagonal_copy dot expand_copy geqrf histc "
        "histogram inner inverse log_softmax logsumexp lu lu_solve lu_unpack matmul matrix_power mean mm mv mvlgamma "
        "nanmean nanquantile nansum narrow_copy norm orgqr ormqr permute_copy prod qr quantile select_copy slice_copy "
        "slice_scatter slogdet softmax split_copy split_with_sizes_copy squeeze_copy std sum svd t_copy tensordot "
        "transpose_copy triangular_solve tril triu unfold_copy unsqueeze_copy var vdot view_copy"
    ),
    NEVER_READ: "cat concat concatenate cross gather index_select linalg_cross take take_along_dim",
}
"""Functions of which PyTorch does not compare `out` with what they read, as of all others of linear algebra: what it
writes then is accidental, here it is what they give. And those that refuse to write into what they read also where it
is the same tensor."""
_MEMORY_OF = {name: how for how, names in MEMORY.items() for name in names.split()}


def check_memory(name: str, target: Tensor, operands: Iterable[Tensor]) -> None:
    """PyTorch's errors for memory that is written more than once, or read at the same time."""
    check_within(target)
    how = _MEMORY_OF.get(name, READ_BEFORE if name.startswith("linalg_") else "")
    if how != READ_BEFORE:
        for t in operands:
            check_between(target, t, same=how != NEVER_READ)


def check_out(name: str, target: Tensor, result: Tensor) -> None:
    """PyTorch's error where the function does not convert."""
    wanted, given = result.dtype, target.dtype
    if wanted is not given and name in _BY_NAME:
        words = {"wanted": wanted, "given": given, "name": name, "short": name.replace("_", ".", 1)}
        raise RuntimeError(_BY_NAME[name].format(**words))
