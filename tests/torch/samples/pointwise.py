"""Functions of elements."""

from tests.torch.samples import Sample

NUMBERS = ([0.3, -0.7, 1.6], [0.5, 2.5, -1.25])
SAMPLES = [
    Sample("torch.sinc(x)", (([0.3, -0.7, 1.6],), ([0.0, 1.0, -2.0],)), exact=True, why="PyTorch divides 0 by 0"),
    Sample("torch.logaddexp2(x, y)", (NUMBERS,)),
    Sample("torch.float_power(x, y)", (([0.3, 0.7, 1.6], [0.5, 2.5, -1.25]),)),
    Sample("torch.round(x, decimals=1)", (([0.35, -0.75, 1.64],),)),
    Sample("torch.rsub(x, y, alpha=2)", (NUMBERS,)),
]
