"""Tensors with NumPy's arrays and numbers: each operator between them, torch's functions given arrays, NumPy's given
tensors; as lines that print what they give.

`python -m tests.torch.numpy_programs` runs them under PyTorch and writes numpy_expected.json.
"""

from __future__ import annotations

import json
import operator
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

EXPECTED = Path(__file__).with_name("numpy_expected.json")

BINARY = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "@": operator.matmul, "&": operator.and_, "|": operator.or_,
    "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
IN_PLACE = {
    "+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv,
    "//=": operator.ifloordiv, "%=": operator.imod, "**=": operator.ipow, "@=": operator.imatmul,
    "&=": operator.iand, "|=": operator.ior, "^=": operator.ixor, "<<=": operator.ilshift, ">>=": operator.irshift,
}  # fmt: skip
OPERATORS = BINARY | IN_PLACE
OTHERS: dict[str, Callable[[], Any]] = {
    "float32[3]": lambda: np.array([4, 5, 6], np.float32),
    "float64[3]": lambda: np.array([4.0, 5.0, 6.0]),
    "int64[3]": lambda: np.array([4, 5, 6]),
    "bool[3]": lambda: np.array([True, True, False]),
    "complex128[3]": lambda: np.array([1j, 2, 3]),
    "float64[]": lambda: np.array(2.0),
    "int32[]": lambda: np.array(3, np.int32),
    "float64[2, 3]": lambda: np.ones((2, 3)),
    "str[3]": lambda: np.array(["a", "b", "c"]),
    "float64": lambda: np.float64(2),
    "float32": lambda: np.float32(2),
    "int64": lambda: np.int64(3),
    "bool": lambda: np.bool_(True),
    "complex128": lambda: np.complex128(1j),
}


def tensors(torch: Any) -> dict[str, Any]:
    return {
        "float32": torch.tensor([1.0, 2.0, 3.0]),
        "int64": torch.tensor([1, 2, 3]),
        "bool": torch.tensor([True, False, True]),
        "recorded": torch.tensor([1.0, 2.0, 3.0], requires_grad=True) * 1,
        "number": torch.tensor(2.0),
    }


FUNCTIONS = [
    "add", "sub", "mul", "div", "eq", "ne", "lt", "maximum", "pow", "atan2", "remainder", "floor_divide",
    "logical_and", "bitwise_or", "hypot", "where", "dot", "mv", "matmul", "cat", "stack", "dist", "lerp", "clamp",
    "masked_fill", "gather", "heaviside", "float_power", "xlogy", "sin", "sum", "mean", "sqrt", "relu", "max",
    "argmax", "sort", "cumsum", "flip", "reshape", "isnan", "zeros_like", "tensor", "as_tensor", "asarray",
    "is_tensor", "det", "softmax",
]  # fmt: skip
GIVEN = ("t, a", "a, t", "g, a", "t, s", "s, t", "i, nb", "nb, i", "b, nb", "i, np.float32(2)", "a", "s")
METHODS = ("t", "i", "g", "b")
OF_NUMPY = [
    "sin", "add", "multiply", "power", "maximum", "greater", "equal", "logical_and", "floor", "modf", "matmul",
    "dot", "mean", "max", "std", "argmax", "cumsum", "sort", "reshape", "squeeze", "clip", "stack", "vstack",
    "where", "asarray", "array", "ascontiguousarray", "zeros_like", "shape", "ndim", "real", "diag", "outer",
    "einsum", "allclose", "array_equal", "any", "unique", "take", "tile", "linspace", "median", "histogram",
    "interp", "diff", "linalg.norm", "linalg.inv", "fft.fft", "result_type", "float64",
]  # fmt: skip
WITH_TENSORS = ("t", "g", "i", "t, t", "t, a", "a, t", "g, a", "[t, t]", "[t, a]", "m", "b", "t[0]", "z", "m.detach()")
LINES = (
    "np.add(t, a, out=np.zeros(3))", "np.add.reduce(t)", "np.add.outer(t, t)", "np.asarray(t, dtype=np.int32)",
    "np.array([t[0], t[1]])", "np.where(t > 1, t, 0)", "a.dot(t)", "a.sum() * t", "a[i - 1]", "a[i[0]]", "a[b]",
    "t.__array__(np.float64)", "[1, 2, 3][i[0]]", "np.zeros(i[1])", "np.zeros(m.shape)", "a in t",
    "np.float64(1.0) in t", "t.dot(a)", "t[a > 4]", "t[np.int64(1)]", "t[np.array(1)]", "t.view(np.int64(3))",
    "t.sum(np.int64(0))", "torch.zeros(np.int64(2))", "torch.full((2,), np.float32(3))",
    "torch.full((2,), np.bool_(True))",
    "torch.clamp(t, a)", "t.fill_(np.float64(7))", "t.fill_(np.array(7.0))", "t.copy_(a)", "torch.tensor([a, a])",
    "torch.nn.functional.relu(a)", "torch.nn.Linear(3, 1)(a)", "t.masked_fill(a > 1, 0.0)", "torch.where(t > 1, nb, i)",
    "hasattr(t, '__array_ufunc__')", "hasattr(t, '__array_function__')", "(t.add_(nb), t)", "(a * 1).__iadd__(t)",
    "np.add(g.detach(), a)", "(torch.func.grad(lambda x: (x * a).sum())(t))", "torch.eq(t, a)", "a == g", "g != a",
)  # fmt: skip


