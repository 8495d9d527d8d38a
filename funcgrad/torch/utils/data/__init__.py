"""`torch.utils.data`: data sets, and how they are read in batches."""

from funcgrad.torch.utils.data.collate import default_collate, default_convert
from funcgrad.torch.utils.data.dataloader import DataLoader
from funcgrad.torch.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from funcgrad.torch.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from funcgrad.torch.utils.data.workers import get_worker_info
