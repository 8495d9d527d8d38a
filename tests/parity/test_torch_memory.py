"""Random programs of views, aliases, arrays of NumPy's and writes: the same memory under funcgrad.torch and PyTorch."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import funcgrad.torch as shim

real = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

ALIASES = (
    "{a}[0]",
    "{a}[-1:]",
    "{a}[...]",
    "{a}[..., ::2]",
    "{a}.t()",
    "{a}.diagonal()",
    "{a}.unsqueeze(0)",
    "{a}.view(-1)",
    "{a}.detach()",
    "{a}.data",
    "{a}.unbind(0)[-1]",
    "{a}.split(1, 0)[0]",
    "{a}.expand(2, *{a}.shape)[1]",
    "torch.from_numpy({a}.detach().numpy())",
)
COPIES = (
    "{a}.clone()",
    "{a} * 2",
    "{a}.reshape(-1) + 0",
    "torch.cat([{a}, {a}]).contiguous()",
    "{a}.contiguous()",
    "{a}.flip(0)",
)
WRITES = (
    "{a}.fill_({n})",
    "{a}.add_({n})",
    "{a}[0] = {n}",
    "{a}[..., -1:] *= 2",
    "{a}[{a} > {n}] = -{n}",
    "{a}.copy_({b}.clone().reshape(-1)[:1])",
    "{a}.reshape(-1)[0] = {n}",
    "{a}[[0]] = {b}.sum().detach()",
    "{a}.detach().numpy().reshape(-1)[...] += {n}",
    "{a}.detach().numpy()[...] = {n}",
    "{a}.data.mul_(3)",
    "saved.append(({a}.detach() * w).sum())",
    "with torch.no_grad(): w.copy_({a}.sum())",
)


def program(rng: random.Random) -> list[str]:
    names = ["t0"]
    lines = ["t0 = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)", "saved = []"]
    lines.append("w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)")
    for _ in range(14):
        kind = rng.random()
        a, b, n = rng.choice(names), rng.choice(names), rng.randrange(1, 9)
        if kind < 0.4:
            new = f"t{len(names)}"
            lines.append(f"{new} = " + rng.choice(ALIASES + COPIES[:1] if kind < 0.3 else COPIES).format(a=a))
            names.append(new)
        else:
            lines.append(rng.choice(WRITES).format(a=a, b=b, n=n))
    return lines


def outcome(torch: Any, lines: list[str]) -> list[Any]:
    names: dict[str, Any] = {"torch": torch}
    found: list[Any] = []
    for line in lines:
        try:
            exec(line, names)
        except (IndexError, RuntimeError, TypeError) as error:
            found.append(type(error).__name__)
        if "NameError" not in found:
            found.append([(k, v.tolist()) for k, v in names.items() if isinstance(v, torch.Tensor)])
    return found


@pytest.mark.parametrize("seed", range(300))
def test_random_program(seed):
    lines = program(random.Random(seed))
    lines = [line for i, line in enumerate(lines) if i < 3 or not fails(lines[:i], line)]
    ours, theirs = outcome(shim, lines), outcome(real, lines)
    for line, a, b in zip(lines, ours, theirs, strict=True):
        assert a == b, (line, lines)


def fails(before: list[str], line: str) -> bool:
    """Whether PyTorch refuses a line behind others: it is left out, as are those that need its result."""
    names: dict[str, Any] = {"torch": real}
    for earlier in before:
        try:
            exec(earlier, names)
        except Exception:
            continue
    try:
        exec(line, names)
    except Exception:
        return True
    return not all(np.isfinite(v.detach().numpy()).all() for v in names.values() if isinstance(v, real.Tensor))
