"""Samples written as lists of expressions at the same points."""

from __future__ import annotations

from typing import Any

from tests.torch.samples import Sample


def listed(point: tuple[Any, ...], text: str, **options: Any) -> list[Sample]:
    """A sample for each of the expressions, that are separated by semicolons."""
    expressions = [" ".join(e.split()) for e in text.split(";")]
    return [Sample(e, (point,), **options) for e in expressions if e]


def together(*lists: list[Sample]) -> list[Sample]:
    """One sample an expression, with all of its points."""
    found: dict[str, Sample] = {}
    for sample in (s for samples in lists for s in samples):
        before = found.get(sample.expression, sample._replace(points=()))
        assert before._replace(points=()) == sample._replace(points=()), f"{sample.expression}: two ways to compare"
        found[sample.expression] = sample._replace(points=before.points + sample.points)
    return list(found.values())
