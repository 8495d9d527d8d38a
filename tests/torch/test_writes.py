"""Recorded writes into a part: in the memory where nobody has saved it, and never seen by whoever has."""

import pytest

import funcgrad.torch as torch
from funcgrad.torch._tensor import writes

WRITES = {
    "element": lambda y, x: y.__setitem__((1, 2), x[0, 0]),
    "row": lambda y, x: y.__setitem__(1, x[0]),
    "rows": lambda y, x: y.__setitem__(slice(1, 3), x[:2]),
    "spread": lambda y, x: y.__setitem__((slice(None), slice(0, 4, 2)), x[0, :2]),
    "number": lambda y, x: y.__setitem__(slice(1, 3), 2.0),
    "new axis": lambda y, x: y.__setitem__((1, None), x[:1]),
    "indices": lambda y, x: y.__setitem__(torch.tensor([3, 0]), x[:2]),
    "indices behind": lambda y, x: y.__setitem__((slice(None), torch.tensor([3, 0])), x[:, :2]),
    "indices of a row": lambda y, x: y.__setitem__((2, torch.tensor([[3], [1]])), x[:2, :1]),
    "mask": lambda y, x: y.__setitem__(torch.arange(4) > 1, x[0]),
    "added": lambda y, x: y.__setitem__(1, y[1] + x[0]),
    "own row": lambda y, x: y.__setitem__(1, y[3]),
    "view of a view": lambda y, x: y[1:][:2, 1:].add_(x[:2, :3]),
    "transposed": lambda y, x: y.t()[1:].copy_(x[:3]),
    "diagonal": lambda y, x: y.diagonal().copy_(x[0]),
}


def add_rows(y, x):
    y[1:3] += x[:2]


WRITES["in place"] = add_rows


def outcome(write):
    leaf = (torch.arange(16.0).reshape(4, 4) / 7).requires_grad_()
    x = (torch.arange(16.0).reshape(4, 4) / 3 + 1).requires_grad_()
    y = leaf * 1
    seen = y[1]
    for _ in range(2):
        write(y, x)
        write(y, x * x)
    first = torch.autograd.grad((y * y).sum() + (seen * x[2]).sum() + (x**3).sum(), (leaf, x), create_graph=True)
    second = torch.autograd.grad(first[1].sum(), x)
    return [t.detach().numpy().tobytes() for t in (y, seen, *first, *second)]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_in_the_memory_is_the_write_into_a_copy(write, monkeypatch):
    found = outcome(write)
    monkeypatch.setattr(writes, "_is_free", lambda *args: False)
    assert found == outcome(write)


@pytest.mark.parametrize("name", [n for n in WRITES if n not in ("transposed", "diagonal", "indices of a row")])
def test_a_write_copies_no_more_than_its_part(name):
    x = torch.ones(4, 4, requires_grad=True)
    y = torch.zeros(4, 4, requires_grad=True) * 1
    memory = y.data_ptr()
    for _ in range(3):
        WRITES[name](y, x)
    assert y.data_ptr() == memory


HOLDERS = {
    "an operation": lambda y: y * y,
    "an operation on a part": lambda y: y[:2] * y[:2],
    "a detached alias": lambda y: y.detach(),
    "an array": lambda y: y._read().value,
    "an array of a part": lambda y: y[2:]._read().value,
    "a value of the tape": lambda y: y._read(),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS.keys())
def test_what_somebody_holds_is_copied(hold):
    y = torch.zeros(4, requires_grad=True) * 1
    held = hold(y)
    memory = y.data_ptr()
    y[1] = torch.ones(1, requires_grad=True)[0]
    assert y.data_ptr() != memory and y.tolist() == [0, 1, 0, 0]
    del held


def test_duplicate_places_keep_the_last_value_in_the_order_of_the_index():
    leaf = torch.arange(6.0).reshape(3, 2).requires_grad_()
    y = torch.zeros(4, requires_grad=True) * 1
    y[torch.tensor([[0, 1, 0], [1, 2, 2]]).t()] = leaf
    assert y.tolist() == [4, 2, 5, 0]
    y.sum().backward()
    assert leaf.grad.tolist() == [[0, 0], [1, 0], [1, 1]]
