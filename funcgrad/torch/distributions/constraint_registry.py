"""`torch.distributions.constraint_registry`: transforms of all numbers to where parameters may lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad.torch.distributions import constraints, transforms
from funcgrad.torch.distributions.constraints import Constraint
from funcgrad.torch.distributions.shared import Number
from funcgrad.torch.distributions.transforms import Transform

Factory = Callable[[Any], Transform]


class ConstraintRegistry:
    """Called with a constraint: a transform of real numbers to what satisfies it."""

    def __init__(self) -> None:
        self._registry: dict[type, Factory] = {}

    def register(self, constraint: Any, factory: Factory | None = None) -> Any:
        """Set what makes the transforms for a kind of constraint; without `factory` a decorator."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {kind}")
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Constraint) -> Transform:
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()
"""`biject_to` gives transforms with a Jacobian; `transform_to` may give more numbers than needed, and is simpler."""


def _from_positive(loc: Any, scale: float) -> Transform:
    return transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(loc, scale)])


def _to_interval(constraint: Any) -> Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, Number) and isinstance(high, Number) and low == 0 and high == 1:
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)])


_BOTH: list[tuple[tuple[Any, ...], Factory]] = [
    ((constraints.real,), lambda c: transforms.identity_transform),
    ((constraints.greater_than, constraints.greater_than_eq), lambda c: _from_positive(c.lower_bound, 1)),
    ((constraints.less_than,), lambda c: _from_positive(c.upper_bound, -1)),
    ((constraints.interval, constraints.half_open_interval), _to_interval),
    ((constraints.corr_cholesky,), lambda c: transforms.CorrCholeskyTransform()),
]
for _registry in (biject_to, transform_to):
    for _kinds, _factory in _BOTH:
        for _kind in _kinds:
            _registry.register(_kind, _factory)

    def _of_independent(c: Any, registry: ConstraintRegistry = _registry) -> Transform:
        return transforms.IndependentTransform(registry(c.base_constraint), c.reinterpreted_batch_ndims)

    def _of_cat(c: Any, registry: ConstraintRegistry = _registry) -> Transform:
        return transforms.CatTransform([registry(part) for part in c.cseq], c.dim, c.lengths)

    def _of_stack(c: Any, registry: ConstraintRegistry = _registry) -> Transform:
        return transforms.StackTransform([registry(part) for part in c.cseq], c.dim)

    _registry.register(constraints.independent, _of_independent)
    _registry.register(constraints.cat, _of_cat)
    _registry.register(constraints.stack, _of_stack)
biject_to.register(constraints.simplex, lambda c: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: transforms.LowerCholeskyTransform())
for _matrix in (constraints.positive_definite, constraints.positive_semidefinite):
    transform_to.register(_matrix, lambda c: transforms.PositiveDefiniteTransform())
