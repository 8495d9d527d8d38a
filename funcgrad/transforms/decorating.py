"""Transformations as decorators with options, and what type checkers know of them.

`grad(f, 1)`, `@grad` and `@grad(argnums=1)` are one function. Its result takes the arguments of the function that it is
given; a protocol for each kind of result says so, as a signature alone cannot. Of a universal function of NumPy's
checkers would take the first of several signatures, which is that of numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

import numpy as np

Function = Callable[..., Any]
Options = ParamSpec("Options")
P = ParamSpec("P")
R = TypeVar("R")
Result = TypeVar("Result", covariant=True)


def decorator(transformation: Function) -> Any:
    """Let a transformation return a decorator where it is given options only."""

    first = transformation.__code__.co_varnames[0]

    @wraps(transformation)
    def transform(*args: Any, **options: Any) -> Any:
        if args or first in options:
            return transformation(*args, **options)
        return partial(transformation, **options)

    return transform


class Derived(Protocol[Options, Result]):
    """Its result takes the function's arguments, and returns something else."""

    @overload
    def __call__(self, fun: np.ufunc, /, *args: Options.args, **options: Options.kwargs) -> Callable[..., Result]: ...
    @overload
    def __call__(
        self, fun: Callable[P, Any], /, *args: Options.args, **options: Options.kwargs
    ) -> Callable[P, Result]: ...
    @overload
    def __call__(self, **options: Any) -> Callable[[Callable[P, Any]], Callable[P, Result]]: ...


class WithValue(Protocol[Options]):
    """Its result returns what the function returns, and something else beside it."""

    @overload
    def __call__(
        self, fun: np.ufunc, /, *args: Options.args, **options: Options.kwargs
    ) -> Callable[..., tuple[Any, Any]]: ...
    @overload
    def __call__(
        self, fun: Callable[P, R], /, *args: Options.args, **options: Options.kwargs
    ) -> Callable[P, tuple[R, Any]]: ...
    @overload
    def __call__(self, **options: Any) -> Callable[[Callable[P, R]], Callable[P, tuple[R, Any]]]: ...


class Alike(Protocol[Options]):
    """Its result is called as the function is, and returns the same."""

    @overload
    def __call__(self, fun: np.ufunc, /, *args: Options.args, **options: Options.kwargs) -> Callable[..., Any]: ...
    @overload
    def __call__(self, fun: Callable[P, R], /, *args: Options.args, **options: Options.kwargs) -> Callable[P, R]: ...
    @overload
    def __call__(self, **options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def derived(
    transformation: Callable[Concatenate[Function, Options], Callable[..., Result]],
) -> Derived[Options, Result]:
    made: Derived[Options, Result] = decorator(transformation)
    return made


def with_value(transformation: Callable[Concatenate[Function, Options], Any]) -> WithValue[Options]:
    made: WithValue[Options] = decorator(transformation)
    return made


def alike(transformation: Callable[Concatenate[Function, Options], Any]) -> Alike[Options]:
    made: Alike[Options] = decorator(transformation)
    return made
