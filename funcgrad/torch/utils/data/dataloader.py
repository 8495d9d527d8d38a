"""Reading a data set in batches."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, Generic, TypeVar

from funcgrad.torch._ops.random import Generator
from funcgrad.torch.utils.data.collate import default_collate, default_convert
from funcgrad.torch.utils.data.dataset import IterableDataset
from funcgrad.torch.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, new_seed

T = TypeVar("T", covariant=True)
FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
NO_WORKERS = (
    "DataLoader(num_workers={}): funcgrad.torch reads data in the process that computes. Use num_workers=0 (the "
    "default); a data set that takes long to read can be read ahead by a thread of its own, in its __iter__"
)
NO_PINNED_MEMORY = (
    "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used."
)
EXCLUSIVE = "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"


def get_worker_info() -> None:
    """None: data is read in the main process."""
    return None


class DataLoader(Generic[T]):
    """Batches of a data set, in the order of a sampler, each joined by `collate_fn`.

    With `shuffle` the order is PyTorch's for the same seed. NotImplementedError for `num_workers` above 0.

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
        dataset: Any,
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
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._iterates = isinstance(dataset, IterableDataset)
        if self._iterates:
            _check_iterable(shuffle, sampler, batch_sampler)
        _check_samplers(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            if self._iterates:
                sampler = repeat(None)
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
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
        self._initialized = True

    def __setattr__(self, name: str, x: Any) -> None:
        if self._initialized and name in FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, x)

    def __iter__(self) -> Iterator[Any]:
        return _Batches(self)

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


class _Batches:
    """One pass through the data set."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader
        if loader.timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        if loader.pin_memory:
            warnings.warn(NO_PINNED_MEMORY, stacklevel=3)
        self.indices = iter(loader._index_sampler)
        new_seed(loader.generator)  # PyTorch draws the seed of its workers first, also where it has none
        self.elements = iter(loader.dataset) if loader._iterates else None
        self.ended = False
        self.count = 0

    def __iter__(self) -> _Batches:
        return self

    def __len__(self) -> int:
        return len(self.loader._index_sampler)

    def __next__(self) -> Any:
        index = next(self.indices)
        found = self._element(index) if self.loader.batch_sampler is None else self._batch(index)
        data = self.loader.collate_fn(found)
        self.count += 1
        reported = self.loader._reported
        if self.elements is not None and reported is not None and self.count > reported:
            warnings.warn(
                f"Length of IterableDataset {self.loader.dataset} was reported to be {reported}(when accessing "
                f"len(dataloader)), but {self.count} samples have been fetched. ",
                stacklevel=2,
            )
        return data

    def _element(self, index: Any) -> Any:
        return self.loader.dataset[index] if self.elements is None else next(self.elements)

    def _batch(self, indices: Any) -> Any:
        dataset = self.loader.dataset
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
        raise NotImplementedError(NO_WORKERS.format(num_workers))
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
