"""Classes that are nodes of pytrees."""
from __future__ import annotations

import functools
from builtins import map as builtin_map
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from funcgrad.tree.keys import FlattenedIndexKey, GetAttrKey
from funcgrad.tree.kinds import KINDS, NodeType, exact, is_dataclass, show_fields

__all__ = [
    "Partial", "register_dataclass", "register_pytree_node", "register_pytree_node_class", "register_pytree_with_keys",
    "register_pytree_with_keys_class", "register_static", "static",
]

_Class = TypeVar("_Class", bound=type)


def _register(kind: NodeType) -> None:
    if KINDS.setdefault(kind.cls, kind) is not kind:
        raise ValueError(f"{kind.cls.__qualname__} is already a pytree node")


def register_pytree_node(cls: type, flatten_fn: Callable[[Any], tuple[Iterable[Any], Any]],
                         unflatten_fn: Callable[[Any, tuple], Any]) -> None:
    """Make objects of class `cls`, not of its subclasses, nodes.

    flatten_fn(obj) returns (children, aux), and unflatten_fn(aux, children) the object, from a tuple of
    children. `aux` is compared by ==, and hashed where a TreeDef is. ValueError if `cls` is a node already.

    >>> class Pair:
    ...     def __init__(self, a, b): self.a, self.b = a, b
    >>> register_pytree_node(Pair, lambda p: ((p.a, p.b), 'aux'), lambda aux, children: Pair(*children))
    >>> fg.tree.flatten(Pair(1, 2))
    ([1, 2], PyTreeDef(CustomNode(Pair['aux'], [*, *])))
    """
    if not isinstance(cls, type):
        raise TypeError(f"register_pytree_node needs a class, got {cls!r}")

    def checked_flatten(node: Any) -> tuple[tuple, Any]:
        result = flatten_fn(node)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise TypeError(f"flatten_fn of {cls.__qualname__} must return (children, aux), got {result!r}")
        return tuple(result[0]), result[1]

    _register(NodeType(cls, checked_flatten, unflatten_fn,
                    lambda aux, count: [FlattenedIndexKey(i) for i in range(count)],
                    lambda aux, shown: f"CustomNode({cls.__name__}[{aux!r}], [{', '.join(shown)}])"))


def register_dataclass(cls: _Class | None = None, data_fields: Sequence[str] | None = None,
                       meta_fields: Sequence[str] | None = None) -> Any:
    """Make a dataclass a node: its data fields are children, its meta fields are part of the structure.

    A decorator, bare or with fields, or a call `register_dataclass(cls, data_fields, meta_fields)`; returns
    the class. With no fields given, those with `field(metadata={'static': True})` are meta and the others
    data; with one sort given, the rest are the other. Objects are rebuilt by `cls(**fields)`; fields with
    init=False are left to it. TypeError if `cls` is not a dataclass, ValueError if the names are not its init
    fields, each once.

    >>> import dataclasses
    >>> @register_dataclass
    ... @dataclasses.dataclass
    ... class Layer:
    ...     w: float
    ...     name: str = dataclasses.field(metadata={'static': True})
    >>> fg.tree.flatten(Layer(2.0, 'first'))
    ([2.0], PyTreeDef(Layer(w=*, name='first')))
    """
    if cls is None:
        return functools.partial(register_dataclass, data_fields=data_fields, meta_fields=meta_fields)
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise TypeError(f"register_dataclass needs a dataclass, got {cls!r}; write @dataclass below it")
    from dataclasses import fields as fields_of  # imported by who made the class

    fields = {field.name: field for field in fields_of(cls) if field.init}
    if meta_fields is not None:
        meta = tuple(meta_fields)
    elif data_fields is not None:
        meta = tuple([name for name in fields if name not in data_fields])
    else:
        meta = tuple([name for name, field in fields.items() if field.metadata.get("static")])
    data = tuple([name for name in fields if name not in meta]) if data_fields is None else tuple(data_fields)
    if sorted(data + meta) != sorted(fields):
        raise ValueError(f"data fields {list(data)} and meta fields {list(meta)} of {cls.__qualname__} must "
                         f"name each of its init fields {list(fields)} once, and no other")

    def flatten_fields(node: Any) -> tuple[list, tuple]:
        return [getattr(node, name) for name in data], tuple([getattr(node, name) for name in meta])

    def rebuild(aux: tuple, children: tuple) -> Any:
        return cls(**dict(zip(data, children)), **dict(zip(meta, aux)))

    _register(NodeType(cls, flatten_fields, rebuild, lambda aux, count: [GetAttrKey(name) for name in data],
                    lambda aux, shown: show_fields(cls, data + meta, (*shown, *builtin_map(repr, aux)))))
    return cls


