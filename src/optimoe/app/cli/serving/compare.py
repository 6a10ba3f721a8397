"""``optimoe compare``: models beside each other."""

import sys

from optimoe.app.cli.printing import print_columns, print_json
from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError
from optimoe.cost.hardware.price import unknown_price
from optimoe.cost.layers.execution import Execution
from optimoe.cost.published.epoch_rules import dense_equivalent
from optimoe.cost.serving.engine import Engine
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.dense_equivalent import ServingCosts, dense_ladder, full_dense_equivalent
from optimoe.inputs.quantities import Flag, Quantity
from optimoe.inputs.serving import read_cluster
from optimoe.report.records.arch import ComparedRecord, compared_record, comparison_record, count_record


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
    records = [_compared(spec, context, deployment, ladder) for spec in specs]
    if json:
        print_json(comparison_record(records))
        return
    from optimoe.report.words.arch_prose import arch_columns, dense_equivalent_columns

    by_rule, by_cost = dense_equivalent_columns(records, on=f"{gpus}, {precision}")
    print_columns([*arch_columns(records), *by_rule])
    print_columns([("", *("" for _ in records)), *by_cost])


def _compared(
    spec: ArchSpec, context: float, deployment: Deployment, ladder: list[ServingCosts]
) -> ComparedRecord:
    counted = count_record(spec, count(spec, context))
    try:
        by_cost = full_dense_equivalent(spec, deployment, ladder)
    except InfeasibleError as error:
        print(f"optimoe: {error}", file=sys.stderr)
        return compared_record(counted, dense_equivalent(spec), None)
    return compared_record(counted, dense_equivalent(spec), by_cost)
