# ruff: noqa: E501
"""Programs that read data sets. What PyTorch prints is stored in data_expected.json, by
`python -m tests.torch.data_programs`, with PyTorch installed: with workers those of its own processes."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.torch.programs import outcome

EXPECTED = Path(__file__).with_name("data_expected.json")
D = "D = torch.utils.data\n"
READ = {
    "batches of a data set": D + """
class S(D.Dataset):
    def __init__(self, n): self.n = n
    def __len__(self): return self.n
    def __getitem__(self, i):
        if i >= self.n: raise IndexError(i)
        return torch.tensor([i, i * i]), i * 0.5, {"name": f"e{i}", "v": np.float32(i)}
torch.manual_seed(1)
for b in D.DataLoader(S(5), batch_size=2): print(b)
for b in D.DataLoader(S(5), batch_size=2, shuffle=True, drop_last=True): print(b)
for b in D.DataLoader(S(3), batch_size=None): print(b)
print(len(D.DataLoader(S(5), batch_size=2)), len(D.DataLoader(S(5), batch_size=2, drop_last=True)), torch.rand(1))
""",
    "shuffled tensors": D + """
torch.manual_seed(0)
t = D.TensorDataset(torch.arange(10.), torch.arange(10))
for e in range(2):
    for x, y in D.DataLoader(t, batch_size=4, shuffle=True): print(x, y)
g = torch.Generator().manual_seed(5)
for x, y in D.DataLoader(t, batch_size=4, shuffle=True, generator=g): print(x, y)
for x, y in D.DataLoader(t, batch_size=4, shuffle=True, generator=g): print(x, y)
print(torch.rand(2), torch.rand(2, generator=g))
print(t[2], t[1:3], len(t), t[-1])
""",
    "samplers": D + """
torch.manual_seed(3)
print(list(D.RandomSampler(range(7)))); print(list(D.RandomSampler(range(7), replacement=True, num_samples=40))); print(list(D.RandomSampler(range(5), num_samples=12)))
print(list(D.WeightedRandomSampler([0.1, 0.5, 0.2, 3.], 10))); print(list(D.WeightedRandomSampler([1., 2., 3.], 3, replacement=False)))
print(list(D.SubsetRandomSampler([4, 5, 6, 9]))); print(list(D.SequentialSampler(range(3)))); print(list(D.BatchSampler(range(7), 3, False)), list(D.BatchSampler(range(7), 3, True)), len(D.BatchSampler(range(7), 3, True)))
print(torch.rand(1))
""",
    "errors": D + """
for f in [lambda: D.RandomSampler(range(0)), lambda: D.RandomSampler(range(3), replacement=1), lambda: D.RandomSampler(range(3), num_samples=0), lambda: D.WeightedRandomSampler([1.], 0), lambda: D.WeightedRandomSampler([[1.]], 1), lambda: list(D.WeightedRandomSampler([1., 2.], 3, replacement=False)), lambda: D.BatchSampler(range(3), 0, False), lambda: D.BatchSampler(range(3), 2, 1), lambda: D.DataLoader([1], sampler=[0], shuffle=True), lambda: D.DataLoader([1], batch_sampler=[[0]], batch_size=2), lambda: D.DataLoader([1], batch_size=None, drop_last=True), lambda: D.DataLoader([1], num_workers=-1), lambda: D.DataLoader([1], timeout=-1), lambda: D.DataLoader([1], prefetch_factor=2), lambda: D.DataLoader([1], persistent_workers=True), lambda: list(D.DataLoader([1, "a"], batch_size=2)), lambda: list(D.DataLoader([[1], [1, 2]], batch_size=2)), lambda: list(D.DataLoader([object()])), lambda: list(D.DataLoader([None])), lambda: list(D.DataLoader([torch.ones(1), torch.ones(2)], batch_size=2)), lambda: list(D.DataLoader([{"a": 1}, {"b": 1}], batch_size=2)), lambda: D.TensorDataset(torch.ones(2), torch.ones(3)), lambda: D.random_split(range(10), [5, 4]), lambda: D.random_split(range(10), [0.5, 0.6]), lambda: D.random_split(range(10), [1.5, -0.5]), lambda: D.Dataset()[0], lambda: len(D.Dataset()), lambda: list(D.DataLoader([])), lambda: D.DataLoader([1], batch_size=0), lambda: D.DataLoader([], shuffle=True), lambda: len(D.Subset(range(5), [0, 1])), lambda: D.Subset(range(5), [0, 9])[1], lambda: D.ConcatDataset([]), lambda: D.ConcatDataset([range(2), range(3)])[7], lambda: D.ConcatDataset([range(2), range(3)])[-6], lambda: list(D.DataLoader([1], batch_size=1.5)), lambda: D.DataLoader([1]).batch_size, lambda: setattr(D.DataLoader([1]), "batch_size", 3)]:
    try: print(f())
    except Exception as e: print(type(e).__name__, str(e).split("Original")[0][:300])
