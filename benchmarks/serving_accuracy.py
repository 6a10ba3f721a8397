"""How far the serving model is from measured engines: TPOT and TTFT by model, engine and GPU.

    OPTIMOE_DATA=… python benchmarks/serving_accuracy.py

Rows: those of serving_rows. Error is ln(predicted/measured). The engine's two coefficients were fitted to
these rows; benchmarks/fit_engine.py prints the errors with each model left out.
"""

from collections import defaultdict

import numpy as np

from optimoe.cost.accelerator import Cluster, find_accelerator
from optimoe.cost.price import given_price
from optimoe.cost.serving import Layout, predict_serving, tpot_band
from optimoe.cost.workload import Workload
from serving_rows import ServingRow, serving_rows


def predicted(row: ServingRow) -> tuple[float, float]:
    """TPOT and TTFT in seconds, of one data-parallel rank."""
    estimate = predict_serving(
        row.arch,
        Cluster(accelerator=find_accelerator(row.system), num_gpus=row.tp),
        Workload(input_tokens=row.input_tokens, output_tokens=row.output_tokens),
        layout=Layout(tp=row.tp, dp=1),
        concurrency=row.batch,
        price=given_price(1.0),
        precision=row.precision,
    )
    return float(estimate.tpot_s), float(estimate.ttft_s)


def main() -> None:
    """Print one line per model, GPU and engine."""
    errors: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    inside = []
    for row in serving_rows():
        tpot_s, ttft_s = predicted(row)
        error = float(np.log(tpot_s / row.tpot_s)), float(np.log(ttft_s / row.ttft_s))
        for key in (
            (row.model, row.system, row.engine),
            (row.model, "all", "all"),
            ("all", "all", "all"),
        ):
            errors[key].append(error)
        low, high = tpot_band(tpot_s)
        inside.append(low <= row.tpot_s <= high)
    print(f"{'':<44}{'TPOT':>11}{'':>29}{'TTFT':>11}")
    print(
        f"{'model':<18}{'gpu':<10}{'engine':<8}{'rows':>5}   "
        f"{'median |ln|':>11}{'bias':>7}{'<20 %':>7}{'p5':>7}{'p95':>7}{'median |ln|':>14}{'bias':>7}"
    )
    for (model, system, engine), pairs in sorted(errors.items()):
        tpot, ttft = np.array(pairs).T
        low, high = np.quantile(tpot, [0.05, 0.95])
        near = np.mean(abs(tpot) < np.log(1.2))
        print(
            f"{model:<18}{system:<10}{engine:<8}{len(tpot):>5}   "
            f"{np.median(abs(tpot)):>11.3f}{np.median(tpot):>7.2f}{near:>7.2f}{low:>7.2f}{high:>7.2f}"
            f"{np.median(abs(ttft)):>14.3f}{np.median(ttft):>7.2f}"
        )
    print(f"measured TPOT inside the stated band: {np.mean(inside):.2f}")


if __name__ == "__main__":
    main()
