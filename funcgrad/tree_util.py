"""Pytrees under the names of `jax.tree_util`: see `funcgrad.tree`."""

import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.tree import DictKey as DictKey
from funcgrad.tree import FlattenedIndexKey as FlattenedIndexKey
from funcgrad.tree import GetAttrKey as GetAttrKey
from funcgrad.tree import Partial as Partial
from funcgrad.tree import SequenceKey as SequenceKey
from funcgrad.tree import TreeDef as PyTreeDef  # noqa: F401
from funcgrad.tree import all as tree_all  # noqa: F401
from funcgrad.tree import all_leaves as all_leaves
from funcgrad.tree import broadcast as tree_broadcast  # noqa: F401
from funcgrad.tree import flatten as tree_flatten  # noqa: F401
from funcgrad.tree import flatten_with_path as tree_flatten_with_path  # noqa: F401
from funcgrad.tree import keystr as keystr
from funcgrad.tree import leaves as tree_leaves  # noqa: F401
from funcgrad.tree import leaves_with_path as tree_leaves_with_path  # noqa: F401
from funcgrad.tree import map as tree_map  # noqa: F401
from funcgrad.tree import map_with_path as tree_map_with_path  # noqa: F401
from funcgrad.tree import reduce as tree_reduce  # noqa: F401
from funcgrad.tree import reduce_associative as tree_reduce_associative  # noqa: F401
from funcgrad.tree import register_dataclass as register_dataclass
from funcgrad.tree import register_pytree_node as register_pytree_node
from funcgrad.tree import register_pytree_node_class as register_pytree_node_class
from funcgrad.tree import register_pytree_with_keys as register_pytree_with_keys
from funcgrad.tree import register_pytree_with_keys_class as register_pytree_with_keys_class
from funcgrad.tree import register_static as register_static
from funcgrad.tree import structure as tree_structure  # noqa: F401
from funcgrad.tree import transpose as tree_transpose  # noqa: F401
from funcgrad.tree import treedef_children as treedef_children
from funcgrad.tree import treedef_is_leaf as treedef_is_leaf
from funcgrad.tree import treedef_tuple as treedef_tuple
from funcgrad.tree import unflatten as tree_unflatten  # noqa: F401

globals().update(_entrances(globals()))
__all__ = _public_names(globals())
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
