"""What the user calls a tensor: the variable or attribute that holds it, or the one it was assigned to."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from inspect import CO_OPTIMIZED
from types import FrameType
from typing import Any

from funcgrad.core.provenance import is_internal, place
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.explain.places import short

_ASSIGNED = re.compile(r"(?:self\.)?(\w+)\s*(?::[^=]+)?=[^=]")
HELD = 3
"""How often a copy of a frame's variables is held that the user has not asked for: by the frame, here, by the count."""
_FEW = 64
"""Longer lists and dicts are not looked through."""


def users_frame() -> FrameType | None:
    """The innermost frame that is not ours."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


class Names:
    """The tensors and modules that a frame can see, by name."""

    def __init__(self, frame: FrameType | None) -> None:
        self.tensors: dict[int, tuple[str, Tensor]] = {}
        self.modules: list[tuple[str, Any]] = []
        self.code = None if frame is None else frame.f_code
        if frame is None:
            return
        variables = frame.f_locals
        for scope in (variables, frame.f_globals):
            for name, x in list(scope.items()):
                if not name.startswith("__"):
                    self._see(name, x, 0)
        x = None
        if type(variables) is dict and frame.f_code.co_flags & CO_OPTIMIZED and sys.getrefcount(variables) <= HELD:
            variables.clear()  # before Python 3.13 a copy that the frame would keep, and which is nobody else's

    def _see(self, name: str, x: Any, depth: int) -> None:
        if isinstance(x, Tensor):
            self.tensors.setdefault(id(x), (name, x))
        elif is_module(x) and "_parameters" in vars(x):  # one that is being made may not have them yet
            self.modules.append((name, x))
            for path, p in (*x.named_parameters(), *x.named_buffers()):
                self.tensors.setdefault(id(p), (f"{name}.{path}", p))
            for key, y in vars(x).items():
                if isinstance(y, Tensor):
                    self.tensors.setdefault(id(y), (f"{name}.{key}", y))
        elif type(x) in (list, tuple, dict) and depth < 2 and len(x) <= _FEW:
            for key, y in x.items() if type(x) is dict else enumerate(x):
                self._see(f"{name}[{key!r}]", y, depth + 1)
        elif name == "self" and hasattr(x, "__dict__"):
            for key, y in list(vars(x).items()):
                self._see(f"self.{key}", y, depth + 1)

    def of(self, tensor: Tensor) -> str:
        """`` `w` (f.py:3)``, from a variable or from where it was made."""
        found = self.tensors.get(id(tensor))
        story = tensor._own_story
        made = story.made if story is not None and story.made is not None else tensor._made
        if made is None:
            return f"`{found[0]}`" if found is not None else "a leaf"
        where = place(made)
        if found is not None:
            return f"`{found[0]}` ({short(where)})"
        assigned = _ASSIGNED.match(where.source)
        if tensor._label:
            owner = f"{assigned.group(1)}." if assigned is not None and f"= {tensor._label}" not in where.source else ""
            return f"`{owner}{tensor._label}` ({short(where)})"
        return f"`{assigned.group(1)}` ({short(where)})" if assigned else f"the leaf made at {short(where)}"

    def plain(self) -> Iterator[tuple[str, Tensor]]:
        """Floating variables, not of modules, that do not require grad and were not cut off from what does."""
        of_modules = {id(t) for _, m in self.modules for t in (*m.parameters(), *m.buffers())}
        for name, x in self.tensors.values():
            if id(x) not in of_modules and x._read().dtype.kind in "fc" and not x.requires_grad and not x._cuts:
                yield name, x

    def late(self) -> Iterator[tuple[str, Tensor]]:
        """Leaves that began to require grad after they were made."""
        for name, x in self.tensors.values():
            story = x._own_story
            if story is None or story.origin != "requires_grad_" or not x.requires_grad:
                continue
            if x._made is not None and x._made != story.made:
                yield name, x

    def frozen(self) -> Iterator[tuple[str, Tensor]]:
        for name, x in self.tensors.values():
            if x._own_story is not None and x._own_story.switched is not None and not x.requires_grad:
                yield name, x


def is_module(x: Any) -> bool:
    """Whether it is a module; whoever has one has imported them."""
    nn = sys.modules.get("funcgrad.torch.nn.modules.module")
    return nn is not None and isinstance(x, nn.Module)
