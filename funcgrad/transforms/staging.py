"""Programs for users to look at: make_graph and eval_shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad import tree
from funcgrad.core.avals import ShapeDtypeStruct, aval_of, described, refusal
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.graph import Graph
from funcgrad.core.staging import trace_graph
from funcgrad.transforms.arguments import array_leaf, leaf_path, refused_output
from funcgrad.transforms.function import Transformed


def make_graph(fun: Callable[..., Any]) -> Callable[..., Graph]:
    """A function that returns the traced program of `fun` instead of running it.

    Example:
        >>> import numpy as np
        >>> print(make_graph(lambda x: np.sin(x) * 2.0)(1.0))
        def program(a: 'f64[]'):
            b = sin(a)  # f64[]
            c = mul(b, 2.0)  # f64[]
            return c,
    """
    return Transformed(_make_graph, fun)


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The shapes and dtypes of a function's output, without computing it.

    Arguments may be arrays or anything with a shape and a dtype. Returns a pytree of `ShapeDtypeStruct`.

    Example:
        >>> import numpy as np
        >>> eval_shape(lambda x: x @ x.T, np.ones((3, 2)))
        f64[3,3]
    """
    graph, out_tree = call_hiding_frames(stage, fun, args, kwargs, "eval_shape")
    return out_tree.unflatten([ShapeDtypeStruct(a.shape, a.dtype) for a in graph.out_avals])


def _make_graph(fun: Any, args: tuple, kwargs: dict) -> Graph:
    return stage(fun, args, kwargs, "make_graph")[0]


def stage(fun: Callable[..., Any], args: tuple, kwargs: dict, name: str) -> tuple[Graph, tree.TreeDef]:
    """Trace a function of pytrees; returns the program and the structure of the output."""
    leaves, treedef = tree.flatten((args, kwargs))
    avals = []
    for index, leaf in enumerate(leaves):
        if array_leaf(leaf) is not None:
            avals.append(aval_of(leaf))
        elif (aval := described(leaf)) is not None:
            avals.append(aval)
        else:
            raise TypeError(refusal(f"{name}: {_path(fun, args, kwargs, index)}", leaf))
    out_trees = []

    def flat(*inputs: Any) -> list[Any]:
        inner_args, inner_kwargs = treedef.unflatten(inputs)
        outputs, out_tree = tree.flatten(fun(*inner_args, **inner_kwargs))
        out_trees.append(out_tree)
        for index, y in enumerate(outputs):
            if array_leaf(y) is None:
                raise refused_output(y, name, index, out_tree)
        return outputs

    graph = trace_graph(flat, avals)
    return graph, out_trees[0]


def _path(fun: Callable[..., Any], args: tuple, kwargs: dict, index: int) -> str:
    for n, arg in enumerate(args):
        treedef = tree.structure(arg)
        if index < treedef.num_leaves:
            return leaf_path(fun, n, treedef, index)
        index -= treedef.num_leaves
    return f"keyword argument {list(tree.leaf_paths(kwargs))[index]}"
