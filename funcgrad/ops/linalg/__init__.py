"""Linear algebra on stacks of matrices: `(*stack, n, m)`. Any number of leading axes; `vmap` adds one more.

`cholesky` and `eigh` read one triangle, as NumPy does, and differentiate as functions of the symmetric part
of their argument, as JAX does. Transposes do not conjugate.
"""

from funcgrad.ops.linalg.cofactors import cofactor
from funcgrad.ops.linalg.determinants import det, slogdet
from funcgrad.ops.linalg.factorisations import cholesky, qr
from funcgrad.ops.linalg.pseudoinverse import lstsq, pinv, stein
from funcgrad.ops.linalg.spectra import eig, eigh, eigvalsh, svd, svdvals
from funcgrad.ops.linalg.systems import inv, inv_or_nan, solve, triangular_solve
