"""Views."""

from tests.torch.samples._lists import listed, together

CUBE = [[[0.3, -0.7, 1.6, 0.2], [0.5, 2.5, -1.25, 0.1], [1.0, -2.0, 0.75, 3.0]],
        [[0.6, 0.9, -0.4, 1.1], [-1.5, 0.25, 2.0, 0.7], [0.8, 1.2, -0.1, -3.0]]]  # fmt: skip
MATRIX = [[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]]
VECTOR = [0.3, -1.25, 2.0]
EMPTY = [[], []]
COMPLEX = [[0.5 + 1j, -1.5 + 0.25j], [2 - 1j, 3j]]


CUBES = listed((CUBE,), """
    (x * x).movedim(0, 2); x.movedim((0, 1), (2, 0)); torch.moveaxis(x, 0, 3); x.movedim((0, 0), (1, 2));
    x.movedim((0, 1), (2,)); x.movedim((0, 1), (2, 2)); x.movedim((2, 0), (-3, -1)); x.swapdims(0, 1);
    x.swapaxes(0, -1); x.transpose(0, 3); x.transpose(1, 1); x.permute(2, 0, 1); x.permute((0, 2, 1)); x.permute(0, 1);
    x.permute(0, 0, 1); x.unflatten(2, (2, 2)); (x * x).unflatten(-1, (2, -1)); x.unflatten(2, (3, 2));
    x.unflatten(-1, (-1, 3)); x.unflatten(5, (2, 2)); x.unflatten(2, (-1, -1)); x.unflatten(2, ()); x.unfold(2, 2, 1);
    (x * x).unfold(2, 3, 2); x.unfold(1, 2, 1); x.unfold(0, 2, 3); x.unfold(-1, 1, 3); x.unfold(1, 0, 1);
    x.unfold(0, 5, 1); x.unfold(0, 1, 0); x.unfold(0, -1, 1); x.tensor_split(2, 1); x.tensor_split(3, -1);
    x.tensor_split((1, 3), -1); x.tensor_split(5, 1); torch.tensor_split(x, torch.tensor([1, 2]), 2);
    x.tensor_split(0); x.tensor_split((-1,), 2); x.tensor_split((3, 1), 2); x.tensor_split(torch.tensor(2), 2);
    x.hsplit(3); x.hsplit(2); x.vsplit(2); x.vsplit((1,)); x.dsplit(2); x.dsplit([1, 2]); x.dsplit(3); x.hsplit(0);
    x.split_with_sizes([1, 2], 1); x.split_with_sizes([1, 1], 1); x.split([1, 2], 1); x.split([1, -1, 3], 1);
    x.split(0, 1); x.split(-1, 1); x.split(2, 2); x.split(3, -1); x.split(1, 5); x.chunk(3, 2); x.chunk(0);
    x.chunk(8, 2); x.flatten(1); x.flatten(0, 1); x.flatten(2, 1); x.flatten(1, 1); x.flatten(-2); x.flatten(4);
    x[:1].squeeze((0, 1)); x[:1].squeeze(()); x[:1].squeeze((0, 0)); x[:1].squeeze(5); x[:1].squeeze(1);
    x[:1].squeeze(0); x[:1].squeeze((0,)); x[:1, :1].squeeze((0, -2)); x[:1].squeeze(); x.unsqueeze(-1);
    x.unsqueeze(-5); x.unsqueeze(1); x.narrow(1, -2, 1); x.narrow(1, -2, 3); x.narrow(1, 5, 1); x.narrow(1, 1, -1);
    x.narrow(1, 3, 0); x.narrow(1, torch.tensor(1), 1); torch.narrow_copy(x, 1, 0, 2); (x * x).narrow(2, 1, 2);
    x.diagonal(1, 0, 2); x.diagonal(-5, 0, 2); x.diagonal(0, 1, 1); x.diagonal(dim1=-1, dim2=1); x.diagonal(-1, 2, 0);
    x.diagonal(0, 1, -2); x.select_scatter(x[:, 0] * 2, 1, 2); x.select_scatter(torch.ones(2, 4), 1, -1);
    x.select_scatter(torch.ones(2, 3), 1, 2); x.select_scatter(torch.ones(2, 4), 1, 7);
    x.slice_scatter(x[:, :1] * x[:, 1:2], 1, 1, 2); x.slice_scatter(x[:, :2] * 3, 1, 0, None, 2);
    x.slice_scatter(torch.ones(2, 2, 4), 1, 0, 1); x.slice_scatter(x * 2); x.slice_scatter(x[:, 1:] * 2, 1, -2);
    x.diagonal_scatter(x[:, :, 0] * x[:, :, 1], 0, 0, 1); x.diagonal_scatter(torch.ones(3)); x.select(1, 5);
    x.diagonal_scatter(x[0, :, :2].T * 2, 0, 0, 1); x.select(-1, -2); (x * x).select(0, 1); x.unbind(1); x.unbind(5);
    x.unbind(-1); x.view(6, -1); x.view(-1); x.view(5, -1); x.view(2, 12).t().view(-1); x.transpose(0, 1).reshape(-1);
    x.reshape(4, 6); x.reshape((2, -1)); x.reshape(7, -1); x.mT; x.mH; x.H; x.adjoint(); x.t(); x.ravel();
    x.transpose(0, 1).ravel(); torch.atleast_1d(x * 2); torch.atleast_3d(x * 2); x.expand(2, 2, 3, 4); x.expand(2, 3);
    x[:1].expand(3, -1, -1); x[:1].expand(2, -1, 5); x[:1].expand(-1, 2, 3, 4); torch.broadcast_to(x[:1], (3, 3, 4));
    x.view_as(x[0]); x.reshape_as(x.view(6, 4)); x[:1].expand_as(x); x.diag(); x.contiguous(); x.mT.contiguous()
""")  # fmt: skip
MATRICES = listed((MATRIX,), """
    x.adjoint(); x.mH; x.H; x.mT; (x * x).mH; x.ravel(); x.t().ravel(); x.t(); x.as_strided((2, 2), (1, 2));
    x.as_strided((2, 2), (1, 2), 1); x.as_strided((3, 2), (1, 1)); (x * x).as_strided((4,), (1,), 2);
    x.as_strided((2, 20), (1, 2), 1); x.as_strided((2, 20), (1,), 1); x.as_strided((2, 2), (1, -1), 1);
    x.as_strided((0, 2), (1, 1)); torch.as_strided(x, (), (), 4); torch.diag_embed(x); torch.diag_embed(x, 1);
    torch.diag_embed(x, -1, 0, 2); torch.diag_embed(x * x, -2, 1, 0); torch.diag_embed(x, 0, 1, 1);
    torch.diag_embed(x, 0, 0, 5); torch.diagflat(x); torch.diagflat(x.t(), -2);
    x.diagonal_scatter(x[0, :2] * x[1, :2]); x.diagonal_scatter(x[:, 0] * x[:, 1], 1);
    x.diagonal_scatter(torch.ones(3)); x.diagonal(); x.diagonal(-1); x.diagonal(7); torch.atleast_2d(x * 2);
    torch.atleast_3d(x); torch.atleast_1d(x * 2, x[0]); torch.atleast_2d([x[0], x[0, 0]]); x.expand(3); x.dsplit(1);
    x.hsplit((1, 2)); x.vsplit(1); x.diag(); x.diag(1); x.diag(-1); x.select_scatter(x[0].double(), 0, 1)
""")  # fmt: skip
VECTORS = listed((VECTOR,), """
    x.hsplit(3); x.hsplit(2); x.vsplit(1); x.mH; x.mT; x.H; x.adjoint(); x.diagonal(); x.diag_embed();
    torch.diagflat(x, 1); torch.diagflat(x * x, -1); x.diag(); x.diag(1); x.diag(-2); torch.atleast_2d(x);
    torch.atleast_3d(x); x.unfold(0, 2, 1); x.ravel(); x.t(); x.expand(2, -1); x.expand(2, 2); x.unbind(); x.chunk(2);
    x.movedim(0, 0)
""")  # fmt: skip
SCALARS = listed((2.0,), """
    x.movedim(0, 0); x.unfold(0, 1, 1); x.unfold(0, 2, 1); x.unfold(0, 0, 1); x.tensor_split(1); x.hsplit(1);
    (x * x).mT; (x * x).H; (x * 1).adjoint(); x.ravel(); torch.atleast_1d(x); torch.atleast_2d(x); torch.atleast_3d(x);
    torch.atleast_1d(x, x * x); x.narrow(0, 0, 1); x.select(0, 0); torch.diagflat(x); x.diag(); x.flatten();
    x.unbind(); x.split(1); x.chunk(1); x.squeeze(0); x.squeeze(); x.unsqueeze(0); x.expand(3); x.expand(2, 2);
    x.reshape(1, 1); x.view(()); x.transpose(0, 0); x.t(); x.permute(()); x.split_with_sizes([1]); x.diag_embed();
    x.diagonal()
""")  # fmt: skip
OF_EMPTY = listed((EMPTY,), """
    x.movedim(0, 1); x.ravel(); x.unfold(1, 0, 1); x.tensor_split(2, 1); x.split(2, 1); x.split(0, 1); x.chunk(3, 1);
    x.view(-1, 0); x.reshape(0, 4); x.reshape(-1); x.diagonal(); torch.diag_embed(x); torch.diagflat(x); x.flatten();
    x.unflatten(1, (0, 3)); x.unflatten(1, (-1, 3)); x.unbind(1); x.unbind(0); x.hsplit(2); x.mH
""")  # fmt: skip
OF_COMPLEX = listed((COMPLEX,), "(x).adjoint(); (x).mH; (x).H; (x).mT", dtypes=("complex128", "complex64"))
OF_INTEGERS = listed(([[1, 2, 3], [4, 5, 6]],), """
    x.clone().unfold(1, 2, 1); x.clone().diag_embed(); x.clone().mH; torch.diagflat(x.clone());
    x.select_scatter(x[0] * 2, 0, 1); x.select_scatter(x[0] * 2.5, 0, 1); x.unfold(1, 2, 1).sum((1, 2));
    x.as_strided((3, 2), (2, 1))
""", dtypes=("int64",))  # fmt: skip
COPIES = listed((MATRIX,), """
    torch.alias_copy(x); torch.as_strided_copy(x, (2, 2), (1, 2)); torch.diagonal_copy(x); torch.diagonal_copy(x, 1);
    torch.expand_copy(x, (2, 2, 3)); torch.expand_copy(x, (2, 2)); torch.permute_copy(x, (1, 0)); torch.t_copy(x);
    torch.select_copy(x, 0, 1); torch.select_copy(x, 0, 7); torch.slice_copy(x, 1, 0, 2); torch.slice_copy(x);
    torch.slice_copy(x, 1, 0, 2, 0); torch.split_copy(x, 2, 1); torch.split_copy(x, -1);
    torch.split_with_sizes_copy(x, [1, 2], 1); torch.squeeze_copy(x[:, :1]); torch.squeeze_copy(x[:, :1], 1);
    torch.squeeze_copy(x[:, :1], (0, 1)); torch.transpose_copy(x, 0, 1); torch.transpose_copy(x, 0, 5);
    torch.unbind_copy(x); torch.unfold_copy(x, 1, 2, 1); torch.unsqueeze_copy(x, 0); torch.view_copy(x, (3, 2));
    torch.view_copy(x, (5,)); torch.view_as_complex_copy(x[:, :2].clone());
    torch.view_as_complex_copy(x.detach()[:, :2].clone());
    torch.detach_copy(x.detach()); torch.unsafe_chunk(x, 2); x.unsafe_chunk(2); torch.unsafe_split(x, 1);
    x.unsafe_split(2); torch.unsafe_split_with_sizes(x, [1, 1]); x.unsafe_split_with_sizes([1, 1]);
    torch.as_strided_scatter(x.detach(), x[:, :2] * 2, (2, 2), (1, 2), 1); x.as_strided_scatter(x[:1], (2, 2), (1, 2));
    torch.transpose_copy(x.detach(), 0, 1, out=torch.empty(3, 2, dtype=x.dtype));
    torch.transpose_copy(x.detach(), 0, 1, out=torch.empty(3, 2).half());
    torch.view_copy(x.detach(), (6,), out=torch.empty(6, dtype=x.dtype));
    torch.transpose_copy(x, 0); torch.select_copy(x, 0, 1.5); torch.view_copy(x)
""") + listed((COMPLEX,), "torch.view_as_real_copy(x)", dtypes=("complex128", "complex64"))  # fmt: skip
SAMPLES = together(CUBES, MATRICES, COPIES, VECTORS, SCALARS, OF_EMPTY, OF_COMPLEX, OF_INTEGERS)
