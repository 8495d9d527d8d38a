"""Programs of one line each, whose last expression is looked at: edge cases by the hundred, with what PyTorch finds.

    python -m tests.torch.lines corners   # real PyTorch writes corners.json anew; without names, all files
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
FILES = ("lines", "mistakes", "corners")


def lines_of(file: str) -> list[str]:
    return [line for line in (HERE / f"{file}.txt").read_text().splitlines() if line and not line.startswith("#")]


def expected(file: str) -> dict[str, Any]:
    return json.loads((HERE / f"{file}.json").read_text())


def shown(x: Any, torch: Any) -> Any:
    """What is compared of a result: of tensors the dtype, the shape, the entry's name and the numbers."""
    if isinstance(x, torch.Tensor):
        name = "" if x.grad_fn is None else x.grad_fn.name().replace("torch::autograd::", "")
        flat = x.detach().resolve_conj().numpy().reshape(-1)
        return {"is": f"{x.dtype} {list(x.shape)} {x.requires_grad} {name}", "numbers": [str(n) for n in flat]}
    if isinstance(x, (tuple, list)):
        return [shown(e, torch) for e in x]
    return repr(x)


def found(torch: Any, line: str) -> Any:
    """What a line gives, or its error."""
    names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np}
    *before, last = line.split(";")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for statement in before:
                exec(statement.strip(), names)
            try:
                code = compile(last.strip(), line, "eval")
            except SyntaxError:
                exec(last.strip(), names)
                return None
            return shown(eval(code, names), torch)
        except Exception as error:
            return {"error": type(error).__name__.lstrip("_"), "text": str(error)}


def same(a: Any, b: Any) -> bool:
    """Equal but for rounding."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if not (isinstance(a, dict) and "numbers" in a and isinstance(b, dict) and "numbers" in b):
        return a == b
    if a["is"] != b["is"] or not a["is"].startswith(("torch.float", "torch.complex")):
        return a == b
    kind = complex if "complex" in a["is"] else float
    eps = np.finfo(a["is"].split()[0].removeprefix("torch.")).eps
    x, y = (np.array([kind(n) for n in numbers]) for numbers in (a["numbers"], b["numbers"]))
    most = np.abs(y[np.isfinite(y)]).max(initial=1.0)
    return np.allclose(x, y, rtol=256 * eps, atol=256 * eps * most, equal_nan=True)


def main() -> None:
    import torch

    for file in sys.argv[1:] or FILES:
        results = {line: found(torch, line) for line in lines_of(file)}
        (HERE / f"{file}.json").write_text(json.dumps(results, indent=0) + "\n")


if __name__ == "__main__":
    main()
