"""`module.explain_grads()`: a table over the named parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from funcgrad.torch._explain.memory import constant_evidence, last_entries, leaf_evidence
from funcgrad.torch._explain.names import Names, is_module
from funcgrad.torch._explain.remarks import remarks_on
from funcgrad.torch._explain.told import told
from funcgrad.torch._record.story import Replaced
from funcgrad.torch._record.tape import on_tape
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.optim.optimizer import living
from funcgrad.transforms.explain.causes.remembered.words import at
from funcgrad.transforms.explain.report import Report
from funcgrad.transforms.explain.table import Table
from funcgrad.transforms.explain.wording import in_order


def explain_grads(module: Any) -> Report:
    """The report on the gradients of all named parameters."""
    names = Names(None)
    found = dict(module.named_parameters())
    evidence = [
        (leaf_evidence if on_tape(p._read()) else constant_evidence)(p, name, names) for name, p in found.items()
    ]
    title = f"Gradients of {type(module).__name__}"
    shapes = [tuple(p.shape) for p in found.values()]
    return Table(title, [told(e) for e in evidence], list(_notes(module, found)), shapes)


def _notes(module: Any, found: dict[str, Tensor]) -> Iterator[str]:
    own = {id(p) for p in found.values()}
    yield from remarks_on(last_entries(found.values()))
    for path, inner in module.named_modules():
        where = f"{path}." if path else ""
        if "requires_grad" in vars(inner):
            flag = bool(vars(inner)["requires_grad"])
            yield f"`{where}requires_grad` was set on a module, which means nothing. Instead: requires_grad_({flag})."
        for name, x in vars(inner).items():
            if not name.startswith("_") and type(x) in (list, tuple, dict):
                yield from _unregistered(f"{where}{name}", x, own)
            elif isinstance(x, Tensor) and x.requires_grad and x.is_leaf and id(x) not in own:
                yield f"`{where}{name}` is no Parameter, so parameters() lacks it. Instead: torch.nn.Parameter(...)."
    held = [{id(p) for group in o.param_groups for p in group["params"]} for o in living()]
    stories = [p._own_story for p in found.values() if p.requires_grad and p._own_story is not None]
    since = min((story.passes[-1].when for story in stories if story.count > 1), default=None)
    used = since is not None and any(last > since for last in living().values())
    if used and not any(own & ids for ids in held):
        yield "No optimizer holds any of these parameters: step() and zero_grad() do nothing to them."
    for optimizer in living():
        params = [p for group in optimizer.param_groups for p in group["params"]]
        old = [(p, replaced) for p in params if id(p) not in own and (replaced := _replaced(p)) is not None]
        if any(id(replaced.by()) in own for _, replaced in old):
            labels = in_order([f"`{p._label}`{at(replaced.at.loc)}" for p, replaced in old])
            yield (
                f"{len(old)} of {len(params)} tensors in the {type(optimizer).__name__} are no longer in the module: "
                f"replaced were {labels}. Instead: make the optimizer after that."
            )


def _replaced(tensor: Tensor) -> Replaced | None:
    return None if tensor._own_story is None else tensor._story.replaced


def _unregistered(path: str, x: Any, own: set[int]) -> Iterator[str]:
    members = list(x.values()) if type(x) is dict else list(x)
    modules = [m for m in members if is_module(m) and any(id(p) not in own for p in m.parameters())]
    tensors = [t for t in members if isinstance(t, Tensor) and t._role == "" and t.requires_grad and id(t) not in own]
    kind = "Dict" if type(x) is dict else "List"
    if modules:
        yield (
            f"`{path}` holds {len(modules)} modules that are not registered, so parameters() lacks theirs. Instead: "
            f"torch.nn.Module{kind}."
        )
    if tensors:
        yield (
            f"`{path}` holds {len(tensors)} tensors that are not registered, so parameters() lacks them. Instead: "
            f"torch.nn.Parameter{kind}."
        )
