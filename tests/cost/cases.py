"""Deployments that the tests of serving and sizing ask about."""

from dataclasses import replace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout, candidate_layouts, divides
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload


def in_blocks(arch):
    """The model with equal layers in one group, wherever they stand: as dear, and counted sooner."""
    counts = {}
    for group in arch.layers:
        kind = replace(group, num_layers=1)
        counts[kind] = counts.get(kind, 0) + group.num_layers
    return replace(arch, layers=tuple(replace(kind, num_layers=number) for kind, number in counts.items()))


H100 = find_accelerator("h100-sxm")
MIXTRAL, DEEPSEEK, LLAMA = (find_model(name) for name in ("mixtral-8x7b", "deepseek-v3", "llama-3.1-8b"))
SCOUT, GPT_OSS = (in_blocks(find_model(name)) for name in ("llama-4-scout", "gpt-oss-20b"))
LAYOUTS = [
    Layout(tp=int(tp), ep=int(ep), pp=int(pp), dp=int(dp))
    for num_gpus in (1, 8, 16)
    for every in [candidate_layouts(num_gpus, 8, {}, routed=True)]
    for tp, ep, pp, dp in zip(every.tp, every.ep, every.pp, every.dp, strict=True)
    if divides(MIXTRAL, Layout(tp=int(tp), ep=int(ep), pp=int(pp), dp=int(dp)))
]
"""Every layout of Mixtral on 1, 8 and 16 GPUs."""


def machine(layout=None, gpu=H100, **execution):
    return Machine(gpu=gpu, layout=layout or Layout(), execution=Execution(**execution))


def deployment(gpus=8, limits=None, workload=None, gpu=H100, **engine):
    """Some GPUs, two dollars an hour each, with an engine as set up."""
    return Deployment(
        cluster=Cluster(accelerator=gpu, num_gpus=gpus),
        workload=workload or Workload(),
        limits=limits or Limits(),
        price=given_price(2.0),
        engine=find_engine("vllm", **engine),
    )


def asked(gpus=8, gpu="h100-sxm", limits=None, **requests):
    """The same GPUs and engine, asked for requests of these lengths."""
    return deployment(gpus, limits, Workload(**requests), find_accelerator(gpu))


AT_ONCE = 25
"""Points of a grid in each example: a grid equals its scalars, and takes little longer than one of them."""
FEW = settings(max_examples=settings().max_examples // 10)


def points(**ranges):
    """Points of a grid, one array for each of their numbers."""
    rows = st.lists(st.tuples(*ranges.values()), min_size=AT_ONCE, max_size=AT_ONCE)
    return rows.map(lambda rows: dict(zip(ranges, map(np.array, zip(*rows, strict=True)), strict=True)))


def layouts_at(rows):
    """Of :data:`LAYOUTS` those of so many numbers, as arrays."""
    degrees = ("tp", "ep", "pp", "dp")
    return Layout(**{name: np.array([getattr(LAYOUTS[row], name) for row in rows]) for name in degrees})
