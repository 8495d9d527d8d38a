"""Sums of products as subscripts spell them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

from funcgrad import numpy as fnp
from funcgrad.torch._ops.memory_order import order_of
from funcgrad.torch._ops.pointwise import mul
from funcgrad.torch._ops.products import bmm, same_scalar_type
from funcgrad.torch._ops.reduce import sum as sum_of
from funcgrad.torch._ops.shape import diagonal, movedim, permute, reshape, unsqueeze
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, lie
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import need_elements, promote, refuse
from funcgrad.torch._tensor.tensor import Tensor

SUM, PERMUTE = Kind("SumBackward1"), Kind("Permute")
PAIR, MANY = ((Kind("View", saves), Kind("Mul", saves)) for saves in ("*", "xy"))
"""Of two operands, and of more: summed over subscripts, and not."""
NUMBERED = ascii_uppercase + ascii_lowercase
NOTHING = (
    "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts "
    "list"
)


@named(method=False)
def einsum(*args: Any) -> Tensor:
    """The sum of products that an equation spells: einsum("ij,jk->ik", a, b), or einsum(a, [0, 1], b, [1, 2], [0, 2]).

    Subscripts that the result does not have are summed over; `...` stands for any dimensions. Without `->` the result
    has the dimensions of `...`, then the subscripts that occur once, by the alphabet.
    """
    if len(args) < 2:
        raise ValueError(NOTHING)
    equation, operands = args[0], args[1:]
    if isinstance(equation, Tensor):
        equation, operands = _from_lists(args)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    need_elements(operands, 1)
    inputs, output = _explicit(equation, operands)
    summed = {letter for letters in inputs for letter in letters} - set(output)
    if len(operands) > 1 and not summed:
        operands = tuple(promote(*operands))
    elif len(operands) > 1:
        refuse(operands[0], "b", "bmm")
        for x in operands[1:]:
            same_scalar_type(operands[0], x)
    product = MANY if len(operands) > 2 else PAIR
    kind = product[not summed] if len(operands) > 1 else SUM if summed else PERMUTE
    plain = partial(call, kind, partial(fnp.einsum, ",".join(inputs) + "->" + output))
    found = composite(partial(_composed, inputs, output), plain, *operands)
    if len(operands) == 1 and not summed and len(output) == len(inputs[0]):
        return lie(found, tuple(output.index(inputs[0][d]) for d in order_of(operands[0])))
    return lie(found, _order(inputs, output, operands)) if summed and len(operands) == 2 else found


# As PyTorch composes it


def _composed(inputs: Sequence[str], output: str, *operands: Tensor) -> Tensor:
    """Of operands with all letters as their dimensions, those of the result first, two after two; `opt_einsum`, with
    which PyTorch finds a cheaper order where it is installed, has no part in it."""
    letters = output + "".join(s for s in NUMBERED if s not in output and any(s in part for part in inputs))
    left = [_with_all(x, part, letters) for x, part in zip(operands, inputs)]
    rank, own = len(letters), len(output)
    if len(left) == 1:
        return left[0] if rank == own else sum_of(left[0], tuple(range(own, rank)))
    counts = {i: sum(x.shape[i] != 1 for x in left) for i in range(own, rank)}
    while len(left) > 1:
        x, y, *left = left
        both = [i for i in counts if x.shape[i] != 1 != y.shape[i]]
        for i in both:
            counts[i] -= 1
        summed = [i for i in both if counts[i] == 1]
        x, y = (_without(x, y, counts), _without(y, x, counts))
        counts.update(dict.fromkeys(summed, 0))
        left.insert(0, _pair(x, y, summed) if summed else mul(x, y))
    return left[0] if rank == own else reshape(left[0], left[0].shape[:own])


def _without(x: Tensor, other: Tensor, counts: dict[int, int]) -> Tensor:
    """Summed over the dimensions that nobody else has."""
    alone = [i for i, n in counts.items() if n == 1 and x.shape[i] != 1 == other.shape[i]]
    counts.update(dict.fromkeys(alone, 0))
    return sum_of(x, alone, True) if alone else x


def _with_all(x: Tensor, part: str, letters: str) -> Tensor:
    """An operand with the dimensions in the order of `letters`, of which those that it has not are one."""
    for letter in dict.fromkeys(part):
        at = part.index(letter)
        while (again := part.find(letter, at + 1)) > 0:
            x = movedim(diagonal(x, 0, at, again), -1, at)
            part = part[:again] + part[again + 1 :]
    for letter in letters:
        if letter not in part:
            x, part = unsqueeze(x, -1), part + letter
    return permute(x, *(part.index(letter) for letter in letters))


def _pair(x: Tensor, y: Tensor, summed: list[int]) -> Tensor:
    """The product of two, summed over dimensions that both have: one product of matrices for each place of the others
    that both have, of which the rows come first in the result."""
    kept = [i for i in range(x.dim()) if i not in summed]
    shared = [i for i in kept if x.shape[i] != 1 != y.shape[i]]
    rows = [i for i in kept if x.shape[i] != 1 == y.shape[i]]
    columns = [i for i in kept if x.shape[i] == 1]
    if rows and columns and columns[-1] < rows[0]:
        x, y, rows, columns = y, x, columns, rows

    def size(t: Tensor, dims: list[int]) -> int:
        return prod(t.shape[i] for i in dims)

    left = reshape(permute(x, *shared, *rows, *summed, *columns), (size(x, shared), size(x, rows), size(x, summed)))
    right = reshape(
        permute(y, *shared, *summed, *columns, *rows), (size(y, shared), size(y, summed), size(y, columns))
    )
    order = [*shared, *rows, *summed, *columns]
    sizes = [x.shape[i] for i in (*shared, *rows)] + [1 for _ in summed] + [y.shape[i] for i in columns]
    found = reshape(bmm(left, right), sizes)
    return permute(found, *(order.index(i) for i in range(len(order))))


def _order(inputs: Sequence[str], output: str, operands: Sequence[Tensor]) -> tuple[int, ...]:
    """How a product of two lies in memory: what both have is outside, then what one has, the earlier one in the result
    first."""
    has = [{letter for letter, n in zip(part, x.shape) if n > 1} for part, x in zip(inputs, operands)]
    parts: dict[tuple[bool, ...], list[int]] = {(True, True): []}
    for place, letter in enumerate(output):
        parts.setdefault(tuple(letter in letters for letters in has), []).append(place)
    return tuple(place for places in parts.values() for place in places)


def _from_lists(args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The equation of operands and lists of numbers that take turns."""

    def letter(n: Any) -> str:
        if n is Ellipsis:
            return "..."
        if 0 <= n < len(NUMBERED):
            return NUMBERED[n]
        raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")

    equation = ",".join("".join(map(letter, subscripts)) for subscripts in args[1::2])
    if len(args) % 2:
        return equation + "->" + "".join(map(letter, args[-1])), args[:-1:2]
    return equation, args[::2]


