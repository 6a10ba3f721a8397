"""``optimoe compare``: models beside each other."""

import sys
from typing import Any

from optimoe.app.cli.arch import count_record
from optimoe.app.cli.printing import print_columns, print_json
from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError
from optimoe.core.records import to_record
from optimoe.core.units import format_count
from optimoe.cost.hardware.price import unknown_price
from optimoe.cost.layers.execution import Execution
from optimoe.cost.published.epoch_rules import dense_equivalent
from optimoe.cost.serving.engine import Engine
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.dense_equivalent import ServingCosts, dense_ladder, full_dense_equivalent
from optimoe.inputs.quantities import Flag, Quantity
from optimoe.inputs.serving import read_cluster


def compare(
    model: str,
    *more: str,
    context: Quantity = 4096.0,
    gpus: str = "32xh100-sxm",
    precision: str = "bf16",
    json: Flag = False,
) -> None:
    """Models side by side, each with the dense model that it is like in every regime.

    Twice: by the rules of thumb of Epoch AI, and by the full cost model on the given GPUs.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        more: Further models.
        context: Length, and position, at which FLOPs are counted.
        gpus: Where the full model serves them and their dense likes, such as 32xh100-sxm.
        precision: Of the weights.
        json: One JSON object instead of text.
    """
    specs = [find_model(name) for name in (model, *more)]
    deployment = Deployment(
        cluster=read_cluster(gpus, None),
        workload=Workload(),
        price=unknown_price(),
        engine=Engine(execution=Execution(precision=precision)),
    )
    ladder = dense_ladder(deployment)
    records = [_record(spec, context, deployment, ladder) for spec in specs]
    if json:
        print_json({"models": records})
        return
    from optimoe.report.words.arch_prose import arch_columns

    print_columns([*arch_columns(records), *_likes(records, "dense_equivalent", "like dense, rule of thumb")])
    print_columns(
        [("", *("" for _ in records)), *_likes(records, "dense_equivalent_full", f"on {gpus}, {precision}")]
    )


def _record(spec: ArchSpec, context: float, deployment: Deployment, ladder: list[ServingCosts]) -> dict[str, Any]:
    record = count_record(spec, count(spec, context)) | {"dense_equivalent": to_record(dense_equivalent(spec))}
    try:
        full = to_record(full_dense_equivalent(spec, deployment, ladder))
    except InfeasibleError as error:
        print(f"optimoe: {error}", file=sys.stderr)
        full = dict.fromkeys(record["dense_equivalent"])
    return record | {"dense_equivalent_full": full}


def _likes(records: list[dict[str, Any]], key: str, label: str) -> list[tuple[str, ...]]:
    """The sizes of the dense likes, a row for each regime."""
    return [
        (f"{label}: {regime.replace('_', ' ')}", *(_size(one[key][regime]) for one in records))
        for regime in records[0][key]
    ]


def _size(params: float | None) -> str:
    return "–" if params is None else format_count(params)
