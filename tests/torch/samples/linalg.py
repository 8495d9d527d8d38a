"""`torch.linalg` and its older names. Vectors have no sign: expressions of them do not depend on it."""

from __future__ import annotations

import math

from tests.torch.samples.products import A, B, S, T, U, V, W, several

M = [[2.0, 1.0, 0.5], [0.3, 3.0, 0.2], [0.1, 0.4, 1.5]]
P = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]]
LOWER = [[4.0, 9.0, 9.0], [1.0, 3.0, 9.0], [0.5, -0.2, 2.0]]
SINGULAR = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 1.0, 1.0]]
INDEFINITE = [[4.0, 1.0], [1.0, -3.0]]
CM = [[2.0 + 0.5j, 1.0, 0.5j], [0.3, 3.0 - 1j, 0.2], [0.1, 0.4 + 0.2j, 1.5]]
CP = [[4.0, 1.0 + 0.5j, 0.5], [1.0 - 0.5j, 3.0, -0.2j], [0.5, 0.2j, 2.0]]
CV = [[0.3 + 1j, -0.7, 1.6 - 0.5j], [0.5j, 2.5, -1.25 + 1j], [1.0, 0.5 - 1j, 0.25j]]
COMPLEX = ("complex128", "complex64")
WHOLE = ("int64",)
NONE = [[], []]
SQUARES = ((M,), ([M, P],), (S,))
LOW = [[2.0, 0.0, 0.0], [0.3, 3.0, 0.0], [0.1, 0.4, 1.5]]
UP = [[2.0, 0.3, 0.1], [0.0, 3.0, 0.4], [0.0, 0.0, 1.5]]
CLOW = [[2.0, 0.0, 0.0], [0.3 + 1j, 3.0, 0.0], [0.1, 0.4 - 0.5j, 1.5]]
WRONG = ((A,), (V,), (2.0,), (NONE,))
MANY_STEPS = {"ulps": 64, "why": "a factorisation and its inverse: LAPACKs differ in the order of their sums"}