def _explicit(equation: str, operands: Sequence[Tensor]) -> tuple[list[str], str]:
    """The subscripts of each operand and of the result, with letters in place of `...`."""
    before, arrow, after = equation.partition("->")
    parts = before.split(",")
    start = 0
    for i, part in enumerate(parts):
        _check_letters(part, start, f"for operand {i}")
        start += len(part) + 1
    if len(parts) != len(operands):
        few = "fewer" if len(operands) < len(parts) else "more"
        raise RuntimeError(f"einsum(): {few} operands were provided than specified in the equation")
    parts = [part.replace(" ", "") for part in parts]
    covered = [_covered(i, part, x.dim()) for i, (part, x) in enumerate(zip(parts, operands))]
    dots = _unused(equation, max(covered, default=0))
    inputs = [part.replace("...", dots[len(dots) - n :]) for part, n in zip(parts, covered)]
    _check_sizes(inputs, operands)
    if not arrow:
        letters = "".join(inputs)
        return inputs, dots + "".join(sorted(s for s in set(letters) - set(dots) if letters.count(s) == 1))
    _check_letters(after, start + 1, "in the output")
    output = after.replace(" ", "").replace("...", dots)
    for letter in output:
        if output.count(letter) > 1:
            raise RuntimeError(f"einsum(): output subscript {letter} appears more than once in the output")
        if all(letter not in part for part in inputs):
            raise RuntimeError(
                f"einsum(): output subscript {letter} does not appear in the equation for any input operand"
            )
    return inputs, output


def _check_letters(part: str, start: int, where: str) -> None:
    seen = False
    i = 0
    while i < len(part):
        if part.startswith("...", i):
            if seen:
                raise RuntimeError(f"einsum(): found '.' {where} for which an ellipsis was already found")
            seen = True
            i += 2
        elif part[i] == ".":
            already = seen and "for which an ellipsis was already found"
            raise RuntimeError(f"einsum(): found '.' {where} {already or 'that is not part of any ellipsis'}")
        elif part[i] not in ascii_letters + " ":
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {start + i} in the equation string, subscripts must be in "
                "[a-zA-Z]"
            )
        i += 1


def _covered(i: int, part: str, ndim: int) -> int:
    """How many dimensions the ellipsis of an operand stands for."""
    named = len(part.replace("...", ""))
    if ("..." in part and named <= ndim) or named == ndim:
        return ndim - named
    none = "" if "..." in part else " and no ellipsis was given"
    does = "does not match" if "..." not in part else "is more than"
    raise RuntimeError(
        f"einsum(): the number of subscripts in the equation ({named}) {does} the number of dimensions ({ndim}) for "
        f"operand {i}{none}"
    )


def _unused(equation: str, n: int) -> str:
    return "".join([letter for letter in ascii_letters if letter not in equation][:n])


def _check_sizes(inputs: Sequence[str], operands: Sequence[Tensor]) -> None:
    """Sizes of a letter are equal; those of different operands may be one."""
    seen: dict[str, int] = {}
    for i, (letters, x) in enumerate(zip(inputs, operands)):
        own: dict[str, int] = {}
        for letter, n in zip(letters, x.shape):
            if own.setdefault(letter, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {letter} is repeated for operand {i} but the sizes don't match, {n} != "
                    f"{own[letter]}"
                )
        for letter, n in own.items():
            if seen.get(letter, 1) not in (1, n) and n != 1:
                raise RuntimeError(
                    f"einsum(): subscript {letter} has size {n} for operand {i} which does not broadcast with "
                    f"previously seen size {seen[letter]}"
                )
            seen[letter] = max(n, seen.get(letter, n)) if n != 0 else 0
