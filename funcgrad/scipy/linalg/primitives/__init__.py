"""Primitives that SciPy computes, on stacks of matrices `(*stack, n, m)`. They differentiate as those of `ops.linalg`.

They stand here, and not in `ops`, as nothing in `ops` needs SciPy.
"""
