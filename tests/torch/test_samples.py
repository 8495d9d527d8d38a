"""Each operation's samples: values, both orders of gradients, entries and errors are PyTorch's; and those of
`to_functional` are funcgrad's, in `grad`, `jit` and `vmap`."""

from __future__ import annotations

import re

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from funcgrad.torch._ops.table import ROWS
from tests.groups import function_of, together
from tests.torch import expressions, samples

ALL = [(area, sample) for area in samples.AREAS for sample in samples.samples(area)]


def topic(area, sample):
    return f"{area}: {function_of(sample.expression)}"


every_sample = together("area, sample", ALL, topic)
FIRST = {topic(*found): found for found in reversed(ALL)}
"""A sample of each function."""


@every_sample
def test_sample(area, sample):
    wanted = samples.stored(area)[sample.expression]
    found = {
        f"{c.point} in {c.dtype}": samples.differences(c, samples.outcome(torch, c), w)
        for c, w in zip(samples.cases(sample), wanted, strict=True)
    }
    assert not {case: differ for case, differ in found.items() if differ}


@pytest.mark.parametrize("area", samples.AREAS)
def test_nothing_else_is_stored(area):
    assert list(samples.stored(area)) == [s.expression for s in samples.samples(area)]


def check_to_functional(area, sample):
    """In float64, at the first point: the function's gradient, compiled and batched, is what `backward` leaves.

    By complex numbers funcgrad's gradient is the conjugate of PyTorch's.
    """
    case = next(samples.cases(sample))
    leaves = samples.tensors(torch, case)
    if "error" in samples.stored(area)[sample.expression][0] or not any(t.requires_grad for t in leaves):
        return
    outs = samples.flat(samples.evaluate(torch, case, leaves))
    if not any(isinstance(y, torch.Tensor) and y.requires_grad for y in outs):
        return

    def total(*tensors):
        found = samples.flat(samples.evaluate(torch, case, list(tensors)))
        return samples.weighted(torch, [y for y in found if isinstance(y, torch.Tensor) and y.requires_grad])

    total(*leaves).backward()
    pure, args, argnums = torch.to_functional(total, *leaves)
    gradient = fg.grad(pure, argnums)
    wanted = [np.zeros(t.shape) if t.grad is None else t.grad.numpy().conj() for t in leaves if t.requires_grad]
    stacked = fg.vmap(gradient)(*[np.stack([a, a]) for a in args])
    for eager, compiled, batch, w in zip(gradient(*args), fg.jit(gradient)(*args), stacked, wanted, strict=True):
        np.testing.assert_array_equal(eager, w)
        np.testing.assert_allclose(compiled, w, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(batch, np.stack([w, w]), rtol=1e-12, atol=1e-14)


@pytest.mark.filterwarnings("ignore")  # those that PyTorch gives too
@together("area, sample", FIRST.values(), topic)
def test_to_functional(area, sample):
    check_to_functional(area, sample)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@together("area, sample", [found for found in ALL if found not in FIRST.values()], topic)
def test_to_functional_of_the_other_samples(area, sample):
    check_to_functional(area, sample)


NO_NUMBERS = {
    "is_tensor", "is_floating_point", "is_complex", "is_nonzero", "numel", "result_type", "promote_types", "can_cast",
    "broadcast_shapes", "manual_seed", "initial_seed", "equal", "allclose",
}  # fmt: skip
"""Rows that answer questions: tests/torch/programs.py and test_state.py ask them."""


OPERATORS = {
    "pow": " ** ",
    "floor_divide": " // ",
    "positive": "+x",
    "bitwise_and": " & ",
    "bitwise_or": " | ",
    "bitwise_xor": " ^ ",
    "bitwise_not": "~x",
}
"""Rows that the samples call by their operator."""


def test_every_row_has_a_sample():
    lists = [v for v in vars(expressions).values() if isinstance(v, tuple) and v and isinstance(v[0], str)]
    texts = " ".join([*(text for found in lists for text in found), *(s.expression for _, s in ALL)])
    paths = re.findall(r"[\w.]+(?=\()", texts)
    called = {".".join(path.split(".")[-n:]) for path in paths for n in (1, 2)}
    missing = [
        name
        for name, row in ROWS.items()
        if name not in NO_NUMBERS
        and called.isdisjoint([name, *(f"{row.space}.{n}" if row.space else n for n in row.names)])
        and OPERATORS.get(name, name + "(") not in texts
    ]
    assert not missing
