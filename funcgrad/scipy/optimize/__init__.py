"""SciPy's `optimize`: minima, roots, fits. Derivatives are funcgrad's, and solutions are differentiable.

Where a user gives no gradient or Jacobian, it is funcgrad's, compiled. Under a transformation a solution has the
derivatives that follow from the equation it solves, by the implicit function theorem; no derivative goes through the
search, and none along the first guess.
"""

from funcgrad.scipy.optimize.minimizing import minimize as minimize

__all__ = ["minimize"]
