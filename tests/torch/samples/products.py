"""Products of vectors, matrices and tensors; distances."""

from __future__ import annotations

from typing import Any

from tests.torch.samples import Sample


def several(points: tuple[Any, ...], text: str, **options: Any) -> list[Sample]:
    """A sample of each expression, at the same points; those of other dtypes end in a remark, to differ from others."""
    dtype = options.get("dtypes", ("float64",))[0]
    remark = "" if dtype == "float64" else f"  # {dtype}"
    return [Sample(" ".join(e.split()) + remark, points, **options) for e in text.split(";")]


V, W = [0.3, -0.7, 1.6], [0.5, 2.5, -1.25]
CV, CW = [0.3 + 1j, -0.7, 1.6 - 0.5j], [0.5j, 2.5, -1.25 + 1j]
A, B = [[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]], [[0.5, -2.0], [1.5, 0.75], [-0.2, 0.9]]
S = [[2.0, -1.0], [0.5, 1.5]]
T = [[[0.3, -0.7, 1.6], [0.5, 2.5, -1.25]], [[1.0, 0.2, -0.4], [0.1, -0.9, 0.8]]]
U = [[[0.5, -2.0], [1.5, 0.75], [-0.2, 0.9]], [[1.1, 0.3], [-0.6, 2.2], [0.7, -1.3]]]
INTEGERS = ([[1, 2, 3], [4, 5, 6]], [[1, 0], [2, 1], [0, 3]])
COMPLEX = ("complex128", "complex64")
WHOLE = ("int64",)

