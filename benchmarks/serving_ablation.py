"""What each mechanism of a step brings on the measured deployments: each one switched off in turn.

    OPTIMOE_DATA=… python benchmarks/serving_ablation.py

Rows: serving_rows.answered_rows. Two errors a mechanism: with the shipped coefficients, and with those of the
engines' own time fitted again without it (both in-sample), where others stand in for it as far as they can.
Deployments over pipeline stages are not among the rows; of more attention ranks than one there are six.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fit_engine import Coefficients, Fit, Timed, by_engine, errors, fit, timed
from optimoe.cost.engines.engine import Engine
from optimoe.cost.kernels.fitted import FITTED_NAME
from optimoe.cost.serving.systems.ranks import ALONE
from serving_rows import ServingRow, answered_rows

ONE_START = {"launch_s": (4e-5,), "request_s": (5e-5,)}
"""Near what is shipped: the other starts end there or higher."""


@dataclass(frozen=True, kw_only=True)
class Without:
    """The model without one mechanism.

    Attributes:
        name: What is left out.
        row: How a row is timed without it.
        pinned: Coefficients that stand for it, at what they are without it.
    """

    name: str
    row: Callable[[ServingRow], Timed] = timed
    pinned: Coefficients


def one_curve(engine: Engine) -> Engine:
    """The engine with the kernels of its GPU's architecture, whoever wrote them."""
    return replace(engine, execution=replace(engine.execution, kernels=FITTED_NAME))


MECHANISMS = (
    Without(name="all of it", pinned={}),
    Without(name="curves by engine", row=lambda row: timed(row, one_curve), pinned={}),
    Without(name="requests behind the step", pinned={"hidden": 0.0}),
    Without(name="sampling by sort", pinned={"sampling_passes": 0.0}),
    Without(name="prompts that share and ride", row=lambda row: timed(row, riding=False), pinned={}),
    Without(name="launches of prompt steps", pinned={"launch_s": 0.0}),
    Without(name="time per prompt token", pinned={"prompt_token_s": 0.0}),
    Without(name="ranks that wait", row=lambda row: replace(timed(row), ranks=ALONE), pinned={}),
)


def main() -> None:
    """Print the table."""
    rows = answered_rows()
    heads = "".join(f"{head:>13}" for head in ("TPOT", "<20 %", "TTFT", "TPOT again", "<20 %", "TTFT"))
    print(f"{'without':<30}{heads}")
    for without in MECHANISMS:
        found = [without.row(row) for row in rows]
        columns = by_engine(found)
        shipped: Fit = {name: replace(one.engine.host, **without.pinned) for name, one in columns.items()}
        cells = ""
        for hosts in (shipped, fit(columns, ONE_START, without.pinned)):
            tpot, ttft = abs(errors(found, hosts))
            cells += f"{np.median(tpot):>13.3f}{np.mean(tpot < np.log(1.2)):>13.2f}{np.median(ttft):>13.3f}"
        print(f"{without.name:<30}{cells}", flush=True)


if __name__ == "__main__":
    main()
