"""What an entry has saved, as `grad_fn` shows it: `_saved_self`, and `_raw_saved_self`, on which hooks are registered.

An entry that is one operation of funcgrad's gets hooks afterwards by a change of its primitive to `REPLACED`, whose
pull puts what `unpack_hook` gives in the place of what was saved.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from funcgrad.core.avals import Aval
from funcgrad.core.tape import Node, TapeTracer
from funcgrad.torch._pass.engine import Pass, UsersRule
from funcgrad.torch._pass.gradfn import FREED, SAVED_OF, Freed, GradFn, role_of
from funcgrad.torch._pass.saved import OTHER_VALUES, REMADE, Packed, same, saved_tensors_hooks
from funcgrad.torch._pass.saved_names import name_of_role, role_of_name
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.tape import Watched, name_of, note_of, on_tape, own_note, raw
from funcgrad.torch._tensor.tensor import Tensor, fresh

ALREADY = (
    "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of hooks is "
    "allowed at a time."
)
AFTER = (
    "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph are "
    "freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved variables after calling backward."
)
NOTHING = "Calling register_hooks on a saved tensor with value None is forbidden"
ROLES = ("self", "other", "result")


class SavedTensor:
    """A tensor that an operation has saved; its `holder` knows where it is."""

    def __init__(self, holder: OfEntry | Any) -> None:
        self._holder = holder

    def register_hooks(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        """Keep what `pack_hook(tensor)` returns, which is called now; the backward pass takes `unpack_hook` of it."""
        if self._holder.freed():
            raise RuntimeError(AFTER)
        if self._holder.packed() is not None:
            raise RuntimeError(ALREADY)
        t = self._holder.tensor()
        if t is None:
            raise RuntimeError(NOTHING)
        self._holder.pack(saved_tensors_hooks(pack_hook, unpack_hook), t.detach())

    def unpack(self) -> Tensor | None:
        """The tensor, or what `unpack_hook` gives."""
        return self._holder.tensor()


class OfEntry:
    """One of those that an operation has saved: `self`, `other` or `result`."""

    def __init__(self, node: Node, role: str) -> None:
        self.node = node
        self.role = role
        if not self.freed() and self.packed() is None and self.watched() is None:
            called = name_of_role(name_of(node), role)
            raise AttributeError(f"'{name_of(node)}' object has no attribute '_saved_{called}'")

    def freed(self) -> bool:
        return type(self.node.saved) is Freed

    def packed(self) -> Packed | None:
        kept: Any = self.node.saved
        if self.node.prim is REPLACED:
            return kept.packed.get(self.role)
        if self.node.prim is not REMADE or self.freed():
            return None
        if self.role == "result":
            return kept.results.get(0)
        places = [i for i, is_tensor in enumerate(kept.tensors) if is_tensor]
        at = ROLES.index(self.role)
        return kept.operands.get(places[at]) if at < len(places) else None

    def watched(self) -> Watched | None:
        note = note_of(self.node)
        for watched in note.watch or () if note is not None else ():
            if self.role == role_of(watched):
                return watched
        return None

    def parent(self) -> Node | None:
        """The entry of what was saved."""
        if self.role == "result":
            return self.node
        if self.node.prim is REMADE:
            kept: Any = self.node.saved
            nodes = [n for n, is_tensor in zip(kept.nodes, kept.tensors) if is_tensor]
            return nodes[ROLES.index(self.role)]
        if self.node.prim is REPLACED and self.role in self.node.saved.parents:
            return self.node.saved.parents[self.role]
        watched: Any = self.watched()
        return watched.value.node if on_tape(watched.value) else None

    def tensor(self) -> Tensor:
        if self.freed():
            raise RuntimeError(FREED)
        packed, watched = self.packed(), self.watched()
        if packed is not None:
            value = raw(packed.tensor()._read())
        else:
            assert watched is not None
            value = watched.storage.value if self.role == "result" else raw(watched.value)
        node = self.parent()
        return fresh(value if node is None else TapeTracer(mode.tape, value, node))

    def pack(self, hooks: saved_tensors_hooks, t: Tensor) -> None:
        node = self.node
        if any(p is not None and (note := note_of(p)) is not None and note.inner for p in node.parents):
            raise NotImplementedError(
                f"register_hooks: {name_of(node)} is several operations in funcgrad.torch; use saved_tensors_hooks"
            )
        parent, watched = self.parent(), self.watched()
        packed = Packed(hooks, t)
        if node.prim is not REPLACED:
            node.saved, node.prim = Replaced(node), REPLACED
        node.saved.add(self.role, packed, parent, watched)
        note = own_note(node)
        note.watch = tuple(w for w in note.watch or () if w is not watched)


class Replaced:
    """What an operation has saved, of which some is given by hooks."""

    def __init__(self, node: Node) -> None:
        self.prim: Any = node.prim
        self.saved = node.saved
        self.node = weakref.ref(node)
        self.packed: dict[str, Packed] = {}
        self.parents: dict[str, Node | None] = {}
        self.slots: dict[str, int] = {}
        self.before: dict[str, Any] = {}

    def add(self, role: str, packed: Packed, parent: Node | None, watched: Watched | None) -> None:
        """Find the slot of what was saved; where the derivative reads none, it must come back as it was."""
        found: list[int] = []
        value = None if watched is None else raw(watched.value)

        slots = count()

        def link(v: Any, entry: Node | None) -> Any:
            slot = next(slots)
            if v is not None and type(v) is not Aval and (entry is parent if parent is not None else v is value):
                found.append(slot)
            return v

        node: Any = self.node()
        self.prim.relink(self.saved, node.parents, node, link)
        self.packed[role], self.parents[role] = packed, None if role == "result" else parent
        if found:
            self.slots[role] = found[-1 if role == "other" else 0]
        else:
            self.before[role] = watched.storage.value if watched is not None and role == "result" else value

    def values(self, run: Pass) -> Any:
        """The same, unpacked."""
        given: dict[int, Any] = {}
        node: Any = self.node()
        for role, packed in self.packed.items():
            value = packed.value(run)
            if role in self.slots:
                given[self.slots[role]] = value
            elif not same(value, self.before[role]):
                raise NotImplementedError(OTHER_VALUES.format(f"`{role}`", name_of(node)))

        slots = count()

        def link(v: Any, entry: Node | None) -> Any:
            v = given.get(next(slots), v)
            return run.link(v, entry) if run.create else v

        return self.prim.relink(self.saved, node.parents, node, link)


class _Replaced(UsersRule):
    """An operation of which hooks give what it has saved."""

    def back(self, saved: Any, run: Pass, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Any:
        replaced: Replaced = saved
        return replaced.prim.pull(replaced.values(run), tracked, ct, params)


REPLACED = _Replaced("replaced")


def saved_of(grad_fn: GradFn, name: str) -> Any:
    """`_saved_self` or `_raw_saved_self` of an entry, and so for the others."""
    is_raw, called = name.startswith("_raw"), name.removeprefix("_raw").removeprefix("_saved_")
    node = grad_fn._node
    role = role_of_name(name_of(node), called)
    if not role:
        raise AttributeError(f"'{name_of(node)}' object has no attribute '_saved_{called}'")
    holder = OfEntry(node, role)
    return SavedTensor(holder) if is_raw else holder.tensor()


SAVED_OF.append(saved_of)
