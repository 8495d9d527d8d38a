"""Pruning: some elements of a parameter are kept zero by a mask.

The parameter becomes `name_orig`, the mask the buffer `name_mask`, and their product the attribute `name`, which is
computed anew before each call of the module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral, Real
from typing import Any

from funcgrad.names import own_names as _own_names
from funcgrad.torch._ops.extremes import kthvalue, topk
from funcgrad.torch._ops.random import rand, rand_like
from funcgrad.torch._ops.reduce import norm
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.modules.module import Module
from funcgrad.torch.nn.utils.convert_parameters import parameters_to_vector


class BasePruningMethod(ABC):
    """A way to prune: a subclass says `PRUNING_TYPE` ("unstructured", "structured" with a `dim`, or "global"), and
    makes the mask.

    It is the hook that computes the pruned parameter before the module is called.
    """

    PRUNING_TYPE: str
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask for elements of the importance `t`, which is zero where `default_mask` is."""

    def apply_mask(self, module: Module) -> Tensor:
        """The parameter times the mask."""
        original: Tensor = getattr(module, f"{self._tensor_name}_orig")
        mask: Tensor = getattr(module, f"{self._tensor_name}_mask")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune the parameter, further where it is pruned already. The other arguments are the constructor's.

        AssertionError for importances of another shape than the parameter's.
        """
        before = _hooks_on(module, name)
        if len(before) > 1:
            raise AssertionError(
                f"Avoid adding multiple pruning hooks to the same tensor {name} of module {module}. Use a "
                "PruningContainer."
            )
        method = _joined(next(iter(before.values()), None), cls(*args, **kwargs), name)
        parameter: Tensor = getattr(module, name)
        scores = parameter if importance_scores is None else importance_scores
        if scores.shape != parameter.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}, got {scores.shape} vs "
                f"{parameter.shape}"
            )
        if before:
            mask = method.compute_mask(scores, default_mask=getattr(module, f"{name}_mask").detach().clone())
        else:
            mask = method.compute_mask(scores, default_mask=_ones_like(parameter))
            del module._parameters[name]
            module.register_parameter(f"{name}_orig", parameter)  # type: ignore[arg-type]
        _unhook(module, before)
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """A tensor without the elements that would be pruned, of no module."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as tensor t, got {scores.shape} vs {t.shape}"
            )
        return t * self.compute_mask(scores, default_mask=_ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make what is pruned the parameter's own value; there is no mask any more."""
        name = self._tensor_name
        pruned = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        parameter: Any = module._parameters.pop(f"{name}_orig")
        del module._buffers[f"{name}_mask"]
        parameter.data = pruned.data
        setattr(module, name, parameter)


def _hooks_on(module: Module, name: str) -> dict[Any, BasePruningMethod]:
    return {
        key: hook
        for key, hook in module._forward_pre_hooks.items()
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
    }


def _unhook(module: Module, keys: Iterable[Any]) -> None:
    for key in keys:
        del module._forward_pre_hooks[key]


def _joined(before: BasePruningMethod | None, method: BasePruningMethod, name: str) -> BasePruningMethod:
    """The method, behind those that have pruned the parameter before."""
    method._tensor_name = name
    if before is None:
        return method
    return PruningContainer(*(before if isinstance(before, PruningContainer) else (before,)), method)


def _ones_like(t: Tensor) -> Tensor:
    return t.new_ones(t.shape)


class PruningContainer(BasePruningMethod):
    """Several ways to prune, one behind the other: each among the elements that those before it have left."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """TypeError for what is no method, ValueError where it is of another parameter."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to PruningContainer "
                f"{self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask that the last method makes of what is left."""
        method = self._pruning_methods[-1]
        left = _left_to(method, t, default_mask)
        mask = default_mask.to(dtype=t.dtype).clone()
        mask[left] = method.compute_mask(t[left], default_mask=default_mask[left]).to(dtype=mask.dtype)
        return mask


def _left_to(method: BasePruningMethod, t: Tensor, mask: Tensor) -> Any:
    """The index of the elements that a method chooses from."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    if method.PRUNING_TYPE == "global":
        return (slice(None),) * t.dim()
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError('Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.')
    dim = method.dim + t.dim() if method.dim < 0 else method.dim
    if dim < 0:
        raise IndexError(f"Index is out of bounds for tensor with dimensions {t.dim()}")
    return _selecting(t, dim, mask.sum(dim=[d for d in range(t.dim()) if d != dim]) != 0)


def _selecting(t: Tensor, dim: int, index: Tensor) -> tuple[Any, ...]:
    """An index of slices, but for one dimension."""
    found: list[Any] = [slice(None)] * t.dim()
    found[dim] = index
    return tuple(found)


class _Amount:
    """How much is pruned: a count, or a part of all, as a float."""

    def __init__(self, amount: Any) -> None:
        if not isinstance(amount, Real):
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        if float(amount) < 0 or (float(amount) > 1 and not isinstance(amount, Integral)):
            raise ValueError(
                f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
            )
        self.amount: Any = amount

    def of(self, size: int) -> int:
        """The count, which is not above `size`."""
        count = int(self.amount) if isinstance(self.amount, Integral) else round(self.amount * size)
        if count > size:
            raise ValueError(f"amount={count} should be smaller than the number of parameters to prune={size}")
        return count


class Identity(BasePruningMethod):
    """Prune nothing, with a mask of ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class _Unstructured(_Amount, BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def _chosen(self, t: Tensor, count: int) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = self.of(t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[self._chosen(t, count)] = 0
        return mask


class RandomUnstructured(_Unstructured):
    """Prune elements by chance."""

    def _chosen(self, t: Tensor, count: int) -> Tensor:
        return topk(rand_like(t).view(-1), count).indices


class L1Unstructured(_Unstructured):
    """Prune the elements that are nearest to zero."""

    def _chosen(self, t: Tensor, count: int) -> Tensor:
        return topk(t.abs().view(-1), count, largest=False).indices


class _Structured(_Amount, BasePruningMethod):
    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _kept(self, t: Tensor, count: int) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{t.shape} with {t.dim()} dims"
            )
        if self.dim >= t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        count = self.of(t.shape[self.dim])
        if not count:
            return default_mask
        mask = t.new_zeros(t.shape)
        mask[_selecting(t, self.dim, self._kept(t, count))] = 1
        return mask * default_mask.to(dtype=mask.dtype)


class RandomStructured(_Structured):
    """Prune slices along a dimension by chance."""

    def _kept(self, t: Tensor, count: int) -> Tensor:
        chances = rand(t.shape[self.dim])
        return chances > kthvalue(chances, count).values


class LnStructured(_Structured):
    """Prune the slices along a dimension that have the least n-norm."""

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _kept(self, t: Tensor, count: int) -> Tensor:
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        return topk(norm(t, self.n, others), t.shape[self.dim] - count).indices


class CustomFromMask(BasePruningMethod):
    """Prune by a mask that is there."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Give a parameter a mask of ones."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: Any) -> Module:
    """Prune elements of a parameter by chance: a count of them, or a part of all as a float."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: Any, importance_scores: Tensor | None = None) -> Module:
    """Prune the elements of a parameter that are nearest to zero, or have the least importance.

    >>> import funcgrad.torch as torch
    >>> layer = torch.nn.Linear(2, 3)
    >>> _ = torch.nn.utils.prune.l1_unstructured(layer, "weight", amount=2)
    >>> int((layer.weight == 0).sum()), [name for name, _ in layer.named_buffers()]
    (2, ['weight_mask'])
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: Any, dim: int) -> Module:
    """Prune slices of a parameter along `dim` by chance."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: Any, n: Any, dim: int, importance_scores: Tensor | None = None
) -> Module:
    """Prune the slices of a parameter along `dim` that have the least n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune a parameter where the mask is zero."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: Mapping[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune elements of several parameters, which are compared with each other.

    TypeError for parameters that are none, and for methods that prune no single elements.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    if not isinstance(importance_scores, dict | None):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    places = list(parameters)
    own: list[Tensor] = [getattr(module, name) for module, name in places]
    given = importance_scores or {}
    scores = parameters_to_vector([given.get(place, t) for place, t in zip(places, own)])
    masks = [getattr(module, f"{name}_mask", _ones_like(t)) for (module, name), t in zip(places, own)]
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method {pruning_method} of '
            f"type {method.PRUNING_TYPE}"
        )
    method._tensor_name = "all"
    mask = PruningContainer(method).compute_mask(scores, parameters_to_vector(masks))
    for (module, name), t, part in zip(places, own, mask.split([t.numel() for t in own])):
        custom_from_mask(module, name, part.view_as(t))


def remove(module: Module, name: str) -> Module:
    """Make what is pruned of a parameter its own value; ValueError where nothing is."""
    for key, hook in _hooks_on(module, name).items():
        hook.remove(module)
        _unhook(module, [key])
        return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Whether the module or one inside of it has a pruned parameter."""
    return any(
        isinstance(hook, BasePruningMethod) for part in module.modules() for hook in part._forward_pre_hooks.values()
    )


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
