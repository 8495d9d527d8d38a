"""Functions that PyTorch has written in Python, and the native function that each hands its arguments to.

Python refuses arguments that are too many or too few, under the name that such a function has there; the native one
refuses those that do not fit. A recipe has the parameters and the name of PyTorch's, and says what is handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, NamedTuple

from funcgrad.torch._ops.signatures import refusal
from funcgrad.torch._tensor.tensor import Tensor

NATIVES = (
    "_lu_with_info _unique2 atleast_1d atleast_2d atleast_3d block_diag cartesian_prod cdist chain_matmul einsum "
    "meshgrid split split_with_sizes stft tensordot unique_consecutive unique_dim"
)
"""The functions of `torch._C._VariableFunctions` whose signatures are kept (tests/torch/signatures.py)."""
DISTANCES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
"""How `cdist` computes."""


class Handed(NamedTuple):
    owner: str
    name: str
    args: Sequence[Any]
    options: Mapping[str, Any] = {}


Recipe = Callable[..., Handed]
Choice = Callable[[Sequence[Any], Mapping[str, Any]], Recipe]
RECIPES: dict[tuple[str, str], Choice] = {}
"""By owner and name: the recipe for these arguments."""


def unfit(owner: str, name: str, args: Sequence[Any], options: Mapping[str, Any]) -> str:
    """PyTorch's words for arguments that do not fit; "" where they do. A method's have the tensor itself in front."""
    if (owner, name) not in RECIPES:
        return refusal(owner, name, args[1:] if owner == "Tensor" else args, options)
    try:
        handed = RECIPES[owner, name](args, options)(*args, **options)
    except TypeError as error:
        return str(error)
    return refusal(*handed)


def _handed(owner: str, name: str) -> Callable[[Any], Any]:
    """Enter a recipe for `torch.name` or `Tensor.name`."""

    def enter(recipe: Any) -> Any:
        recipe.__qualname__ = f"Tensor.{name}" if owner == "Tensor" else name
        RECIPES[owner, name] = lambda args, options: recipe
        return recipe

    return enter


def _by_flags(name: str, recipe: Any, flags: Mapping[str, int], names: Mapping[tuple[bool, ...], str]) -> None:
    """Enter a recipe that has another name for each choice of flags; by position they stand at these places."""
    named: dict[tuple[bool, ...], Recipe] = {}
    for choice, qualname in names.items():
        named[choice] = FunctionType(recipe.__code__, recipe.__globals__, name, recipe.__defaults__)
        named[choice].__qualname__ = qualname

    def chosen(args: Sequence[Any], options: Mapping[str, Any]) -> Recipe:
        given = (options.get(flag, args[at] if at < len(args) else False) for flag, at in flags.items())
        return named[tuple(x is True for x in given)]

    RECIPES["torch", name] = chosen


# Pieces and shapes


@_handed("Tensor", "split")
def _split(self: Any, split_size: Any, dim: Any = 0) -> Handed:
    if isinstance(split_size, Tensor) and split_size.numel() == 1:
        split_size = int(split_size)
    return Handed("_VF", "split" if isinstance(split_size, int) else "split_with_sizes", (self, split_size, dim))


@_handed("torch", "split")
def _split_of(tensor: Any, split_size_or_sections: Any, dim: Any = 0) -> Handed:
    tensor.split  # noqa: B018
    return _split(tensor, split_size_or_sections, dim)


@_handed("Tensor", "unflatten")
def _unflatten(self: Any, dim: Any, sizes: Any) -> Handed:
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    return Handed("TensorBase", "unflatten", (dim, sizes))


@_handed("torch", "meshgrid")
def _meshgrid(*tensors: Any, indexing: Any = None) -> Handed:
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    return Handed("_VF", "meshgrid", (tensors,), {} if indexing is None else {"indexing": indexing})


@_handed("torch", "block_diag")
def _block_diag(*tensors: Any) -> Handed:
    return Handed("_VF", "block_diag", (tensors,))


@_handed("torch", "cartesian_prod")
def _cartesian_prod(*tensors: Any) -> Handed:
    return Handed("_VF", "cartesian_prod", (tensors,))


def _at_least(name: str) -> Recipe:
    def at_least(*tensors: Any) -> Handed:
        return Handed("_VF", name, tensors if len(tensors) == 1 else (tensors,))

    return at_least


for _name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    _handed("torch", _name)(_at_least(_name))


# Distinct elements


def _unique(
    input: Any, sorted: Any = True, return_inverse: Any = False, return_counts: Any = False, dim: Any = None
) -> Handed:
    options = {"sorted": sorted, "return_inverse": return_inverse, "return_counts": return_counts}
    if dim is None:
        return Handed("_VF", "_unique2", (input,), options)
    return Handed("_VF", "unique_dim", (input, dim), options)


def _unique_consecutive(input: Any, return_inverse: Any = False, return_counts: Any = False, dim: Any = None) -> Handed:
    options = {"return_inverse": return_inverse, "return_counts": return_counts, "dim": dim}
    return Handed("_VF", "unique_consecutive", (input,), options)


SHOWN = {
    (False, False): "return_output",
    (False, True): "return_counts",
    (True, False): "return_inverse",
    (True, True): "return_inverse_and_counts",
}
_by_flags("unique", _unique, {"return_inverse": 2, "return_counts": 3}, {c: f"_{n}" for c, n in SHOWN.items()})
_by_flags(
    "unique_consecutive",
    _unique_consecutive,
    {"return_inverse": 1, "return_counts": 2},
    {c: f"_consecutive_{n}" for c, n in SHOWN.items()},
)


@_handed("Tensor", "unique")
def _unique_of(
    self: Any, sorted: Any = True, return_inverse: Any = False, return_counts: Any = False, dim: Any = None
) -> Handed:
    return _unique(self, sorted, return_inverse, return_counts, dim)


@_handed("Tensor", "unique_consecutive")
def _consecutive_of(self: Any, return_inverse: Any = False, return_counts: Any = False, dim: Any = None) -> Handed:
    return _unique_consecutive(self, return_inverse, return_counts, dim)


# Products, norms, distances


@_handed("torch", "einsum")
def _einsum(*args: Any) -> Handed:
    equation, operands = args[0] if args else "", args[1:]
    if isinstance(equation, Tensor):  # operands and lists of numbers take turns
        equation, operands = "", args[::2][: len(args) // 2]
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    return Handed("_VF", "einsum", (equation, operands))


@_handed("torch", "tensordot")
def _tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> Handed:
    if not isinstance(dims, (tuple, list, Tensor, int)):
        raise RuntimeError(
            "tensordot expects dims to be int or tuple[list[int], list[int]] or list[list[int]] containing two lists, "
            f"but got dims={dims}"
        )
    firsts = seconds = []
    if isinstance(dims, (tuple, list)):
        firsts, seconds = dims
    elif isinstance(dims, Tensor) and dims.numel() > 1:
        if dims.shape[0] != 2:
            raise AssertionError(f"dims tensor must have size 2 in first dimension, got {dims.shape[0]}")
        firsts, seconds = dims.tolist()
    elif isinstance(dims, int) and dims >= 0:
        a.dim, b.dim  # noqa: B018
    return Handed("_VF", "tensordot", (a, b, firsts, seconds), {} if out is None else {"out": out})


@_handed("torch", "chain_matmul")
def _chain_matmul(*matrices: Any, out: Any = None) -> Handed:
    return Handed("_VF", "chain_matmul", (matrices,), {} if out is None else {"out": out})


def _lu(A: Any, pivot: Any = True, get_infos: Any = False, out: Any = None) -> Handed:
    return Handed("_VF", "_lu_with_info", (A,), {"pivot": pivot, "check_errors": not get_infos})


_by_flags("lu", _lu, {"get_infos": 2}, {(False,): "_lu_no_infos", (True,): "_lu_with_infos"})


@_handed("Tensor", "lu")
def _lu_of(self: Any, pivot: Any = True, get_infos: Any = False) -> Handed:
    return _lu(self, pivot, get_infos)


@_handed("torch", "norm")
def _norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: Any = False, out: Any = None, dtype: Any = None
) -> Handed:
    input.layout  # noqa: B018
    options = {"dtype": dtype} if out is None else {"dtype": dtype, "out": out}
    dims = [dim] if isinstance(dim, int) else dim
    if isinstance(p, str) and (p != "fro" or (dims is not None and len(dims) > 2)):
        dims = list(range(input.ndim)) if dims is None else dims
        return Handed("linalg", "linalg_matrix_norm", (input, p, dims, keepdim), options)
    order = 2 if p is None or p == "fro" else p
    return Handed("linalg", "linalg_vector_norm", (input, order, dims, keepdim), options)


@_handed("Tensor", "norm")
def _norm_of(self: Any, p: Any = "fro", dim: Any = None, keepdim: Any = False, dtype: Any = None) -> Handed:
    return _norm(self, p, dim, keepdim, dtype=dtype)


@_handed("torch", "cdist")
def _cdist(x1: Any, x2: Any, p: Any = 2.0, compute_mode: Any = DISTANCES[0]) -> Handed:
    if compute_mode not in DISTANCES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    return Handed("_VF", "cdist", (x1, x2, p, DISTANCES.index(compute_mode) or None))


# Frames


@_handed("torch", "stft")
def _stft(
    input: Any,
    n_fft: Any,
    hop_length: Any = None,
    win_length: Any = None,
    window: Any = None,
    center: Any = True,
    pad_mode: Any = "reflect",
    normalized: Any = False,
    onesided: Any = None,
    return_complex: Any = None,
    align_to_window: Any = None,
) -> Handed:
    if center:
        if align_to_window is not None:
            raise RuntimeError("stft align_to_window should only be set when center = false")
        input.dim  # noqa: B018
        int(n_fft // 2)
    options = (normalized, onesided, return_complex, align_to_window)
    return Handed("_VF", "stft", (input, n_fft, hop_length, win_length, window, *options))
