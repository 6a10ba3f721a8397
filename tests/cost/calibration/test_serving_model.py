import pytest

from optimoe.arch.catalog import find_model
from optimoe.cost.calibration import (
    ClosedPrediction,
)
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment, predict_serving
from optimoe.cost.serving.workload import Workload
from tests.cost.calibration.cases import SHIPPED, blank


def test_the_shipped_factors_are_the_model_that_serves():
    record = blank(concurrency=16)
    deployment = Deployment(
        cluster=Cluster(accelerator=find_accelerator(record.gpu), num_gpus=record.tp),
        workload=Workload(
            input_tokens=record.input_tokens, output_tokens=record.output_tokens, rounds=record.rounds
        ),
        price=given_price(1.0),
    )
    layout = Layout(tp=record.tp)
    estimate = predict_serving(find_model(record.model), deployment, layout=layout, concurrency=record.concurrency)
    predicted = ClosedPrediction().bind([record])(SHIPPED)
    assert predicted.tpot_s == pytest.approx([estimate.tpot_s])
    assert predicted.ttft_s == pytest.approx([estimate.ttft_s])
