"""What the user calls a tensor: the variable or attribute that holds it, or the one it was assigned to."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from inspect import CO_OPTIMIZED
from types import CodeType, FrameType, FunctionType
from typing import Any

from funcgrad.core.provenance import is_internal, is_users, place
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.explain.places import short

_ASSIGNED = re.compile(r"(?:self\.)?(\w+)\s*(?::[^=]+)?=[^=]")
_ROOT = re.compile(r"[.\[]")
HELD = 3
"""How often a copy of a frame's variables is held that the user has not asked for: by the frame, here, by the count."""
_FEW = 64
"""Longer lists and dicts are not looked through."""


def users_frame() -> FrameType | None:
    """The innermost frame that is the user's; where there is none, that of the library that calls us."""
    frame: FrameType | None = sys._getframe(1)
    foreign: FrameType | None = None
    while frame is not None and not is_users(frame.f_code.co_filename):
        if foreign is None and not is_internal(frame.f_code.co_filename):
            foreign = frame
        frame = frame.f_back
    return frame or foreign


class Names:
    """The tensors and modules that a frame can see, by name; `run` is the code around it, and of functions it calls."""

    def __init__(self, frame: FrameType | None) -> None:
        self.tensors: dict[int, tuple[str, Tensor]] = {}
        self.modules: list[tuple[str, Any]] = []
        self._read: set[str] = set()
        self.run: set[CodeType] = set()
        if frame is None:
            return
        variables = frame.f_locals
        self._read, self.run = _read_by(frame.f_code, {**frame.f_globals, **variables})
        outer = frame.f_back
        while outer is not None:
            if is_users(outer.f_code.co_filename):
                self.run |= _read_by(outer.f_code, outer.f_globals)[1]
            outer = outer.f_back
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
        taken = assigned is not None and any(assigned.group(1) == name for name, _ in self.tensors.values())
        if assigned is None or taken:
            return f"the leaf made at {short(where)}"
        return f"`{assigned.group(1)}` ({short(where)})"

    def _near(self) -> list[tuple[str, Tensor]]:
        """The tensors that the code asking reads, by itself or in functions it calls; or else all, the last made first:
        a notebook is full of those of other cells."""
        found = list(self.tensors.values())
        read = [(name, x) for name, x in found if _ROOT.split(name, 1)[0] in self._read]
        return read if len(read) > 1 else sorted(found, key=lambda pair: -pair[1]._when)

    def plain(self) -> Iterator[tuple[str, Tensor]]:
        """Floating variables, not of modules, that do not require grad and were not cut off from what does."""
        of_modules = {id(t) for _, m in self.modules for t in (*m.parameters(), *m.buffers())}
        for name, x in self._near():
            if id(x) not in of_modules and x._read().dtype.kind in "fc" and not x.requires_grad and not x._cuts:
                yield name, x

    def late(self) -> Iterator[tuple[str, Tensor]]:
        """Leaves that began to require grad after they were made."""
        for name, x in self._near():
            story = x._own_story
            if story is None or story.origin != "requires_grad_" or not x.requires_grad:
                continue
            if x._made is not None and x._made != story.made:
                yield name, x

    def frozen(self) -> Iterator[tuple[str, Tensor]]:
        for name, x in self._near():
            if x._own_story is not None and x._own_story.switched is not None and not x.requires_grad:
                yield name, x


def _read_by(code: CodeType, variables: dict[str, Any]) -> tuple[set[str], set[CodeType]]:
    """The names that code reads, with those that the user's functions among them read, and the code of these."""
    found: set[str] = set()
    waiting, seen = [code], {code}
    for each in waiting:  # which grows
        names = {*each.co_names, *each.co_varnames, *each.co_cellvars, *each.co_freevars}
        functions = [variables.get(name) for name in names - found]
        inner = [f.__code__ for f in functions if isinstance(f, FunctionType) and is_users(f.__code__.co_filename)]
        inner += [const for const in each.co_consts if isinstance(const, CodeType)]
        waiting += [c for c in inner if c not in seen]
        seen.update(inner)
        found |= names
    return found, seen


def is_module(x: Any) -> bool:
    """Whether it is a module; whoever has one has imported them."""
    nn = sys.modules.get("funcgrad.torch.nn.modules.module")
    return nn is not None and isinstance(x, nn.Module)
