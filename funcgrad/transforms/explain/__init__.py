"""explain: for every differentiated leaf, whether its gradient flows, and if not, which line ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from funcgrad.transforms.arguments import Argnums
from funcgrad.transforms.decorating import derived
from funcgrad.transforms.function import Transformed

if TYPE_CHECKING:
    from funcgrad.transforms.explain.report import Report


@derived
def explain(fun: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Report]:
    """Why the gradient of `fun` is what it is.

    Args:
        fun: the function as it is given to `grad`. It may return any pytree of arrays; what is explained is
            then the gradient of the sum of all their elements, and the report says so.
        argnums: the position, or positions, of the differentiated arguments.

    Returns:
        A function of the same arguments that returns a `Report`: for each leaf of these arguments whether
        the output depends on it, by how many paths, which call at which line cuts them, why the gradient is
        zero, NaN or infinite, and what to write instead. `print` it, show it in a notebook, or read its
        `leaves`. It changes no value, and where `grad` would refuse an argument or a conversion, it
        says so instead of raising. `fun` is called once where `grad` runs it; again where `grad` refuses
        something in it, where it raises with values that `grad` would see plain (the next call has them
        plain), and to find what the output depends on where it does not depend on an argument; the report
        says so where it prints or draws random numbers. An error of `fun` itself is raised.

    Example:
        >>> import numpy as np
        >>> report = explain(lambda x: np.sum(np.floor(x)))(np.array([1.5, 2.5]))
        >>> leaf = report.leaves[0]
        >>> leaf.status, leaf.cuts[0].op, leaf.paths_total, leaf.paths_cut
        ('cut', 'floor', 1, 1)
    """
    return Transformed(_explain, fun, argnums=argnums)


def _explain(fun: Any, args: tuple, kwargs: dict, argnums: Argnums) -> Report:
    from funcgrad.transforms.explain.diagnose import diagnose  # 6 ms that `import funcgrad` need not take

    return diagnose(fun, args, kwargs, argnums)
