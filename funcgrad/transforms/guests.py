"""Objects of other libraries that stand for arrays, as `funcgrad.torch`'s Tensors do, in the arguments of users.

A library that has such adds its host to `HOSTS`. Where an argument holds an object of the class, the host runs the
transformation: it puts pytree nodes in the place of the objects, gives the user's function objects for them, and
returns objects where nodes come back. As long as there is no host, a call pays one test of an empty dict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from funcgrad import tree


class Host(Protocol):
    """`call(fun, given)` is the transformation called `name`, of a function, on a tree of what the user has given."""

    def __call__(self, name: str, call: Callable[..., Any], fun: Callable[..., Any], given: Any) -> Any: ...


HOSTS: dict[type, Host] = {}


def host_of(given: Any) -> Host | None:
    """Who runs a transformation on a tree of arguments; None where there are only arrays."""
    try:
        leaves = tree.leaves(given)
    except TypeError:  # no tree: the transformation says so, with the argument's name
        return None
    for kind, host in HOSTS.items():
        if any(isinstance(leaf, kind) for leaf in leaves):
            return host
    return None


def hosted(name: str, call: Callable[..., Any], fun: Callable[..., Any], given: Any) -> Any:
    """Run a transformation, by a host where somebody's objects are among what is given."""
    host = host_of(given) if HOSTS else None
    return call(fun, given) if host is None else host(name, call, fun, given)