def shown(torch: Any, x: Any) -> str:
    """A result: what it is, and its numbers, to six digits."""
    if isinstance(x, (tuple, list)):
        return f"{type(x).__name__}({', '.join(shown(torch, y) for y in x)})"
    if isinstance(x, torch.Tensor):
        needs = ", recorded" if x.requires_grad else ""
        return f"Tensor({str(x.dtype).rpartition('.')[2]}{list(x.shape)}{needs}: {numbers(x.detach().numpy())})"
    if isinstance(x, (np.ndarray, np.generic)):
        return f"{type(x).__name__}({x.dtype}{list(x.shape)}: {numbers(x)})"
    return f"{type(x).__name__}({x})"


def numbers(x: Any) -> str:
    flat = np.asarray(x).reshape(-1)
    if flat.dtype.kind not in "fc":
        return " ".join(map(str, flat.tolist()))
    return " ".join(f"{round(n, 4) + 0.0:g}" for n in flat.view(flat.real.dtype).tolist())


def told(torch: Any, run: Callable[[], Any]) -> str:
    """What a call gives; of errors of NumPy's and Python's, whose words change with versions, the kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return shown(torch, run())
        except RuntimeError as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0]}"
        except Exception as error:
            return next(kind.__name__ for kind in (TypeError, ValueError, Exception) if isinstance(error, kind))


def of_operator(torch: Any, sign: str) -> list[str]:
    """An operator between each tensor and each of NumPy's, on both sides; and whether it was written in place."""
    lines = []
    for name in tensors(torch):
        for other, make in OTHERS.items():
            for turned in (False, True):
                x, y = tensors(torch)[name], make()
                first, second = (y, x) if turned else (x, y)
                found = told(torch, lambda: OPERATORS[sign](first, second))
                kept = f" leaves {shown(torch, first)}" if sign in IN_PLACE else ""
                left, right = (other, name) if turned else (name, other)
                lines.append(f"{left} {sign} {right}: {found}{kept}")
    return lines


def names(torch: Any) -> dict[str, Any]:
    return {
        "torch": torch, "np": np, "a": np.array([4.0, 5.0, 3.0]), "s": np.float64(2.0), "nb": np.bool_(True),
        "t": torch.tensor([1.0, 2.0, 3.0]), "i": torch.tensor([1, 2, 3]), "b": torch.tensor([True, False, True]),
        "g": torch.tensor([1.0, 2.0, 3.0], requires_grad=True), "z": torch.tensor([1 + 2j]),
        "m": torch.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True),
    }  # fmt: skip


CALLS = {
    **{f"torch.{f}": [f"torch.{f}({given})" for given in GIVEN] for f in FUNCTIONS},
    **{f"Tensor.{f}": [f"{x}.{f}({y})" for x in METHODS for y in ("a", "s", "nb")] for f in FUNCTIONS[:28]},
    **{f"np.{f}": [f"np.{f}({given})" for given in WITH_TENSORS] for f in OF_NUMPY},
    "others": list(LINES),
}


def of_calls(torch: Any, group: str) -> list[str]:
    return [f"{line}: {told(torch, lambda: eval(line, names(torch)))}" for line in CALLS[group]]


GROUPS = [*OPERATORS, *CALLS]


def of_group(torch: Any, group: str) -> list[str]:
    return of_operator(torch, group) if group in OPERATORS else of_calls(torch, group)


@lru_cache(maxsize=1)
def expected() -> dict[str, list[str]]:
    return json.loads(EXPECTED.read_text())


def main() -> None:
    import torch

    EXPECTED.write_text(json.dumps({group: of_group(torch, group) for group in GROUPS}, indent=0) + "\n")


if __name__ == "__main__":
    main()
