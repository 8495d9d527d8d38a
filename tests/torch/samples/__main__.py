"""Writes what PyTorch gives for the samples of the areas that are named."""

import json
import sys

import torch

from tests.torch import samples

for area in sys.argv[1:] or samples.AREAS:
    table = {s.expression: [samples.outcome(torch, c) for c in samples.cases(s)] for s in samples.samples(area)}
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in table.items())
    (samples.HERE / f"{area}.json").write_text("{\n" + lines + "\n}\n")
    print(area, len(table), "expressions,", sum("error" in o for v in table.values() for o in v), "errors")
