"""Pytrees: nested containers seen as a list of leaves and a structure, with JAX's names.

    leaves, structure = fg.tree.flatten({'w': [1, 2]})

`funcgrad.tree_util` has the same under the names of `jax.tree_util`.
"""

import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.tree.functions import all as all  # noqa: A004
from funcgrad.tree.functions import all_leaves as all_leaves
from funcgrad.tree.functions import broadcast as broadcast
from funcgrad.tree.functions import flatten_with_path as flatten_with_path
from funcgrad.tree.functions import leaves_with_path as leaves_with_path
from funcgrad.tree.functions import map_with_path as map_with_path
from funcgrad.tree.functions import reduce_associative as reduce_associative
from funcgrad.tree.functions import transpose as transpose
from funcgrad.tree.functions import treedef_children as treedef_children
from funcgrad.tree.functions import treedef_is_leaf as treedef_is_leaf
from funcgrad.tree.functions import treedef_tuple as treedef_tuple
from funcgrad.tree.keys import DictKey as DictKey
from funcgrad.tree.keys import FlattenedIndexKey as FlattenedIndexKey
from funcgrad.tree.keys import GetAttrKey as GetAttrKey
from funcgrad.tree.keys import SequenceKey as SequenceKey
from funcgrad.tree.keys import keystr as keystr
from funcgrad.tree.kinds import StructureError as StructureError
from funcgrad.tree.kinds import UnsortableKeysError as UnsortableKeysError
from funcgrad.tree.kinds import exact as exact
from funcgrad.tree.nodes import LEAF as LEAF
from funcgrad.tree.nodes import TreeDef as TreeDef
from funcgrad.tree.nodes import flatten as flatten
from funcgrad.tree.nodes import flatten_prefix as flatten_prefix
from funcgrad.tree.nodes import flatten_up_to as flatten_up_to
from funcgrad.tree.nodes import leaf_paths as leaf_paths
from funcgrad.tree.nodes import leaves as leaves
from funcgrad.tree.nodes import map as map  # noqa: A004
from funcgrad.tree.nodes import reduce as reduce
from funcgrad.tree.nodes import structure as structure
from funcgrad.tree.nodes import unflatten as unflatten
from funcgrad.tree.registration import Partial as Partial
from funcgrad.tree.registration import register_dataclass as register_dataclass
from funcgrad.tree.registration import register_pytree_node as register_pytree_node
from funcgrad.tree.registration import register_pytree_node_class as register_pytree_node_class
from funcgrad.tree.registration import register_pytree_with_keys as register_pytree_with_keys
from funcgrad.tree.registration import register_pytree_with_keys_class as register_pytree_with_keys_class
from funcgrad.tree.registration import register_static as register_static
from funcgrad.tree.registration import static as static

globals().update(_entrances(globals()))
__all__ = _public_names(globals())
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