VECTORS = several(
    ((V, W), (V, [1.0, 2.0]), ([], []), (A, W), (V, [1, 2, 3])),
    "torch.inner(x, y); torch.vdot(x, y); torch.dot(x, y); torch.outer(x, y); x.inner(y); x.vdot(y); torch.ger(x, y)",
) + several(((CV, CW),), "torch.inner(x, y); x.vdot(y) * 2; torch.dot(x, y) * 2; torch.outer(x, y) * 2", dtypes=COMPLEX)
SUMS = (
    several(
        ((S, A, B), ([1.0, 2.0], A, B), (2.0, A, B), (S, B, A), (A, A, B), (S, V, B)),
        """torch.addmm(x, y, z); x.addmm(y, z, beta=0.5, alpha=-2); torch.addmm(x, y, z, beta=0);
        torch.addmm(x, y, z, alpha=2) * 2;
        torch.addmm(x, y.half(), z); torch.addmm(x.half(), y, z); torch.addmm(x, y, z.half())""",
    )
    + several(
        (([S, S], T, U), (S, T, U), (2.0, T, U), (S, T, T), (A, T, U), (S, A, U), (S, T, [U[0]])),
        """torch.baddbmm(x, y, z); x.baddbmm(y, z, beta=0.5, alpha=-2); torch.baddbmm(x, y, z, beta=0);
        torch.addbmm(x, y, z); x.addbmm(y, z, beta=0.5, alpha=-2); torch.addbmm(x, y, z, beta=0);
        torch.baddbmm(x, y.half(), z); torch.addbmm(x, y, z.half()); torch.addbmm(x, y.half(), z)""",
    )
    + several(
        (([1.0, 2.0], A, V), (2.0, A, V), ([1.0], A, V), (V, A, V), ([1.0, 2.0], A, [1.0, 2.0]), (S, A, V)),
        "torch.addmv(x, y, z); x.addmv(y, z, beta=0.5, alpha=-2); torch.addmv(x, y, z, beta=0)",
    )
    + several(
        ((A, [1.0, 2.0], V), (V, [1.0, 2.0], V), (2.0, [1.0, 2.0], V), (S, [1.0, 2.0], V), (A, S, V)),
        "torch.addr(x, y, z); x.addr(y, z, beta=0.5, alpha=-2); torch.addr(x, y, z, beta=0)",
    )
    + several(
        (([[1, 2], [3, 4]], *INTEGERS),),
        "torch.addmm(x, y, z); torch.addmm(x, y, z, beta=2, alpha=3); torch.addr(x, y[:, 0], z[0], alpha=0.5)",
        dtypes=WHOLE,
    )
    + several(
        ((S, S, S),), "(x * 1).addmm_(y, z); (x * 1).addmv_(y, z[0], alpha=2); (x * 1).addr_(y[0], z[1]);"
        "(x * 1).addbmm_(y[None], z[None]); (x[None] * 1).baddbmm_(y[None], z[None])"
    )
)
TENSORS = (
    several(
        ((A, B), (A, A), (T, A), (V, V), (A, 2.0)),
        """torch.tensordot(x, y, 1); torch.tensordot(x, y); torch.tensordot(x, y, ([0], [0]));
        torch.tensordot(x, y, ([0, 1], [1, 0])); torch.tensordot(x, y, 0); torch.tensordot(x, y, ([-1], [-1]));
        torch.tensordot(x, y, -1); torch.tensordot(x, y, ([0, 1], [1])); torch.tensordot(x, y, ([0, 0], [0, 0]))""",
    )
    + several(((A, B), (V, W), (T, V), (A, 2.0), (2.0, 3.0), ([], V)), "torch.kron(x, y); x.kron(y)")
    + several(
        ((V, W), ([V, W], [W, V]), ([V, W], [V]), (B, [[1.0, 0.5], [0.3, -2.0], [0.7, 0.1]]), (A, V), (S, S)),
        """torch.cross(x, y) * x; torch.cross(x, y, dim=-1) * x; x.cross(y) * x;
        torch.cross(x, y, dim=5); torch.cross(x, y).grad_fn.name()""",
    )
    + several(((CV, CW),), "torch.cross(x, y); torch.kron(x, y); torch.tensordot(x, y, 1)", dtypes=COMPLEX)
    + several(((S,), (A,), (B,), (V,), ([[], []],)), "torch.trace(x); x.trace()")
    + several(((INTEGERS[0],),), "torch.trace(x); torch.trace(x > 1)", dtypes=WHOLE)
)
PAIRS = (
    (A, B), (V, V), (A, V), (V, B), (T, U), (T, V), (V, U), (T, B), (S, T), ([T], U), (T, [U, U]), (T, [T]),
    (A, A), (V, A), (A, [1.0, 2.0]), (T, T), (T, [1.0, 2.0]), (T, A), (A, T), (V, T), (A, 2.0), (T, [*U, U[0]]),
    ([[], []], [[]]), ([[], []], []),
)  # fmt: skip
PRODUCTS = (
    several(PAIRS, "torch.matmul(x, y); x @ y")
    + several(PAIRS[:5] + PAIRS[12:16], "torch.mm(x, y); torch.mv(x, y); torch.bmm(x, y)")
    + several(((CV, [CV, CW, CV]), ([CV, CW], CW)), "x @ y", dtypes=COMPLEX)
    + several((INTEGERS,), "torch.matmul(x, y); (x > 1) @ (y > 1); x @ y.float(); torch.mv(x, y[:, 0])", dtypes=WHOLE)
)
SPELLED = (
    several(
        ((A, B), (S, S), (A, A), (T, A), (A, 1.0)),
        """torch.einsum('ij,jk->ik', x, y); torch.einsum('ij,jk', x, y); torch.einsum('ij,ij->', x, y);
        torch.einsum('ij,ij->ij', x, y); torch.einsum('ij,ji->i', x, y); torch.einsum('ij,kl->ikjl', x, y);
        torch.einsum('...j,ij->i...', x, y); torch.einsum('i...,i...->...', x, y);
        torch.einsum(x, [0, 1], y, [1, 2], [2, 0]); torch.einsum('ij,ik->j', x, y); torch.einsum(' i j , j k', x, y)""",
    )
    + several(
        ((A,), (S,), (T,), (V,), (2.0,)),
        """torch.einsum('ij->ji', x); torch.einsum('ii', x); torch.einsum('ii->i', x); torch.einsum('ij->j', x);
        torch.einsum('...ij->...ji', x); torch.einsum('i...', x); torch.einsum('...i->...', x);
        torch.einsum('i...->i', x); torch.einsum('ba', x); torch.einsum(x, [1, ...]); torch.einsum('', x);
        torch.einsum('aB', x)""",
    )
    + several(
        ((A, B),),
        """torch.einsum('ij,jk'); torch.einsum('ij,jk', x); torch.einsum('ij', x, y); torch.einsum('ij->ik', x);
        torch.einsum('ij->ii', x); torch.einsum('i1', x); torch.einsum('ij->i1', x); torch.einsum('ij->i->j', x);
        torch.einsum('i.j', x); torch.einsum('...i...', x); torch.einsum(x, [0, 52]); torch.einsum(x);
        torch.einsum('ij-i', x); torch.einsum('ij,jk->ik', [x, y]); torch.einsum('ij,kj->ik', x[:1], x);
        torch.einsum('ij,ij->ij', x[:1], x); torch.einsum('ij,jk->ik', x, y.to(torch.float16));
        torch.einsum('ij,kj->ik', x[:, :0], x[:, :0]); torch.einsum('ij->i...', x)""",
    )
    + several(((A, B, A), (S, S, S)), "torch.einsum('ij,jk,kl->il', x, y, z); torch.einsum('ij,jk,kl->', x, y, z)")
    + several((INTEGERS,), "torch.einsum('ij,jk->ik', x, y); torch.einsum('ij,jk->ik', x > 1, y > 1)", dtypes=WHOLE)
)
POINTS = [[0.3, -1.25], [1.0, 0.5], [0.3, -1.25], [0.3, 2.0]]
NEAR = (([[0.5, -2.0], [0.3, -1.25]], POINTS), ([POINTS, POINTS], POINTS), (POINTS, [[], []]), (V, A), (A, V), (A, B))
ONCE = {"orders": 1, "why": "PyTorch has no second derivative of these distances"}
DISTANCES = (
    several(
        NEAR,
        """torch.cdist(x, y); torch.cdist(x, y, 1); torch.cdist(x, y, inf); torch.cdist(x, y, 3);
        torch.cdist(x, y, 1.5); torch.cdist(x, y, 0.5); torch.cdist(x, y, 0); torch.cdist(x, y, -1);
        torch.cdist(x, y, compute_mode='donot_use_mm_for_euclid_dist'); torch.cdist(x, y, compute_mode='mm')""",
        **ONCE,
    )
    + several(
        (([[0.5, -2.0], [0.3, 1.25]], [[1.0, 2.0], [0.1, 0.3]]), ([[0.5, -2.0], [0.3, 1.25]], [[1.0, 2.0]])),
        "torch.cdist(x, y, 2.0, 'use_mm_for_euclid_dist'); torch.cdist(x.repeat(13, 1), y)",
        ulps=200,
        why="squares that are subtracted: the order of their sums counts",
    )
    + several(
        ((POINTS,), (POINTS[:1],), (V,), ([[], []],)),
        """torch.pdist(x); torch.pdist(x, 1); torch.pdist(x, inf); torch.pdist(x, 3); torch.pdist(x, 0);
        torch.pdist(x, 0.5); torch.pdist(x, -1); torch.pdist(x, 1.5)""",
        **ONCE,
    )
    + several((([[1, 2]], [[3, 4]]),), "torch.cdist(x, y); torch.pdist(x)", dtypes=WHOLE)
)
SAMPLES = VECTORS + SUMS + TENSORS + PRODUCTS + SPELLED + DISTANCES