def static(**options: Any) -> Any:
    """`dataclasses.field(**options)` for a field that is part of the structure of a registered dataclass.

    >>> import dataclasses
    >>> @register_dataclass
    ... @dataclasses.dataclass
    ... class Scale:
    ...     by: float
    ...     unit: str = static(default='m')
    >>> fg.tree.leaves(Scale(2.0))
    [2.0]
    """
    from dataclasses import field

    metadata = {**(options.pop("metadata", None) or {}), "static": True}
    return field(metadata=metadata, **options)


def register_pytree_node_class(cls: _Class) -> _Class:
    """Make a class a node by its methods `tree_flatten(self)` and, of the class, `tree_unflatten(aux, children)`.

    >>> @register_pytree_node_class
    ... class Pair:
    ...     def __init__(self, *pair): self.pair = pair
    ...     def tree_flatten(self): return self.pair, None
    ...     @classmethod
    ...     def tree_unflatten(cls, aux, children): return cls(*children)
    >>> fg.tree.leaves(Pair(1, 2))
    [1, 2]
    """
    register_pytree_node(cls, lambda node: node.tree_flatten(), cls.tree_unflatten)  # type: ignore[attr-defined]
    return cls


class _Keyed:
    """What a node holds besides its children, and the steps to these, which do not count when it is compared."""

    __slots__ = ("aux", "keys")

    def __init__(self, aux: Any, keys: tuple[Any, ...]) -> None:
        self.aux, self.keys = aux, keys

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and exact(self.aux) == exact(other.aux)

    def __hash__(self) -> int:
        return hash(exact(self.aux))

    def __repr__(self) -> str:
        return repr(self.aux)


def register_pytree_with_keys(cls: type, flatten_with_keys: Callable[[Any], tuple[Iterable[tuple[Any, Any]], Any]],
                              unflatten_func: Callable[[Any, tuple], Any]) -> None:
    """As `register_pytree_node`; flatten_with_keys(obj) returns (pairs of a step and a child, aux).

    Steps are `GetAttrKey`, `SequenceKey`, `DictKey` or anything that prints as what follows the object in Python.

    >>> class Pair:
    ...     def __init__(self, a, b): self.a, self.b = a, b
    >>> register_pytree_with_keys(
    ...     Pair, lambda p: (((GetAttrKey('a'), p.a), (GetAttrKey('b'), p.b)), None), lambda aux, pair: Pair(*pair))
    >>> list(fg.tree.leaf_paths(Pair(1, [2])))
    ['.a', '.b[0]']
    """

    def flatten(node: Any) -> tuple[tuple, _Keyed]:
        pairs, aux = flatten_with_keys(node)
        keys, children = zip(*pairs) if (pairs := tuple(pairs)) else ((), ())
        return children, _Keyed(aux, keys)

    _register(NodeType(cls, flatten, lambda keyed, children: unflatten_func(keyed.aux, children),
                    lambda keyed, count: [key if isinstance(key, str) else str(key) for key in keyed.keys],
                    lambda keyed, shown: f"CustomNode({cls.__name__}[{keyed!r}], [{', '.join(shown)}])"))


def register_pytree_with_keys_class(cls: _Class) -> _Class:
    """As `register_pytree_node_class`, by `tree_flatten_with_keys(self)`, which names the children.

    >>> @register_pytree_with_keys_class
    ... class Box:
    ...     def __init__(self, content): self.content = content
    ...     def tree_flatten_with_keys(self): return [(GetAttrKey('content'), self.content)], None
    ...     @classmethod
    ...     def tree_unflatten(cls, aux, children): return cls(*children)
    >>> list(fg.tree.leaf_paths(Box(1)))
    ['.content']
    """
    named: Any = cls
    register_pytree_with_keys(cls, lambda node: node.tree_flatten_with_keys(), named.tree_unflatten)
    return cls


def register_static(cls: _Class) -> _Class:
    """Make objects of a class a part of the structure, without leaves. They are compared by ==, and hashed.

    >>> @register_static
    ... class Mode(str): pass
    >>> fg.tree.flatten([Mode('train'), 1.0])[0]
    [1.0]
    """
    _register(NodeType(cls, lambda node: ((), node), lambda node, children: node, lambda aux, count: [],
                    lambda aux, shown: repr(aux)))
    return cls


class Partial(functools.partial):
    """`functools.partial` as a node: the arguments are children, the function is part of the structure.

    >>> fg.tree.leaves(Partial(max, 1.0, default=2.0))
    [1.0, 2.0]
    """


register_pytree_with_keys(
    Partial, lambda p: (((GetAttrKey("args"), p.args), (GetAttrKey("keywords"), p.keywords)), p.func),
    lambda func, children: Partial(func, *children[0], **children[1]))
