"""`weight_norm` and `spectral_norm` as they were before parametrizations: the weight is computed before each call."""

from __future__ import annotations

from typing import Any

from funcgrad.core.warned import warn
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn.modules.module import Module
from funcgrad.torch.nn.parameter import Parameter
from funcgrad.torch.nn.utils.parametrizations import (
    as_matrix,
    check_iterations,
    lengths,
    output_dim,
    unit,
    with_lengths,
)

DEPRECATED = (
    "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`."
)


class _Computed:
    """A hook that computes a weight of a module, from members with names that begin with the weight's."""

    what: str
    members: tuple[str, ...]

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim: Any = dim

    def weight(self, module: Module, in_training: bool) -> Tensor:
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.weight(module, module.training))

    def begin(self, module: Module, **members: Parameter) -> Module:
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, type(self)) and hook.name == self.name:
                raise RuntimeError(f"Cannot register two {self.what} hooks on the same parameter {self.name}")
        delattr(module, self.name)
        for member, value in members.items():
            module.register_parameter(f"{self.name}_{member}", value)
        return module

    @classmethod
    def end(cls, module: Module, name: str) -> Module:
        """Make the weight a parameter again."""
        for key, hook in module._forward_pre_hooks.items():
            if isinstance(hook, cls) and hook.name == name:
                with no_grad():
                    weight = hook.weight(module, False)
                delattr(module, name)
                for member in cls.members:
                    delattr(module, f"{name}_{member}")
                del module._forward_pre_hooks[key]
                module.register_parameter(name, Parameter(weight.detach()))
                return module
        raise ValueError(f"{cls.what} of '{name}' not found in {module}")


class WeightNorm(_Computed):
    what, members = "weight_norm", ("g", "v")

    def weight(self, module: Module, in_training: bool) -> Tensor:
        return with_lengths(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)


class SpectralNorm(_Computed):
    what, members = "spectral_norm", ("orig", "u", "v")

    def __init__(self, name: str, dim: int, n_power_iterations: int, eps: float) -> None:
        super().__init__(name, dim)
        check_iterations(n_power_iterations)
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def weight(self, module: Module, in_training: bool) -> Tensor:
        original, u, v = (getattr(module, f"{self.name}_{member}") for member in self.members)
        matrix = as_matrix(original, self.dim)
        if in_training:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.t().mv(u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix.mv(v), dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()
        return original / u.dot(matrix.mv(v))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be made of its lengths, `weight_g`, and directions, `weight_v`, before each call; deprecated."""
    warn(DEPRECATED, FutureWarning)
    fn, weight = WeightNorm(name, dim), getattr(module, name)
    fn.begin(module, g=Parameter(lengths(weight, dim).detach()), v=Parameter(weight.detach()))
    setattr(module, name, fn.weight(module, False))
    module.register_forward_pre_hook(fn)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight a parameter again."""
    return WeightNorm.end(module, name)


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Let a weight be divided by its largest singular value before each call."""
    fn = SpectralNorm(name, output_dim(module) if dim is None else dim, n_power_iterations, eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    matrix = as_matrix(weight.detach(), fn.dim)
    u, v = (unit(n, matrix, eps) for n in matrix.shape)
    fn.begin(module, orig=weight)
    setattr(module, name, weight.data)
    for member, value in (("u", u), ("v", v)):
        module.register_buffer(f"{name}_{member}", value)
    module.register_forward_pre_hook(fn)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight a parameter again."""
    return SpectralNorm.end(module, name)
