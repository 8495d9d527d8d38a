"""Joining, repeating, grids, triangles."""

from tests.torch.samples._lists import listed, together

MATRIX = [[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]]
VECTOR = [0.3, -1.25, 2.0]
CUBE = [[[0.3, -0.7, 1.6], [0.5, 2.5, -1.25]], [[0.6, 0.9, -0.4], [-1.5, 0.25, 2.0]]]
PAIR = (MATRIX, VECTOR)
OF_PAIRS = listed(PAIR, """
    torch.hstack((x, x * y)); torch.hstack((y, y * 2)); torch.hstack((x[0, 0], y)); torch.hstack((x, y));
    torch.vstack((x, y)); torch.vstack((y, y * y)); torch.row_stack((y, x)); torch.vstack((y, y[:2]));
    torch.vstack([x[0, 0], x[0, 1]]); torch.dstack((x, x * y)); torch.dstack((y, y * y)); torch.dstack((x, y));
    torch.column_stack((y, y * y, x.t())); torch.column_stack((x[0, 0], x[0, 1])); torch.column_stack((y, x));
    torch.hstack(()); torch.vstack(()); torch.dstack([]); torch.column_stack([]); torch.block_diag(x, y, y[0]);
    torch.block_diag(); torch.block_diag(x[None]); torch.block_diag(x * x); torch.block_diag(y, torch.tensor(2));
    torch.cartesian_prod(y, y * 2); torch.cartesian_prod(y * 1); torch.cartesian_prod(x, y); torch.cartesian_prod();
    torch.cartesian_prod(y, y[:2], y * y); torch.combinations(y); torch.combinations(y * y, 3);
    torch.combinations(y, 0); torch.combinations(y, 2, True); torch.combinations(y, r=3, with_replacement=True);
    torch.combinations(x); torch.combinations(y, -1); torch.combinations(y, 5); torch.combinations(y, 1);
    torch.meshgrid(y, y * y); torch.meshgrid(y, y[:2], indexing='xy'); torch.meshgrid(y, y, indexing='q');
    torch.meshgrid(y, x[0, 0], indexing='ij'); torch.meshgrid([y, y[:2], y * 2], indexing='ij');
    torch.meshgrid(y, y[:2], y * 2, indexing='xy'); torch.meshgrid(y, y.half(), indexing='ij'); torch.meshgrid();
    torch.meshgrid(y, indexing='xy'); torch.broadcast_tensors(y * 2, x * 2); torch.broadcast_tensors(x, y[:2]);
    torch.broadcast_tensors(x * 1, y[0], y[:1]); torch.broadcast_tensors(); torch.tile(y, (2,)); y.tile(2); x.tile(2);
    x.tile(2, 1, 1); x.tile(()); (x * x).tile((1, 2)); x.repeat(2); x.repeat(2, -1); x.repeat(2, 0); x.repeat(2, 1, 3);
    torch.rot90(x); torch.rot90(x, 2); torch.rot90(x * x, -1); torch.rot90(x, 0); torch.rot90(x, 1, (0, 0));
    torch.rot90(x, 1, (0,)); torch.rot90(x, 1, (0, 5)); torch.rot90(y); x.rot90(3, (1, 0)); torch.rot90(x, 1, (0, -2));
    torch.fliplr(x); torch.fliplr(y); torch.flipud(y); torch.flipud(x); torch.flipud(x[0, 0]); x.flip(0, 0); x.flip(5);
    (x * 2).flip(()); x.flip(0); x.flip((0, -1)); x.roll(1); x.roll((1, 2), (0,)); x.roll((1, 2)); x.roll(());
    x.roll(1, 5); x.roll((1, -1), (0, 1)); x.roll(-4, 1); x.roll((1, 1), (0, 0)); x.repeat_interleave(2);
    x.repeat_interleave(2, 1); x.repeat_interleave(2, -2); x.repeat_interleave(torch.tensor([1, 2]), 0);
    x.repeat_interleave(torch.tensor([1, 2, 3]), 0); x.repeat_interleave(torch.tensor([1, -2]), 0);
    x.repeat_interleave(torch.tensor([1.0, 2.0]), 0); x.repeat_interleave(torch.tensor([[1, 2]]), 0);
    x.repeat_interleave(torch.tensor([2]), 1); x.repeat_interleave(torch.tensor(2), 1);
    x.repeat_interleave(torch.tensor([1, 0, 0, 2, 1, 1])); x.repeat_interleave(-1);
    torch.repeat_interleave(torch.tensor([1, 2, 0])); x.repeat_interleave(torch.tensor([1, 2]), 0, output_size=3);
    x.repeat_interleave(2, 5); y.repeat_interleave(0); x.repeat_interleave(torch.tensor([1, 2]), 0, output_size=4);
    y[0].repeat_interleave(3); x.tril(); x.triu(1); y.tril(); y[0].triu(); x.tril(-1); x.triu(-1); x.tril(9);
    x.triu(-9); (x * 2).tril_(); (x * 2).triu_(1); x.trace(); y.trace(); torch.trace(x.t() * x.t()); torch.cat((x, y));
    torch.cat((x, x.half()), 1); torch.cat((x, torch.ones(0))); torch.cat(()); torch.cat((x, x), 5); torch.cat((x, 1));
    torch.cat((y[0], y[1])); torch.cat((x, x[:1]), 1); torch.cat((x, x * x, y[None]), 0); torch.cat([y, y * y], -1);
    torch.concat((x, x[:, :1]), dim=1); torch.concatenate((x,)); torch.stack((x, x[:1]), 1);
    torch.stack((x, x * x), 5); torch.stack(()); torch.stack((y[0], y[1] * y[2])); torch.stack((x, x * x), -1);
    torch.stack((y, torch.tensor([1, 2, 3]))); torch.stack((x, x * y), 1); torch.cat((x, torch.tensor([[1, 2, 3]])));
    torch.cat((y.detach(), y.detach()), out=torch.zeros(0));
    torch.hstack((y.detach(), y.detach()), out=torch.zeros(6)); torch.stack((y, y), out=torch.zeros(2, 3));
    torch.vander(y); torch.vander(y, 5, True); torch.vander(y * y, increasing=True); torch.vander(y, 0);
    torch.vander(y, -1); torch.vander(x); torch.vander(y, N=1); torch.vander(torch.tensor([1, 2, 3]));
    torch.vander(torch.tensor([True, False])); x.sum_to_size(1, 3); (x * x).sum_to_size(2, 3); x.sum_to_size(3);
    x.sum_to_size(()); x.sum_to_size(2); x.sum_to_size((2, 1)); x.sum_to_size(1); x.sum_to_size(1, 2, 3);
    x[0, 0].sum_to_size(()); torch.stack((x.detach(), x.detach()), out=torch.zeros(0))
""")  # fmt: skip
CUBES = listed((CUBE,), """
    torch.block_diag(x); x.tril(); x.triu(1); x.tril(-1); x.trace(); torch.rot90(x, 1, (1, 2));
    torch.rot90(x, 3, (2, 0)); torch.hstack((x, x[:, :1])); torch.vstack((x, x * x)); torch.dstack((x, x)); x.fliplr();
    x.flipud(); x.roll(3); x.roll((1, 2), (0, 2)); torch.cat((x, x), -3); x.repeat_interleave(torch.tensor([2, 0]), 1);
    x.tile(1, 2)
""")  # fmt: skip
OF_EMPTY = listed(([[], []],), """
    torch.block_diag(x, x); x.tile(2); x.repeat_interleave(2); torch.rot90(x); x.flip(0); x.roll(1, 0); x.tril();
    x.trace(); torch.hstack((x, x)); torch.cat((x, x), 1); torch.stack((x, x));
    torch.meshgrid(x[0], x[1], indexing='ij'); torch.combinations(x[0]); torch.cartesian_prod(x[0], x[1])
""")  # fmt: skip
INTEGERS = listed(([[1, 2, 3], [4, 5, 6]],), """
    torch.trace(x * 1); torch.block_diag(x, x[0]); torch.unravel_index(x[0], (2, 3)); torch.unravel_index(x, (4, 2));
    torch.unravel_index(x - 7, (2, 3)); torch.unravel_index(x * 3, (2, 3)); torch.unravel_index(x * 1.0, (2, 3));
    torch.unravel_index(x, 6); torch.repeat_interleave(x[0]); torch.repeat_interleave(x[0], 2);
    torch.hstack((x, x * 2)); x.clone().tril(); torch.cartesian_prod(x[0], x[1] + 1); torch.combinations(x[0] + 1);
    torch.stack((x[0], x[1] * 0.5))
""", dtypes=("int64",))  # fmt: skip
SAMPLES = together(OF_PAIRS, CUBES, OF_EMPTY, INTEGERS)
