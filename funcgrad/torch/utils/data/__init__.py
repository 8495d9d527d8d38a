"""`torch.utils.data`: data sets, and how they are read in batches."""

import typing as _typing

from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.utils.data.collate import default_collate as default_collate
from funcgrad.torch.utils.data.collate import default_convert as default_convert
from funcgrad.torch.utils.data.dataloader import DataLoader as DataLoader
from funcgrad.torch.utils.data.dataset import ChainDataset as ChainDataset
from funcgrad.torch.utils.data.dataset import ConcatDataset as ConcatDataset
from funcgrad.torch.utils.data.dataset import Dataset as Dataset
from funcgrad.torch.utils.data.dataset import IterableDataset as IterableDataset
from funcgrad.torch.utils.data.dataset import StackDataset as StackDataset
from funcgrad.torch.utils.data.dataset import Subset as Subset
from funcgrad.torch.utils.data.dataset import TensorDataset as TensorDataset
from funcgrad.torch.utils.data.dataset import random_split as random_split
from funcgrad.torch.utils.data.sampler import BatchSampler as BatchSampler
from funcgrad.torch.utils.data.sampler import RandomSampler as RandomSampler
from funcgrad.torch.utils.data.sampler import Sampler as Sampler
from funcgrad.torch.utils.data.sampler import SequentialSampler as SequentialSampler
from funcgrad.torch.utils.data.sampler import SubsetRandomSampler as SubsetRandomSampler
from funcgrad.torch.utils.data.sampler import WeightedRandomSampler as WeightedRandomSampler
from funcgrad.torch.utils.data.workers import get_worker_info as get_worker_info

__all__ = _public_names(globals())
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