DETERMINANTS = (
    several(
        SQUARES + WRONG,
        """torch.linalg.det(x); torch.det(x); x.det(); torch.linalg.slogdet(x); torch.slogdet(x); torch.logdet(x);
        torch.linalg.inv(x); torch.inverse(x); torch.linalg.inv_ex(x); x.inverse(); x.logdet(); x.slogdet()""",
        **MANY_STEPS,
    )
    + several(((SINGULAR,), ([M, SINGULAR],)), "torch.linalg.inv(x * 1); torch.linalg.inv_ex(x, check_errors=True)")
    + several(((SINGULAR,), ([M, SINGULAR],)), "torch.linalg.inv_ex(x)[1]; torch.linalg.inv_ex(x)[0].shape")
    + several(((CM,), ([CM, CP],)), "torch.linalg.inv(x); torch.linalg.det(x)", dtypes=COMPLEX, **MANY_STEPS)
    + several(((CM,),), "torch.linalg.slogdet(x)[1]; torch.linalg.slogdet(x)[0]; torch.logdet(x)", dtypes=COMPLEX,
              **MANY_STEPS)
    + several(
        (([[1, 2], [3, 4]],),),
        """torch.linalg.inv(x); torch.linalg.det(x); torch.linalg.slogdet(x); torch.linalg.inv(x.half());
        torch.linalg.det(x.half()); torch.linalg.inv(2)""",
        dtypes=WHOLE,
    )
)  # fmt: skip
EQUATIONS = (
    several(
        ((M, V), (M, B), ([M, P], V), (M, [B, B]), ([M, P], [V, W]), (M, A), (A, V), (V, V), (M, 1.0), (M, [1.0, 2.0]),
         ([M, P], [B, B, B]), (NONE, NONE)),
        "torch.linalg.solve(x, y); torch.linalg.solve_ex(x, y); torch.linalg.solve(x, y, left=False)",
        **MANY_STEPS,
    )
    + several(
        ((SINGULAR, V), ([M, SINGULAR], V)),
        "torch.linalg.solve(x * 1, y); torch.linalg.solve_ex(x, y, check_errors=True); torch.linalg.solve_ex(x, y)[1]",
    )
    + several(
        ((M, B), (M, A), ([M, P], B), (M, [B, B]), (M, V), (A, A), ([M, P], [B, B, B])),
        """torch.linalg.solve_triangular(x, y, upper=True); torch.linalg.solve_triangular(x, y, upper=False);
        torch.linalg.solve_triangular(x, y, upper=False, left=False);
        torch.linalg.solve_triangular(x, y, upper=True, unitriangular=True); torch.triangular_solve(y, x);
        torch.triangular_solve(y, x, upper=False, transpose=True, unitriangular=True);""",
        **MANY_STEPS,
    )
    + several(
        ((LOW, B), ([LOW, LOW], B), (LOW, V), (V, B), (LOW, A)),
        "torch.cholesky_solve(y, x); y.cholesky_solve(x)",
        **MANY_STEPS,
    )
    + several(((UP, B), (UP, [B, B])), "torch.cholesky_solve(y, x, upper=True)", **MANY_STEPS)
    + several(((CLOW, CV),), "torch.cholesky_solve(y, x)", dtypes=COMPLEX, **MANY_STEPS)
    + several(((CM, CV),), "torch.linalg.solve(x, y); torch.linalg.solve(x, y, left=False);"
              "torch.linalg.solve_triangular(x, y, upper=True)", dtypes=COMPLEX,
              **MANY_STEPS)
    + several(
        ((B, V), (B, U[1]), (M, V), (A, [1.0, 2.0]), (A, A), ([B, B], [V, W]), (V, V), (A, V), ([B, B], [U[1], U[0]])),
        """torch.linalg.lstsq(x, y); torch.linalg.lstsq(x, y, driver='gels'); torch.linalg.lstsq(x, y, driver='gelsd');
        torch.linalg.lstsq(x, y, driver='gelss'); torch.linalg.lstsq(x, y, driver='lapack')""",
        ulps=300,
        why="by the pseudo-inverse, which loses as much as its condition number",
    )
)  # fmt: skip
CHOLESKY = (
    several(
        ((P,), ([P, [[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 3.0]]],), (LOWER,), ([[2.5]],), *WRONG),
        "torch.linalg.cholesky(x); torch.linalg.cholesky_ex(x)",
        **MANY_STEPS,
    )
    + several(((P,), ([[2.5]],), (LOWER,), (A,), (V,)), "torch.cholesky(x); x.cholesky()", **MANY_STEPS)
    + several(((P,), ([[2.5]],)), "torch.linalg.cholesky(x, upper=True); torch.cholesky(x, upper=True)", **MANY_STEPS)
    + several(((LOW,), ([LOW, LOW],), (A,), (V,)), "torch.cholesky_inverse(x); x.cholesky_inverse()", **MANY_STEPS)
    + several(((UP,),), "torch.cholesky_inverse(x, upper=True)", **MANY_STEPS)
    + several(((CLOW,),), "torch.cholesky_inverse(x)", dtypes=COMPLEX, **MANY_STEPS)
    + several(
        ((INDEFINITE,), ([S, INDEFINITE],), (SINGULAR,)),
        """torch.linalg.cholesky(x * 1); torch.linalg.cholesky_ex(x, check_errors=True);
        torch.linalg.cholesky_ex(x)[1]; torch.cholesky(x * 1)""",
    )
    + several(
        ((CP,),),
        "torch.linalg.cholesky(x).abs(); torch.linalg.cholesky(x).grad_fn.name()",
        dtypes=COMPLEX,
        **MANY_STEPS,
    )
    + several((([[4, 1], [1, 3]],),), "torch.linalg.cholesky(x); torch.linalg.cholesky(x.half())", dtypes=WHOLE)
)  # fmt: skip
ORTHOGONAL = (
    several(
        ((M,), ([M, P],), (B,), (A,), (V,), (NONE,)),
        "torch.linalg.qr(x)[1]; torch.linalg.qr(x); torch.qr(x); torch.linalg.qr(x, 'full')",
        **MANY_STEPS,
    )
    + several(((M,), (A,)), "torch.linalg.qr(x, mode='complete'); torch.qr(x, some=False)", **MANY_STEPS)
    + several(((M,), (B,)), "torch.linalg.qr(x.detach(), mode='r'); torch.linalg.qr(x.detach(), 'complete')", ulps=64,
              why="signs and sums of LAPACK")
    + several(((CM,),), "torch.linalg.qr(x)", dtypes=COMPLEX, **MANY_STEPS)
    + several(
        ((B, [0.5, 1.2]), (M, V), (M, [0.5, 1.2]), (A, V), (V, V), (M, [1.0, 2.0, 3.0, 4.0]), ([M, M], [V, W])),
        "torch.linalg.householder_product(x, y); torch.orgqr(x, y)",
        **MANY_STEPS,
    )
    + several(((B, [0.5, 1.2]), (M, V)), "torch.ormqr(x, y, x); torch.geqrf(x.detach())", **MANY_STEPS)
)  # fmt: skip
SPECTRAL = {"ulps": 512, "why": "LAPACKs differ, and quotients of differences of eigenvalues magnify it"}
SPECTRA = (
    several(
        ((P,), ([P, M],), (LOWER,), (S,), *WRONG),
        """torch.linalg.eigvalsh(x); torch.linalg.eigh(x)[0]; torch.linalg.eigh(x)[1] ** 2;
        torch.linalg.eigvalsh(x, 'U');
        torch.linalg.eigh(x, UPLO='U')[1].abs();
        torch.linalg.eigh(x)[1].grad_fn.name(); torch.linalg.eigvalsh(x, 'Q')""",
        **SPECTRAL,
    )
    + several(
        ((M,), ([M, P],), (B,), (A,), (V,), (2.0,)),
        """torch.linalg.svdvals(x); torch.linalg.svd(x)[1]; torch.linalg.svd(x, full_matrices=False)[0] ** 2;
        torch.linalg.svd(x, full_matrices=False)[2] ** 2; torch.linalg.svd(x, False)[0].grad_fn.name(); torch.svd(x)[1];
        torch.svd(x)[2] ** 2; torch.svd(x, compute_uv=False); torch.linalg.svd(x, driver='gesvd')""",
        **SPECTRAL,
    )
    + several(
        ((M,), (B,), (A,)),
        """(torch.linalg.svd(x)[0][..., :2] ** 2); torch.linalg.svd(x)[0].shape; torch.linalg.svd(x)[2].shape;
        torch.svd(x, some=False)[2].shape""",
        **SPECTRAL,
    )
    + several(
        ((M,), (S,)),
        """(torch.linalg.eigvals(x) ** 3).sum(); (torch.linalg.eig(x)[0].real ** 3).sum();
        (torch.linalg.eig(x)[1].abs() * torch.linalg.eig(x)[0].abs()).sum(1); torch.linalg.eigvals(x).dtype;
        torch.linalg.eigvals(x).grad_fn.name(); torch.linalg.eig(x)[1].grad_fn.name()""",
        **SPECTRAL,
    )
    + several(WRONG[:3], "torch.linalg.eig(x); torch.linalg.eigvals(x)")
    + several(
        ((CP,),),
        "torch.linalg.eigvalsh(x); torch.linalg.eigh(x)[1].abs(); torch.linalg.svdvals(x);"
        "torch.linalg.svd(x, False)[0].abs(); (torch.linalg.eigvals(x) ** 2).sum()",
        dtypes=COMPLEX,
        **SPECTRAL,
    )
    + several(
        ((M,), (B,), (A,), ([M, P],), *WRONG[:3]),
        """torch.linalg.pinv(x); torch.pinverse(x); torch.linalg.matrix_rank(x); torch.linalg.pinv(x, rtol=0.1);
        torch.linalg.pinv(x, 0.1); torch.linalg.matrix_rank(x, 1.5); torch.linalg.matrix_rank(x, atol=1.5);
        torch.linalg.matrix_rank(x, rtol=0.5); x.pinverse()""",
        ulps=300,
        why="LAPACK's singular vectors",
    )
    + several(((SINGULAR,), ([M, SINGULAR],), (NONE,)), "torch.linalg.matrix_rank(x * 1)")
    + several(((NONE,),), "torch.linalg.pinv(x.detach())")
    + several(((M,), (P,)), "torch.linalg.pinv(x, atol=1.8).detach(); torch.linalg.pinv(x, rtol=0.5).detach();"
              "torch.linalg.matrix_rank(x, hermitian=True)", ulps=64, why="LAPACK's singular vectors")
    + several(((P,),), "torch.linalg.pinv(x, hermitian=True)", **SPECTRAL)
    + several(((CM,),), "torch.linalg.pinv(x)", dtypes=COMPLEX, **SPECTRAL)
    + several(
        (([[1, 2], [3, 4]],),),
        """torch.linalg.eigh(x); torch.linalg.eig(x); torch.linalg.svd(x); torch.linalg.qr(x); torch.linalg.pinv(x);
        torch.linalg.matrix_rank(x); torch.linalg.svdvals(x.half()); torch.linalg.eigh(x.half());
        torch.linalg.eigvals(x.half()); torch.linalg.qr(x.half())""",
        dtypes=WHOLE,
    )
)  # fmt: skip
NO_SECOND = {"orders": 1, "ulps": 64, "why": "LAPACK; PyTorch's second derivative is a tensor without numbers"}
NORMS = (
    several(
        ((M,), (V,), ([M, P],), (A,), (NONE,)),
        """torch.linalg.norm(x); torch.linalg.norm(x, 2); torch.linalg.norm(x, 'fro'); torch.linalg.norm(x, 'nuc');
        torch.linalg.norm(x, 3); torch.linalg.norm(x, dim=0); torch.linalg.norm(x, 'fro', (0, 1), True);
        torch.linalg.norm(x, 'x'); torch.linalg.norm(x, 2, (0, 1)); torch.linalg.norm(x, 'fro', 0);
        torch.linalg.norm(x, 'nuc', (0, 0)); torch.linalg.norm(x, 2, (0, 1, 2)); torch.linalg.vector_norm(x);
        torch.linalg.vector_norm(x, 0); torch.linalg.vector_norm(x, 3, 0, True);
        torch.linalg.vector_norm(x, dtype=torch.float64); torch.linalg.vector_norm(x, dtype=torch.int64);
        torch.linalg.vector_norm(x, dtype=torch.complex64); torch.linalg.vector_norm(x, -1);
        torch.linalg.vector_norm(x, 2.5)""",
        **MANY_STEPS,
    )
    + several(
        (([0.0, 0.0],), ([[0.0, 0.0], [1.0, 2.0]],)),
        "torch.linalg.vector_norm(x + 0, 2, -1); torch.linalg.norm(x + 0, dim=-1); torch.linalg.vector_norm(x + 0, -1)",
        exact=True,
        why="PyTorch's second derivative at zero is 0 / 0",
    )
    + several(
        ((M,), (V,), ([M, P],), (A,), (2.0,), ([0.0, 0.0],)),
        """torch.linalg.norm(x, 1); torch.linalg.norm(x, inf); torch.linalg.norm(x, -inf); torch.linalg.norm(x, -1);
        torch.linalg.norm(x, 1, 0, True); torch.linalg.norm(x, inf, (1, 0)); torch.linalg.norm(x, 'fro', None);
        torch.linalg.vector_norm(x, 1, -1); torch.linalg.vector_norm(x, inf); torch.linalg.vector_norm(x, -inf)""",
        **NO_SECOND,
    )
    + several(((NONE,),), "torch.linalg.norm(x.detach(), 1); torch.linalg.norm(x.detach(), inf);"
              "torch.linalg.vector_norm(x, -2.0)")
    + several(
        ((M,), (A,), (B,), ([M, P],), ([A, A],), (V,)),
        """torch.linalg.matrix_norm(x); torch.linalg.matrix_norm(x, 'nuc'); torch.linalg.matrix_norm(x, 2);
        torch.linalg.matrix_norm(x, -2); torch.linalg.matrix_norm(x, 2, dim=(1, 0), keepdim=True);
        torch.linalg.matrix_norm(x, 3);
        torch.linalg.matrix_norm(x, dim=(0, 5)); torch.linalg.matrix_norm(x, dim=(0, 0));
        torch.linalg.matrix_norm(x, 'fro', (0, -1), True)""",
        **MANY_STEPS,
    )
    + several(
        ((M,), (A,), (B,), ([M, P],), ([A, A],), (V,)),
        """torch.linalg.matrix_norm(x, 1); torch.linalg.matrix_norm(x, -1); torch.linalg.matrix_norm(x, -inf);
        torch.linalg.matrix_norm(x, inf, keepdim=True); torch.linalg.matrix_norm(x, 1, dim=(1, 0))""",
        **NO_SECOND,
    )
    + several(
        ((M,), ([M, P],), (A,), (V,), (NONE,)),
        """torch.linalg.cond(x); torch.linalg.cond(x.detach(), 1); torch.linalg.cond(x.detach(), inf);
        torch.linalg.cond(x.detach(), 'fro'); torch.linalg.cond(x, 'nuc'); torch.linalg.cond(x, -2);
        torch.linalg.cond(x, 3); torch.linalg.cond(x, 'x')""",
        ulps=300,
        why="quotients of singular values; PyTorch 2.13 fails in the gradient of those by norms",
    )
    + several(((SINGULAR,),), "torch.linalg.cond(x.detach(), -1)")
    + several(((CM,),), "torch.linalg.norm(x); torch.linalg.matrix_norm(x, 2)", dtypes=COMPLEX, **MANY_STEPS)
    + several(((CM,),), "torch.linalg.norm(x, 1); torch.linalg.norm(x, inf)", dtypes=COMPLEX, **NO_SECOND)
    + several((([[1, 2], [3, 4]],),), "torch.linalg.norm(x); torch.linalg.matrix_norm(x); torch.linalg.cond(x)",
              dtypes=WHOLE)
)  # fmt: skip
CHAINS = (
    several(
        ((A, B, A), (V, B, A), (A, B, V), (A, A, B), (T, B, A), (A, B, T), (V, V, V)),
        "torch.linalg.multi_dot([x, y, z]); torch.linalg.multi_dot([x, y]); torch.linalg.multi_dot([x])",
    )
    + several(((A, B, A), (A, A, B), (V, B, A)), "torch.chain_matmul(x, y, z); torch.chain_matmul(x)")
    + several(
        SQUARES + WRONG[:3],
        """torch.linalg.matrix_power(x, 3); torch.linalg.matrix_power(x, 0); torch.linalg.matrix_power(x, 1);
        torch.linalg.matrix_power(x, 2); torch.linalg.matrix_power(x, -1); torch.linalg.matrix_power(x, -2);
        torch.linalg.matrix_power(x, 5); torch.matrix_power(x, 2); torch.linalg.matrix_power(x, 1.5)""",
        **MANY_STEPS,
    )
    + several(
        SQUARES + WRONG[:3] + (([[-1.0, 0.5], [0.2, 0.1]],),),
        "torch.linalg.matrix_exp(x); torch.matrix_exp(x); x.matrix_exp()",
        ulps=2**14,
        why="PyTorch's approximation is off by up to 1e-12 of the largest element",
    )
    + several(
        ((V, W), ([V, W], [W, V]), ([V, W], [V]), (A, V), (S, S)),
        """torch.linalg.cross(x, y) * x; torch.linalg.cross(x, y, dim=0) * x; torch.linalg.cross(x, y).grad_fn.name();
        torch.linalg.vecdot(x, y); torch.linalg.vecdot(x, y, dim=0)""",
    )
    + several(
        ((CV, [*CV[1:], CV[0]]),), "torch.linalg.vecdot(x, y); torch.linalg.vecdot(x[0], y[0])", dtypes=COMPLEX
    )
    + several(((M,), ([M, P],), (V,)), "torch.linalg.diagonal(x); torch.linalg.diagonal(x, offset=1);"
              "torch.linalg.diagonal(x, dim1=0, dim2=1)")
    + several(
        ((V,), (A,), (2.0,)),
        """torch.linalg.vander(x); torch.linalg.vander(x, N=2); torch.linalg.vander(x, N=1);
        torch.linalg.vander(x, N=5)""",
    )
    + several(
        ((V,), (A,)),
        """torch.vander(x.detach()); torch.vander(x.detach(), 2); torch.vander(x.detach(), increasing=True);
        torch.vander(x.detach(), 0); torch.vander(x, -1)""",
        why="without a gradient: PyTorch's fails",
    )
    + several((([1, 2, 3],),), "torch.linalg.vander(x); torch.vander(x)", dtypes=WHOLE)
    + several(((A, B), (V, W)), "torch.linalg.matmul(x, y)")
    + several(
        ((M, V), (A, V), ([[[2.0], [1.0]], [[0.5], [3.0]]], [1.0, 2.0]), (SINGULAR, V)),
        "torch.linalg.tensorinv(x, ind=1); torch.linalg.tensorinv(x); torch.linalg.tensorinv(x, ind=0);"
        "torch.linalg.tensorsolve(x, y)",
        **MANY_STEPS,
    )
    + several((([[[2.0, 1.0]], [[0.5, 3.0]]], [1.0, 2.0]),), "torch.linalg.tensorsolve(x, y, dims=(1,))", **MANY_STEPS)
)  # fmt: skip
FACTORS = (
    several(
        ((M,), ([M, P],), (A,), (V,), (NONE,)),
        """torch.linalg.ldl_factor(x); torch.linalg.ldl_factor_ex(x); torch.linalg.ldl_factor(x + x.mT, hermitian=True);
        torch.linalg.ldl_factor_ex(x, check_errors=True); torch.linalg.ldl_factor(x.long())""",
        **MANY_STEPS,
    )
    + several(((SINGULAR,), ([[0.0, 0.0], [0.0, 0.0]],)), "torch.linalg.ldl_factor_ex(x * 1)", **MANY_STEPS)
    + several(
        ((M, B), (M, M), (M, V), (M, A), ([M, P], B)),
        """torch.linalg.ldl_solve(*torch.linalg.ldl_factor(x), y);
        torch.linalg.ldl_solve(*torch.linalg.ldl_factor(x.detach()), y.float());
        torch.linalg.ldl_solve(torch.linalg.ldl_factor(x)[0], torch.tensor([1, 2]), y)""",
        **MANY_STEPS,
    )
    + several(((CM, CV),), "torch.linalg.ldl_factor(x); torch.linalg.ldl_factor(x + x.mH, hermitian=True);"
              "torch.linalg.ldl_solve(*torch.linalg.ldl_factor(x), y)", dtypes=COMPLEX, **MANY_STEPS)
    + several(
        ((M,), ([M, P],), (A,), (B,), (SINGULAR,), (V,), (NONE,)),
        """torch.linalg.lu(x.detach()); torch.linalg.lu_factor(x.detach()); torch.linalg.lu_factor_ex(x.detach());
        torch.linalg.lu_factor_ex(x.detach(), check_errors=True); torch.lu(x.detach());
        torch.lu(x.detach(), get_infos=True);
        torch.lu_unpack(*torch.linalg.lu_factor_ex(x.detach())[:2]);
        torch.lu_unpack(*torch.linalg.lu_factor_ex(x.detach())[:2], unpack_pivots=False);
        torch.lu_unpack(*torch.linalg.lu_factor_ex(x.detach())[:2], unpack_data=False)""",
        **MANY_STEPS,
    )
    + several(
        ((M,), ([M, P],), (A,), (B,)),
        "torch.linalg.lu(x); torch.linalg.lu_factor(x); torch.lu_unpack(*torch.linalg.lu_factor(x)[:2])",
        **MANY_STEPS,
    )
    + several(
        ((M, B), (M, M), (M, V), (M, A), ([M, P], B)),
        """torch.linalg.lu_solve(*torch.linalg.lu_factor(x), y); torch.lu_solve(y, *torch.linalg.lu_factor(x));
        torch.linalg.lu_solve(*torch.linalg.lu_factor(x), y, left=False);
        torch.linalg.lu_solve(*torch.linalg.lu_factor(x), y, adjoint=True);
        torch.linalg.lu_solve(torch.linalg.lu_factor(x)[0], torch.tensor([1, 2, 3]), y)""",
        **MANY_STEPS,
    )
    + several(((CM, CV),), "torch.linalg.lu_solve(*torch.linalg.lu_factor(x), y, adjoint=True);"
              "torch.linalg.lu_solve(*torch.linalg.lu_factor(x), y, left=False); torch.linalg.lu(x)", dtypes=COMPLEX,
              **MANY_STEPS)
    + several(((M,),), "torch.linalg.lu(x, pivot=False); torch.linalg.lu_factor(x, pivot=False)")
    + several((([[1, 2], [3, 4]],),), "torch.linalg.lu(x); torch.linalg.lu_factor(x.half())", dtypes=WHOLE)
)  # fmt: skip
OUTS = several(
    ((M,),),
    """torch.linalg.inv(x.detach(), out=torch.empty(3, 3, dtype=x.dtype));
    torch.linalg.eigh(x.detach(), out=(torch.empty(3, dtype=x.dtype), torch.empty(3, 3, dtype=x.dtype)))[0]""",
    ulps=64,
    why="LAPACK",
)
TALL = [[math.sin(1.3 * (6 * i + j) ** 1.1) for j in range(4)] for i in range(7)]
WIDE_SYMMETRIC = [[1.0 / (1 + i + j) + 3.0 * i * (i == j) for j in range(7)] for i in range(7)]
POSITIVE = [[0.2 ** abs(i - j) for j in range(7)] for i in range(7)]
PARTS = several(
    ((TALL,),),
    """torch.manual_seed(3) and torch.svd_lowrank(x.mT, 4)[1];
    torch.manual_seed(3) and torch.svd_lowrank(x, 4, 1, x[0] * 2)[1];
    torch.svd_lowrank(x, 4)[2].shape; torch.svd_lowrank(x, 9)[0].shape;
    torch.manual_seed(3) and torch.pca_lowrank(x)[1]; torch.manual_seed(3) and torch.pca_lowrank(x, center=False)[1];
    torch.manual_seed(3) and torch.pca_lowrank(x, 4)[1]; torch.pca_lowrank(x, 5); torch.pca_lowrank(x, -1);
    torch.pca_lowrank(x, niter=-1);
    torch.lobpcg(x.detach(), 1)""",
    ulps=4096, why="of random vectors, which are orthogonalised several times", orders=1,
) + several(
    ((WIDE_SYMMETRIC, POSITIVE),),
    """torch.lobpcg(x, 3)[0]; torch.lobpcg(x.detach(), 2, y.detach())[0].shape;
    torch.lobpcg(x.detach()[:3, :3], 1, y.detach())""",
)  # fmt: skip
WHOLE_FACTORS = several(
    ((M,), (S,), ([M, P],)),
    "torch.cholesky_inverse(x * 1); torch.cholesky_inverse(x * 1, True); torch.cholesky_inverse(x.tril())",
    **MANY_STEPS,
) + several(
    ((B, M), ([B, B], M)), "torch.cholesky_solve(x, y * 1); torch.cholesky_solve(x, y * 1, True)", **MANY_STEPS
)
"""Of matrices that are no triangles."""
SAMPLES = (
    WHOLE_FACTORS + PARTS + DETERMINANTS + EQUATIONS + CHOLESKY + ORTHOGONAL + SPECTRA + NORMS + CHAINS + FACTORS + OUTS
)
