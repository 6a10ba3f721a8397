"""Figures to the article of Epoch AI (December 2024) that take the full cost model."""

from optimoe.arch.catalog import find_model
from optimoe.core.claims import FigureMaker, Series, TextFigure
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import unknown_price
from optimoe.cost.published.epoch_rules import dense_equivalent
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.dense_equivalent import dense_models, fastest_decode, size_at

MODEL, NUM_GPUS = "mixtral-8x22b", 8
BATCHES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


def by_batch() -> TextFigure:
    """Dense equivalent of Mixtral 8x22B by batch, by the full cost model and by the rule."""
    deployment = Deployment(
        cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=NUM_GPUS),
        workload=Workload(),
        price=unknown_price(),
    )
    model = find_model(MODEL)
    sizes = []
    for requests in BATCHES:
        ladder = [fastest_decode(dense, deployment, requests).total_s for dense in dense_models()]
        sizes.append(size_at(fastest_decode(model, deployment, requests).total_s, ladder))
    rule = dense_equivalent(model)
    return TextFigure(
        key="batch",
        title="Dense equivalent of Mixtral 8x22B by batch, by the full cost model and by the rule",
        x="requests in flight",
        y="dense size, parameters",
        series=(
            Series(name="full cost model", x=BATCHES, y=tuple(sizes)),
            Series(name="rule: fast decode", x=BATCHES, y=(rule.fast_decode,) * len(BATCHES)),
            Series(name="rule: slow decode", x=BATCHES, y=(rule.slow_decode,) * len(BATCHES)),
        ),
        x_log=True,
        notes=(
            f"on {NUM_GPUS} h100-sxm, bf16, 1,024 tokens of context, each model in the layout that is fastest",
            "one request reads its 2 of 8 experts, 16 read nearly all of them; beyond some hundred arithmetic "
            "takes over, and the model comes near its active size again",
        ),
    )


FIGURES: dict[str, dict[str, FigureMaker]] = {"epoch2024": {"batch": by_batch}}
"""Text → key → what makes the figure."""
