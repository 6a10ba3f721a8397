"""``optimoe compare``: models beside each other."""

from typing import TYPE_CHECKING

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show_columns, warn
from optimoe.core.errors import InfeasibleError
from optimoe.inputs.models import CompareRequest

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec
    from optimoe.cost.published.epoch_rules import DenseEquivalent
    from optimoe.cost.serving.estimate import Deployment
    from optimoe.cost.sizing.dense_equivalent import ServingCosts


def compare(request: CompareRequest, *, json: JsonFlag = False) -> None:
    """Models side by side, each with the dense model that it is equal to in every regime.

    Twice: by the rules of thumb of Epoch AI, and by the full cost model on the given GPUs.
    """
    from optimoe.arch.count import count
    from optimoe.cost.published.epoch_rules import dense_equivalent
    from optimoe.cost.sizing.dense_equivalent import dense_ladder
    from optimoe.report.records.arch import compared_record, comparison_record, count_record
    from optimoe.report.words.arch_prose import arch_columns, dense_equivalent_columns

    deployment = request.deployment()
    ladder = dense_ladder(deployment)
    records = [
        compared_record(
            count_record(spec, count(spec, request.context)),
            dense_equivalent(spec),
            _by_cost(spec, deployment, ladder),
        )
        for spec in request.specs()
    ]
    by_rule, by_cost = dense_equivalent_columns(records, on=f"{request.gpus}, {request.precision}")
    show_columns(
        json,
        lambda: comparison_record(records),
        lambda: [*arch_columns(records), *by_rule],
        lambda: [("", *("" for _ in records)), *by_cost],
    )


def _by_cost(spec: "ArchSpec", deployment: "Deployment", ladder: "list[ServingCosts]") -> "DenseEquivalent | None":
    """The dense sizes of equal cost; none, which is said, where the model does not fit the GPUs."""
    from optimoe.cost.sizing.dense_equivalent import full_dense_equivalent

    try:
        return full_dense_equivalent(spec, deployment, ladder)
    except InfeasibleError as error:
        warn(str(error))
        return None
