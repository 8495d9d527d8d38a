"""Reading a data set in batches."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice, repeat
from typing import Any, Generic, TypeVar

from funcgrad.core.warned import warn
from funcgrad.torch._ops.random import Generator
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch.utils.data.collate import default_collate, default_convert
from funcgrad.torch.utils.data.dataset import Dataset, IterableDataset
from funcgrad.torch.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, new_seed
from funcgrad.torch.utils.data.workers import Worker

T = TypeVar("T", covariant=True)
FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
IN_THIS_PROCESS = (
    "DataLoader(num_workers=...): funcgrad.torch reads data in the process that computes, in the order and with the "
    "random numbers of PyTorch's workers. num_workers=0, the default, does so without theirs."
)
NO_PINNED_MEMORY = (
    "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used."
)
EXCLUSIVE = "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"


class DataLoader(Generic[T]):
    """Batches of a data set, in the order of a sampler, each joined by `collate_fn`.

    With `shuffle` the order is PyTorch's for the same seed. Workers read one after the other, in this process: with a
    copy of the data set, and random numbers, of their own.

    >>> import funcgrad.torch as torch
    >>> data = torch.utils.data.TensorDataset(torch.arange(3.0), torch.arange(3))
    >>> for x, i in DataLoader(data, batch_size=2):
    ...     print(x, i)
    tensor([0., 1.]) tensor([0, 1])
    tensor([2.]) tensor([2])
    """

    _initialized = False

    def __init__(
        self,
        dataset: Dataset[T] | Sequence[T],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        whole: Any = dataset
        self.dataset = whole
        self.num_workers = num_workers
        self.prefetch_factor: Any = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._iterates = isinstance(whole, IterableDataset)
        if self._iterates:
            _check_iterable(shuffle, sampler, batch_sampler)
        _check_samplers(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            if self._iterates:
                sampler = repeat(None)
            elif shuffle:
                sampler = RandomSampler(whole, generator=generator)
            else:
                sampler = SequentialSampler(whole)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        in_batches = batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if in_batches else default_convert)
        self.persistent_workers = persistent_workers
        self._reported: int | None = None
        self._workers: list[Worker] | None = None
        self._initialized = True

    def __setattr__(self, name: str, x: Any) -> None:
        if self._initialized and name in FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, x)

    def __iter__(self) -> Iterator[Any]:
        return _BatchesOfWorkers(self) if self.num_workers else _Batches(self)

    def __len__(self) -> int:
        if self._iterates:
            length = self._reported = len(self.dataset)
            if self.batch_size is None:
                return length
            return length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)
        return len(self._index_sampler)

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler


class _Fetcher:
    """Reads the data set: by index, or its iterator's elements one after the other."""

    def __init__(self, loader: DataLoader, dataset: Any) -> None:
        self.loader = loader
        self.dataset = dataset
        self.elements = iter(dataset) if loader._iterates else None
        self.ended = False

    def __call__(self, index: Any) -> Any:
        """The batch, or the element, of an index. StopIteration where the iterator has no more."""
        found = self._element(index) if self.loader.batch_sampler is None else self._batch(index)
        return self.loader.collate_fn(found)

    def _element(self, index: Any) -> Any:
        return self.dataset[index] if self.elements is None else next(self.elements)

    def _batch(self, indices: Any) -> Any:
        dataset = self.dataset
        if self.elements is None:
            many = getattr(dataset, "__getitems__", None)
            return many(indices) if many else [dataset[i] for i in indices]
        if self.ended:
            raise StopIteration
        found = []
        for _ in indices:
            try:
                found.append(next(self.elements))
            except StopIteration:
                self.ended = True
                break
        if not found or (self.loader.drop_last and len(found) < len(indices)):
            raise StopIteration
        return found


class _Batches:
    """One pass through the data set."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader
        if loader.timeout != 0 and not loader.num_workers:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        if loader.pin_memory:
            warn(NO_PINNED_MEMORY)
        self.indices = iter(loader._index_sampler)
        self.count = 0
        self._begin()

    def _begin(self) -> None:
        new_seed(self.loader.generator)  # PyTorch draws the seed of its workers also where it has none
        self.fetch = _Fetcher(self.loader, self.loader.dataset)

    def __iter__(self) -> _Batches:
        return self

    def __len__(self) -> int:
        return len(self.loader._index_sampler)

    def _next(self) -> Any:
        return self.fetch(next(self.indices))

    def __next__(self) -> Any:
        data = self._next()
        self.count += 1
        loader, reported = self.loader, self.loader._reported
        if loader._iterates and reported is not None and self.count > reported * max(loader.num_workers, 1):
            warn(
                f"Length of IterableDataset {loader.dataset} was reported to be {reported}(when accessing "
                f"len(dataloader)), but {self.count} samples have been fetched. ",
            )
        return data


class _BatchesOfWorkers(_Batches):
    """The workers take turns; as many indices are drawn ahead as PyTorch would have sent to them."""

    def _begin(self) -> None:
        loader, count = self.loader, self.loader.num_workers
        warn_once(IN_THIS_PROCESS)
        self.workers = loader._workers or _made(loader)
        if loader.persistent_workers:
            loader._workers = self.workers
        for worker in self.workers:
            worker.ended = False
            with worker.present():
                worker.fetcher = _Fetcher(loader, worker.info.dataset)
        self.turns = cycle(self.workers)
        self.sent: deque[tuple[Worker, Any]] = deque()
        for _ in range(loader.prefetch_factor * count):
            self._send()

    def _send(self) -> None:
        """Give the next index to the worker whose turn it is."""
        worker = next((w for w in islice(self.turns, len(self.workers)) if not w.ended), None)
        if worker is not None:
            for index in islice(self.indices, 1):
                self.sent.append((worker, index))

    def _next(self) -> Any:
        while self.sent:
            worker, index = self.sent.popleft()
            if worker.ended:
                continue
            try:
                with worker.present():
                    data = worker.fetcher(index)
            except StopIteration:
                worker.ended = True
                self._send()
                continue
            self._send()
            return data
        raise StopIteration


def _made(loader: DataLoader) -> list[Worker]:
    base_seed, count = new_seed(loader.generator), loader.num_workers
    return [Worker(i, count, base_seed, loader.dataset, loader.worker_init_fn) for i in range(count)]


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool, context: Any
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers > 0:
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        return
    if prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable "
            "multiprocessing, otherwise set prefetch_factor to None."
        )
    if persistent:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if context is not None:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
            "num_workers=0"
        )


def _check_iterable(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
    for name, x in given.items():
        if x is not None:
            raise ValueError(f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={x}")


def _check_samplers(batch_size: int | None, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(EXCLUSIVE)
    elif batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