""",
    "random parts": D + """
torch.manual_seed(0)
for s in D.random_split(range(10), [3, 7]): print(list(s), s.indices)
for s in D.random_split(range(11), [0.3, 0.3, 0.4]): print(list(s), len(s))
for s in D.random_split(range(10), [0.5, 0.5], generator=torch.Generator().manual_seed(42)): print(list(s))
for s in D.random_split(range(2), [0.5, 0.3, 0.2]): print(list(s))
""",
    "joined data sets": D + """
c = D.ConcatDataset([[1, 2], "abc", range(3)])
print(list(c), len(c), c[2], c[-1], c.cumulative_sizes)
s = D.Subset([10, 20, 30, 40], [3, 1]); print(list(s), s[0], s.__getitems__([0, 1]))
print(D.StackDataset([1, 2], ["a", "b"])[1], D.StackDataset(a=[1, 2], b=[3, 4])[0], len(D.StackDataset([1, 2])))
class I(D.IterableDataset):
    def __init__(self, n): self.n = n
    def __iter__(self): return iter(range(self.n))
print(list(D.ChainDataset([I(2), I(3)])), list(I(2) + I(1)))
for b in D.DataLoader(I(5), batch_size=2): print(b)
for b in D.DataLoader(I(5), batch_size=2, drop_last=True): print(b)
for b in D.DataLoader(I(3), batch_size=None): print(b)
try: len(D.DataLoader(I(5)))
except Exception as e: print(type(e).__name__, e)
for kw in [dict(shuffle=True), dict(sampler=[0]), dict(batch_sampler=[[0]])]:
    try: D.DataLoader(I(5), **kw)
    except Exception as e: print(type(e).__name__, str(e)[:200])
""",
    "collating": D + """
import collections
P = collections.namedtuple("P", "x y")
for b in [[1, 2], [1.5, 2.], ["a", "b"], [b"a"], [(1, 2), (3, 4)], [[1, 2], [3, 4]], [{"a": 1, "b": [1, 2]}, {"a": 2, "b": [3, 4]}], [P(1, 2.), P(3, 4.)], [np.ones(2), np.zeros(2)], [np.float32(1), np.float32(2)], [np.float64(1)], [torch.ones(2), torch.zeros(2)], [True, False], [1, 2.5], [np.array(1), np.array(2)], [np.int64(1), np.int64(2)], [collections.OrderedDict(a=1), collections.OrderedDict(a=2)], [("a", 1), ("b", 2)], [1j, 2j], [torch.tensor(1), torch.tensor(2)], [np.array(["a"])], [range(2), range(2)], [None, None], [{1, 2}]]:
    try: r = D.default_collate(b); print(r, type(r).__name__)
    except Exception as e: print(type(e).__name__, str(e)[:150])
    try: r = D.default_convert(b[0]); print(r, type(r).__name__)
    except Exception as e: print(type(e).__name__, str(e)[:150])
""",
    "options of a loader": D + """
seen = []
def init(i): seen.append(i)
l = D.DataLoader(list(range(6)), batch_size=4, worker_init_fn=init, collate_fn=lambda b: sum(b), pin_memory=False)
print(list(l), seen, l.dataset, l.num_workers, l.drop_last, l.batch_size, type(l.sampler).__name__, type(l.batch_sampler).__name__, l.collate_fn is not None, D.get_worker_info())
l = D.DataLoader(list(range(6)), batch_sampler=[[0, 1], [5, 2, 3]]); print(list(l), len(l), l.batch_size)
l = D.DataLoader(list(range(6)), sampler=[3, 1, 2], batch_size=2); print(list(l), len(l))
it = iter(l); print(next(it), next(it))
try: next(it)
except StopIteration: print("stop")
print(len(it))
l = D.DataLoader(torch.arange(6), batch_size=4); print(list(l))
l = D.DataLoader(np.arange(6.), batch_size=4); print(list(l))
l = D.DataLoader("abcd", batch_size=3); print(list(l))
l = D.DataLoader([(1, "a"), (2, "b")], 2, True); torch.manual_seed(0); print(list(l))
""",
    "a sampler of one's own": D + """
torch.manual_seed(0)
class G(D.Dataset):
    def __len__(self): return 6
    def __getitem__(self, i): return torch.rand(1) + i
    def __getitems__(self, idx): return [torch.rand(1) * 0 + i for i in idx]
