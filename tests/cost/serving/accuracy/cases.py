"""Answers whose evidence the tests look at."""

from dataclasses import replace

from optimoe.arch.catalog import find_model
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.accuracy.evidence import evidence
from optimoe.cost.serving.estimate import predict_serving
from optimoe.cost.serving.workload import Workload
from tests.cost.cases import deployment

H100 = find_accelerator("h100-sxm")
MINE = replace(H100, name="mine", architecture="of my own")
"""The data sheet of an H100, of an architecture that nobody measured."""


def asked(
    gpu=H100, model="llama-3.1-70b", concurrency=64, layout=None, context=1024, output=512, gpus=8, **engine
):
    """A deployment and its estimate: 70B in fp8 on eight GPUs unless asked otherwise."""
    arch = find_model(model)
    workload = Workload(input_tokens=context, output_tokens=output)
    served = deployment(gpus, gpu=gpu, workload=workload, **({"precision": "fp8"} | engine))
    estimate = predict_serving(arch, served, layout=layout or Layout(tp=gpus), concurrency=concurrency)
    return arch, served, estimate


def of(**question):
    """The evidence of such an answer."""
    return evidence(*asked(**question))


def side(found, name):
    """One side of the evidence."""
    (one,) = [side for side in found.sides if side.name == name]
    return one
