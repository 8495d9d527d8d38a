"""Modules as functions of their parameters and buffers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import funcgrad.torch as torch
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor.tensor import Tensor

State = Mapping[str, Tensor]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: State | Sequence[State],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other parameters and buffers, by name; those that are not named keep theirs.

    Args:
        parameter_and_buffer_dicts: a dict, or several whose names are all different.
        args: the module's arguments: a tuple, or one alone.
        tie_weights: a Tensor that the module has under several names is replaced under all of them.
        strict: RuntimeError unless every name is given, and no others.
    """
    replaced = _joined(parameter_and_buffer_dicts)
    given = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, replaced, tie_weights, strict):
        return module(*given, **(kwargs or {}))


def _joined(dicts: State | Sequence[State]) -> dict[str, Tensor]:
    if isinstance(dicts, Mapping):
        return dict(dicts)
    if not isinstance(dicts, Sequence):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    if not all(isinstance(d, Mapping) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    names = [name for d in dicts for name in d]
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {name: x for d in dicts for name, x in d.items()}


def _places(module: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """For each parameter and buffer the dict of its module, and its name there."""
    found = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for held in (part._parameters, part._buffers):
            for name, x in held.items():
                if x is not None:
                    found[f"{path}.{name}" if path else name] = (held, name)
    return found


@contextmanager
def _replaced(module: Any, given: dict[str, Tensor], tied: bool, strict: bool) -> Iterator[None]:
    places = _places(module)
    if strict:
        _check_names(module, places, given)
    for name in given:
        if name not in places:
            module.get_submodule(name.rpartition(".")[0])  # an AttributeError where there is none
    new = {name: x for name, x in given.items() if name in places}
    if tied:
        new |= _tied(places, new)
    before = [(held, key, held[key]) for held, key in (places[name] for name in new)]
    try:
        for name, x in new.items():
            held, key = places[name]
            held[key] = x
        yield
    finally:
        for held, key, x in before:
            held[key] = x


def _tied(places: dict[str, tuple[dict[str, Any], str]], new: dict[str, Tensor]) -> dict[str, Tensor]:
    """What replaces Tensors that are given under another of their names."""
    by_tensor = {id(places[name][0][places[name][1]]): x for name, x in new.items()}
    return {
        name: by_tensor[id(held[key])]
        for name, (held, key) in places.items()
        if name not in new and id(held[key]) in by_tensor
    }


def _check_names(module: Any, places: dict[str, Any], given: dict[str, Tensor]) -> None:
    message = f"Error(s) in reparametrizing for {type(module).__name__}:"
    unexpected = sorted(given.keys() - places.keys())
    missing = sorted(places.keys() - given.keys())
    if unexpected:
        message += f"\n\tUnexpected key(s): {', '.join(map(repr, unexpected))}."
    if missing:
        message += f"\n\tMissing key(s): {', '.join(map(repr, missing))}."
    if unexpected or missing:
        raise RuntimeError(message)


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of equal modules, stacked, for `vmap` over an ensemble of them."""
    refused = "stack_module_state: Expected "
    if len(models) == 0:
        raise RuntimeError(f"{refused}at least one model, got 0.")
    if not (all(m.training for m in models) or not any(m.training for m in models)):
        raise RuntimeError(f"{refused}all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError(f"{refused}all models to be of the same class.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return (
        {name: _stacked([p[name] for p in parameters]) for name in parameters[0]},
        {name: _stacked([b[name] for b in buffers]) for name in buffers[0]},
    )


def _stacked(tensors: list[Tensor]) -> Tensor:
    """A new leaf where the tensors require a gradient."""
    required = [t.requires_grad for t in tensors]
    if any(required) and not all(required):
        raise RuntimeError(f"Expected {tensors} to all have the same requires_grad")
    if not all(t.is_leaf for t in tensors):
        return torch.stack(tensors)
    with no_grad():
        out = torch.stack(tensors).detach()
    return out.requires_grad_(required[0])


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let batch norms in a module, in place, have no running statistics, which other transformations cannot write."""
    from funcgrad.torch.nn.modules.batchnorm import _BatchNorm  # torch.func needs no layers else

    for module in root.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    return root


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """The function itself, which needs no change: what writes in place is traced by the other transformations as well.

    RuntimeError for `remove` that is neither "mutations" nor "mutations_and_views".
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are:\n"
            "     remove='mutations': all inplace and out= operators will be removed from the program, and replaced "
            "with their out-of-place equivalents.\n     remove='mutations_and_views': In addition to the above, all "
            "aliasing operators {view} will be replaced with their non-aliasing counterparts, {view}_copy.\n"
        )

    @wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return call
