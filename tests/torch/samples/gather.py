"""Gathering and scattering."""

from tests.torch.samples._lists import listed, together

X = [[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]]
Y = [[1.5, -0.5, 0.75], [2.0, -3.0, 0.1]]
VECTOR = [0.3, -1.25, 2.0]
TIES = ([[1.0, 2.0, 2.0], [0.0, -1.0, 3.0]], [[1.0, 1.0, 2.0], [0.0, 0.0, 3.0]])
PLACES = [[0, 0, 1], [1, 2, 2]]
GATHERED = listed((X, PLACES), """
    x.gather(1, y); torch.gather(x * x, 1, y); x.gather(1, torch.tensor([[0, -1]]));
    x.gather(1, torch.tensor([[0, 3]])); x.gather(1, torch.tensor([0])); x.gather(1, torch.tensor([[0.0]]));
    x.gather(1, y.to(torch.int32)); x.gather(1, torch.zeros(3, 1, dtype=torch.int64)); x.gather(5, y);
    x.gather(-1, y[:, :1]); x.gather(0, torch.zeros(1, 4, dtype=torch.int64));
    x.gather(1, torch.zeros(2, 0, dtype=torch.int64)); x.gather(0, torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 1]]));
    x[0, 0].gather(0, torch.tensor(0)); x[0, 0].gather(0, torch.tensor([0, 0])); x[0].gather(0, torch.tensor(2));
    x.gather(0, torch.tensor([]).long()); x.index_select(1, torch.tensor([2, 0, 0]));
    (x * x).index_select(0, torch.tensor([1])); x.index_select(1, torch.tensor([-1]));
    x.index_select(1, torch.tensor([3])); x.index_select(0, torch.tensor([3])); x.index_select(1, y);
    x.index_select(1, torch.tensor(1)); x.index_select(1, torch.tensor([1.0]));
    x[0, 0].index_select(0, torch.tensor(0)); x[0, 0].index_select(0, torch.tensor([0, 0]));
    x.index_select(-2, torch.tensor([], dtype=torch.int64)); torch.index_select(x, 3, torch.tensor([0]));
    torch.take(x, y); x.take(torch.tensor([0, -1])); x.take(torch.tensor([5, 5])); x.take(torch.tensor(3));
    x.take(torch.tensor([0, 6])); x.take(torch.tensor(-7)); x.take(torch.tensor([0.0]));
    x[:, :0].take(torch.tensor(0)); x.take(torch.zeros(0, 2, dtype=torch.int64)); torch.take_along_dim(x, y, 1);
    x.take_along_dim(torch.tensor([[0, 1]]), 1); x.take_along_dim(torch.tensor([[0, -1]]), 1);
    x.take_along_dim(torch.tensor([[-4, 9]]), 1); x.take_along_dim(torch.tensor([0, 1]), 1);
    x.take_along_dim(torch.tensor([0, 1])); x.take_along_dim(y); x.take_along_dim(torch.tensor([[0.0]]), 1);
    x.take_along_dim(torch.zeros(3, 1).long(), 1); x.take_along_dim(torch.zeros(2, 1, 1).long(), 1);
    x[:, :1].take_along_dim(y % 2, 0); x.nonzero(); x.argwhere(); torch.argwhere(x > 0); torch.nonzero(x[0, 0]);
    torch.nonzero(x > 0, as_tuple=True); torch.argwhere(x[0, 0]); torch.nonzero(x[0, 0], as_tuple=True);
    x.masked_select(torch.tensor([True, False, True])); x.masked_select(y);
    x.masked_select(torch.tensor([True, False]));
    x[0].masked_select(torch.tensor([[True, False, True], [False, True, True]]));
    torch.gather(x.detach(), 1, y, out=torch.zeros(0, dtype=x.dtype));
    torch.take(x.detach(), y, out=torch.zeros(2, 3).to(x.dtype));
    torch.nonzero(x.detach(), out=torch.zeros(0, dtype=torch.int64)); torch.gather(x, 1, y, out=torch.zeros(2, 3));
    (x * x).masked_select(torch.tensor([[True, False, True], [False, True, True]]));
    x.masked_select(torch.tensor(True)); x[:, :1].masked_select(torch.tensor([True, False]))
""")  # fmt: skip
SCATTERED = listed((X, Y, PLACES), """
    x.scatter(1, z[:, :1], y[:, :1]); x.scatter(1, z[:1, 1:] * 1, y[:1, :2] * y[0, 0]);
    x.scatter(1, z[:, :1], y.detach()); x.scatter(1, torch.tensor([[0, -1]]), 5.0);
    x.scatter(1, torch.tensor([[0, 3]]), 5.0); x.scatter(1, z, 2.0); x.scatter(1, z, 2); x.scatter(1, z, value=2.5);
    x.scatter(1, z[:, :1], y[:1, :1]); x.scatter(1, z[:, :1], y.half());
    x.scatter(1, torch.tensor([[0], [1], [1]]), y); x.scatter(1, torch.tensor([0]), y);
    x.scatter(1, torch.tensor([[0.0]]), y); x.scatter(5, z, 2.0); x.scatter(0, torch.zeros(2, 4).long(), 2.0);
    x.scatter(0, torch.zeros(5, 3).long(), 2.0); x.scatter(0, torch.zeros(0, 3).long(), y[:0]);
    x.scatter(0, torch.zeros(2, 3).long(), y[0]); x[0, 0].scatter(0, torch.tensor(0), 2.0);
    x[0, 0].scatter(0, torch.tensor([0]), y[0, :1]); x[0].scatter(0, torch.tensor(1), y[0, 0]);
    x.detach().scatter(1, z, y.detach(), reduce='add'); x.detach().scatter(1, z, 2.0, reduce='multiply');
    x.detach().scatter(1, z, 2.0, reduce='q'); (x * x).scatter_(1, z[:, :1], y[:, 2:] * 2);
    x.clone().scatter_(1, z, 2.0); x.scatter_(1, z, 2.0); x.scatter_add(1, z, y); x.scatter_add(1, z, y * x);
    x.scatter_add(1, z, 2.0); x.scatter_add(1, z + 5, y); x.scatter_add(1, torch.tensor([[0, -1]]), y);
    x.scatter_add(1, z[:, :2], y[:, 1:]); x.scatter_add(1, z[:, :2], y.detach()); (x * x).scatter_add_(1, z, y);
    x.scatter_add(1, torch.tensor([[0], [0], [1]]), y); x[0, 0].scatter_add(0, torch.tensor(0), y[0, 0]);
    x.scatter_add(0, torch.tensor([[0, 0, 1], [1, 0, 0]]), x * y); x.scatter_reduce(1, z, y * 1, 'sum');
    x.scatter_reduce(1, z, y, 'prod'); x.scatter_reduce(1, z, y * x, 'mean'); x.scatter_reduce(1, z, y, 'amax');
    x.scatter_reduce(1, z, y, 'amin'); x.scatter_reduce(1, z, y, 'q');
    x.scatter_reduce(1, z, y, 'sum', include_self=False); x.scatter_reduce(1, z, y, 'mean', include_self=False);
    x.scatter_reduce(1, z, y, 'amax', include_self=False); x.scatter_reduce(1, z, y, 'amin', include_self=False);
    x.scatter_reduce(1, z[:1, :2], y[:1, :2], 'amax'); x.scatter_reduce(1, z + 3, y, 'sum');
    x.scatter_reduce(1, z - 1, y, 'sum'); x.scatter_reduce(1, z, y.half(), 'sum');
    x.scatter_reduce(0, torch.zeros(2).long(), y, 'sum'); x.scatter_reduce(0, torch.zeros(2, 3), y, 'sum');
    (x * 1).scatter_reduce_(1, z, y, 'mean'); x.scatter_reduce(0, torch.zeros(2, 3).long(), y[0], 'sum')
""")  # fmt: skip
INDEXED = listed((X, Y), """
    x.put(torch.tensor([0, 4]), y[0, :2]); x.put(torch.tensor([[3, -1]]), y[:, 1:2] * y[:, :1]);
    x.put(torch.tensor([2, 2]), y[:, 1], accumulate=True); x.put(torch.tensor([0, 6]), y[0, :2]);
    x.put(torch.tensor([-7]), y[0, :1]); x.put(torch.tensor([0, 1]), y[0]);
    x.put(torch.tensor([0, 1]), torch.tensor([5, 6])); x.put(torch.tensor([0.0, 1]), y[0, :2]);
    x.clone().put_(torch.tensor([0, 4, 2]), y[0]); x.put(torch.tensor(1), y[0, 0]);
    x.clone().put_(torch.tensor([1, 1]), y[0, :2], accumulate=True); x.put(torch.tensor([0, 1, 2, 3, 4, 5]), y);
    x.index_add(1, torch.tensor([0, 0]), y[:, :2]); x.index_add(1, torch.tensor([2, 0]), y[:, 1:] * x[:, :2], alpha=3);
    x.index_add(1, torch.tensor([0, -1]), y[:, :2]); x.index_add(1, torch.tensor([0, 3]), y[:, :2]);
    x.index_add(1, torch.tensor([0, 1]), y); x.index_add(1, torch.tensor([0, 1]), torch.ones(3, 2).to(x.dtype));
    x.index_add(1, torch.tensor([0, 1]), y.half()); x.index_add(1, torch.tensor([0.0]), y[:, :1]);
    x.index_add(1, torch.tensor([[0, 1]]), y[:, :2]); x.index_add(1, torch.tensor(1), y[:, :1]);
    x.index_add(1, torch.tensor([0]), y[0, :1]); x[0, 0].index_add(0, torch.tensor([0]), y[0, 0]);
    x[0, 0].index_add(0, torch.tensor([0]), y[0, :1]); x.clone().index_add_(0, torch.tensor([1, 1]), y, alpha=0.5);
    x.index_add(0, torch.tensor([], dtype=torch.int64), y[:0]); x.index_copy(1, torch.tensor([0, 2]), y[:, :2]);
    x.index_copy(0, torch.tensor([1, 0]), y * y); x.index_copy(1, torch.tensor([0, -1]), y[:, :2]);
    x.index_copy(1, torch.tensor([0, 3]), y[:, :2]); x.index_copy(1, torch.tensor([0, 1]), y);
    x.index_copy(1, torch.tensor([0, 1]), torch.ones(3, 2).to(x.dtype));
    x.index_copy(1, torch.tensor([0.0]), y[:, :1]); x.index_copy(1, torch.tensor([0, 1]), y[:, :2].half());
    x.index_copy(1, torch.tensor([[0]]), y[:, :1]); x.index_copy(1, torch.tensor(0), y[:, :1]);
    x.index_copy(1, torch.tensor(0), y[0, 0]); x.index_copy(1, torch.tensor([0]), y[0, :1]);
    x[0, 0].index_copy(0, torch.tensor(0), y[0, 0]); x.clone().index_copy_(1, torch.tensor([2]), y[:, :1]);
    x.index_fill(1, torch.tensor([0, 2]), 3.0); x.index_fill(1, torch.tensor([0, -1]), 3);
    x.index_fill(1, torch.tensor([0, 3]), 3.0); x.index_fill(1, torch.tensor([-4]), 3.0);
    x.index_fill(1, torch.tensor([0]), y[0, 0] * y[0, 1]); x.index_fill(1, torch.tensor([0]), y[0, :1]);
    x.index_fill(1, torch.tensor([0.0]), 3.0); x.index_fill(1, torch.tensor([0]), 3j);
    x.index_fill(1, torch.tensor([[0]]), 1.0); x.index_fill(1, torch.tensor(0), 1.0);
    x[0, 0].index_fill(0, torch.tensor(0), 1.0); x.clone().index_fill_(0, torch.tensor([1]), 2.0);
    x.index_put((torch.tensor([0, 1]), torch.tensor([0, 2])), y[0, :2]);
    x.index_put((torch.tensor([0, 0]), torch.tensor([2, 2])), y[:, 1], accumulate=True);
    x.index_put((torch.tensor([0, 1]),), y[0, 0]); x.index_put((torch.tensor([0, 7]),), y[0, 0]);
    x.index_put((torch.tensor([0, 1]),), y[0, :2]); x.index_put((x > 0,), y[0, 0]);
    x.index_put([torch.tensor([-1])], y[1:]); x.index_put((torch.tensor([0, 1]),), torch.tensor(5));
    x.index_put((torch.tensor([0, 1]),), 5.0); x.index_put((torch.tensor([0, 1]), None), y[0, 0]);
    x.index_put((torch.tensor([0.0]),), y[0, 0]); x.index_put((torch.tensor(0), torch.tensor([1])), y[0, 0]);
    x.index_put((torch.tensor([0]),) * 3, y[0, 0]); x.index_put((torch.tensor([True, False]),), y[:1]);
    x.index_put((torch.tensor([True, False, True]),), y[0, 0]);
    x.clone().index_put_((torch.tensor([1, 1]),), y, accumulate=True);
    x.index_reduce(1, torch.tensor([0, 0]), y[:, :2], 'prod');
    x.index_reduce(1, torch.tensor([0, 2]), y[:, 1:], 'mean');
    x.index_reduce(1, torch.tensor([0, 0]), y[:, :2] * 1, 'amax', include_self=False);
    x.index_reduce(0, torch.tensor([1, 1]), y, 'amin'); x.index_reduce(1, torch.tensor([0, 0]), y[:, :2], 'sum');
    x.index_reduce(0, torch.tensor([1, 1]), y * x, 'mean', include_self=False);
    x.index_reduce(1, torch.tensor([0, 5]), y[:, :2], 'prod');
    x.index_reduce(1, torch.tensor([0, -1]), y[:, :2], 'prod');
    x.index_reduce(1, torch.tensor([0, 0]), y[:, :2].half(), 'prod');
    x.index_reduce(1, torch.tensor([0.0]), y[:, :1], 'prod');
    x.index_reduce(1, torch.tensor([[0, 0]]), y[:, :2], 'prod'); x.index_reduce(1, torch.tensor([0, 1]), y, 'prod');
    x.clone().index_reduce_(0, torch.tensor([1]), y[:1], 'prod'); x.masked_scatter(y > 0, y);
    x.masked_scatter(y > 0, y * x); x.masked_scatter(y > 0, y[0, :2]); x.masked_scatter(y > 0, torch.arange(6));
    x.masked_scatter(x, y); x.masked_scatter(torch.tensor([True, False, True]), y * y); x[0].masked_scatter(y > 0, y);
    x.masked_scatter(y > 9, y[:0]); x.clone().masked_scatter_(y < 1, y);
    x.masked_scatter(torch.tensor([True, False]), y)
""")  # fmt: skip
TIED = listed(TIES, """
    x.scatter_reduce(0, torch.tensor([[0, 0, 0], [0, 0, 1]]), y, 'amax');
    x.index_reduce(0, torch.tensor([0, 0]), y, 'amin');
    x.scatter_reduce(0, torch.tensor([[0, 0, 0], [0, 0, 1]]), y, 'amin', include_self=False);
    x.scatter_reduce(1, torch.tensor([[0, 0, 1], [1, 2, 2]]), y, 'prod');
    x.index_reduce(0, torch.tensor([0, 0]), y, 'prod'); x.index_reduce(0, torch.tensor([1, 1]), y, 'amax')
""")  # fmt: skip
INTEGERS = listed(([[5, 2, 3], [4, -7, 6]],), """
    x.scatter_reduce(1, torch.tensor([[0, 0, 1], [1, 2, 2]]), x * 3, 'mean');
    x.index_add(0, torch.tensor([1, 1]), x, alpha=2);
    x.scatter_reduce(1, torch.tensor([[0, 0, 1], [1, 2, 2]]), x * 3, 'amax', include_self=False); x.take(x[0] * 0 + 4);
    x.scatter_reduce(1, torch.tensor([[0, 0, 1], [1, 2, 2]]), x - 3, 'prod', include_self=False);
    x.index_fill(0, x[0, :1] * 0, 7); x.index_fill(0, x[0, :1] * 0, 7.5); x.scatter(1, x[:, :1] * 0, 2.5);
    x.put(x[0, :2] * 0 + 1, x[0, 1:]); x.masked_scatter(x > 3, x * 10); x.masked_select(x > 3);
    x.index_copy(0, x[0, :1] * 0, x[1:])
""", dtypes=("int64",))  # fmt: skip
OVERLAPPING = listed((X,), """
    [t.scatter_add_(0, torch.tensor([0, 0]), t[1:]) for t in [x[0].detach().clone()]][0];
    [t.index_add_(0, torch.tensor([0, 1]), source=t[1:]) for t in [x[0].detach().clone()]][0];
    [t.index_put_((torch.tensor([0, 1]),), t[1:]) for t in [x[0].detach().clone()]][0];
    [t.index_put_((t[:2],), t[:2] * 0) for t in [torch.arange(3)]][0];
    [t.masked_scatter_(t > 0, t[:1].expand(3)) for t in [x[0].detach().clone()]][0];
    [t.index_fill_(0, torch.tensor([1]), t[2]) for t in [x[0].detach().clone()]][0];
    [t.masked_fill_(t > 0, t[2]) for t in [x[0].detach().clone()]][0]
""")  # fmt: skip
ROUNDED = listed((X, Y, PLACES), "x.scatter_reduce(1, z, y, 'prod', include_self=False)", ulps=32,
                 why="PyTorch divides the product by each factor again")  # fmt: skip
SAMPLES = together(GATHERED, ROUNDED, SCATTERED, INDEXED, TIED, INTEGERS, OVERLAPPING)
