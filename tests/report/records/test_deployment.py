"""JSON of what a model is served on."""

from optimoe.core.records import to_json, to_record
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import accelerator_names, find_accelerator
from optimoe.cost.hardware.price import unknown_price
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.workload import Workload
from optimoe.report.records.deployment import (
    accelerator_record,
    engine_record,
    layout_record,
    price_record,
    workload_record,
)
from optimoe.report.records.schema import document


def test_a_layout_shows_the_four_degrees_and_what_is_unusual():
    assert to_record(layout_record(Layout(tp=2))) == {"tp": 2, "ep": 1, "pp": 1, "dp": 1}
    assert to_record(layout_record(Layout(tp=8, sp=2, resident=0.5))) == {
        "tp": 8, "ep": 1, "pp": 1, "dp": 1, "sp": 2, "resident": 0.5,
    }  # fmt: skip


def test_an_engine_is_flat():
    record = to_record(engine_record(Engine(execution=Execution(precision="fp8", overlap=0.5), draft_tokens=2)))
    assert (record["precision"], record["overlap"], record["draft_tokens"]) == ("fp8", 0.5, 2)
    assert "execution" not in record


def test_every_accelerator_has_the_same_keys():
    keys = {tuple(to_record(accelerator_record(find_accelerator(name)))) for name in accelerator_names()}
    assert len(keys) == 1


def test_what_is_not_known_or_not_limited_is_null():
    price = document(price_record(unknown_price()))
    assert (price["schema_version"], price["usd_per_gpu_hour"], price["basis"]) == (1, None, "assumed")
    assert to_record(workload_record(Workload()))["rounds"] is None
    assert "NaN" not in to_json(price)
    assert "Infinity" not in to_json(workload_record(Workload()))