print(list(D.DataLoader(G(), 3, shuffle=True)), torch.rand(1))
w = D.WeightedRandomSampler(torch.tensor([1., 2., 3.]), 6, generator=torch.Generator().manual_seed(1))
print(list(D.DataLoader(torch.arange(3), sampler=w, batch_size=3)))
class Odd(D.Sampler):
    def __init__(self, n): self.n = n
    def __iter__(self): return iter(range(1, self.n, 2))
    def __len__(self): return self.n // 2
print(list(D.DataLoader(torch.arange(7), sampler=Odd(7), batch_size=2)), len(D.DataLoader(torch.arange(7), sampler=Odd(7), batch_size=2)))
print(list(D.BatchSampler(D.RandomSampler(range(5), generator=torch.Generator().manual_seed(2)), 2, False)))
""",
}
WORKERS = {
    "workers keep the order": D + """
class S(D.Dataset):
    def __len__(self): return 7
    def __getitem__(self, i): return i * 10
torch.manual_seed(0)
print([b.tolist() for b in D.DataLoader(S(), 2, shuffle=True, num_workers=2)], torch.rand(1))
print([b.tolist() for b in D.DataLoader(S(), 2, num_workers=1, prefetch_factor=2)], D.DataLoader(S(), num_workers=2).prefetch_factor)
print([b.tolist() for b in D.DataLoader(S(), 2, num_workers=2, drop_last=True)], torch.rand(1), D.get_worker_info())
""",
    "random numbers of workers": D + """
import random
class S(D.Dataset):
    def __len__(self): return 8
    def __getitem__(self, i):
        w = D.get_worker_info()
        return torch.rand(1), random.random(), np.random.rand(), w.id, w.num_workers, i, torch.initial_seed() % 1000
torch.manual_seed(0); random.seed(0); np.random.seed(0)
for b in D.DataLoader(S(), 2, shuffle=True, num_workers=2): print(b)
print(torch.rand(1), random.random(), np.random.rand())
l = D.DataLoader(S(), 2, shuffle=True, num_workers=2, persistent_workers=True, generator=torch.Generator().manual_seed(3))
for _ in range(2):
    for b in l: print(b[0], b[1], b[5], b[3])
print(torch.rand(1))
""",
    "a worker's own data set": D + """
import random
class S(D.Dataset):
    def __len__(self): return 4
    def __getitem__(self, i): return np.random.rand(), self.shift
def init(i):
    D.get_worker_info().dataset.shift = i * 100
    s = torch.initial_seed() % 2**32; np.random.seed(s); random.seed(s)
torch.manual_seed(0)
for b in D.DataLoader(S(), 1, num_workers=2, worker_init_fn=init): print(b)
""",
    "iterable data sets in workers": D + """
class I(D.IterableDataset):
    def __init__(self, n): self.n = n
    def __iter__(self):
        w = D.get_worker_info()
        return iter(range(self.n)) if w is None else iter(range(w.id, self.n, w.num_workers))
print(list(D.DataLoader(I(7), batch_size=2)))
print(list(D.DataLoader(I(7), batch_size=2, num_workers=2)))
print(list(D.DataLoader(I(11), batch_size=2, num_workers=2)))
print(list(D.DataLoader(I(5), batch_size=2, num_workers=2, drop_last=True)))
print(list(D.DataLoader(I(5), batch_size=None, num_workers=2)))
class J(D.IterableDataset):
    def __iter__(self): yield from [1, 2, 3]
print(list(D.DataLoader(J(), batch_size=2, num_workers=2)))
""",
    "how far workers read ahead": D + """
torch.manual_seed(5)
l = D.DataLoader(list(range(100)), batch_size=4, sampler=D.RandomSampler(range(100), replacement=True, num_samples=100), num_workers=2)
for i, b in enumerate(l):
    if i % 5 == 0: print(b, torch.rand(1))
    if i == 12: break
print(torch.rand(1))
""",
    "options of workers": D + """
for kw in [dict(num_workers=1, prefetch_factor=-1), dict(num_workers=2, timeout=5), dict(num_workers=2, multiprocessing_context="fork")]:
    try: print(list(D.DataLoader([1, 2], **kw)))
    except Exception as e: print(type(e).__name__, e)
""",
}
"""Their outcomes have no warnings: PyTorch's tell of the machine's cores, and funcgrad.torch's that there are no processes."""


@lru_cache(maxsize=1)
def expected() -> dict[str, Any]:
    return json.loads(EXPECTED.read_text())


def main() -> None:
    import torch

    found = {name: outcome(torch, program) for name, program in {**READ, **WORKERS}.items()}
    EXPECTED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
