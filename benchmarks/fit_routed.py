"""Yun 2024's form, Clark 2022's and the joint law on the same rows of Clark's released training curves.

N: parameters that one token sees; D = step × 524,288 tokens; E: experts. Tables: all rows with D > 0 (every
router, k and routing frequency mixed, which no form has a variable for); one router with k = 1 and every
second block routed, with the plain dense runs: all steps, the second half of training, the last rows.
Intervals are bootstraps over whole training runs.

    OPTIMOE_DATA=DIR python benchmarks/fit_routed.py [--resamples 200]
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from optimoe.core.errors import InputError
from optimoe.laws.fitting import FitOptions, bootstrap, fit, hold_out, leave_one_out
from optimoe.laws.runs import load_observations

COLUMNS = {
    "N": "dense_parameter_count",
    "N_act": "dense_parameter_count",
    "D": "step*524288",
    "E": "num_experts",
    "loss": "loss_validation",
}
MAIN = (
    "k == 1 and routing_frequency == 0.5 "
    "and (router_type == '{}' or router_type == 'Dense' and flop_increase == 1)"
)


def tables():
    """Titles and conditions."""
    yield "all rows, every router", "step >= 0"
    for router in ("S-Base", "RL-R", "Hash"):
        yield f"{router}, k = 1, every second block, all steps", MAIN.format(router)
    for router in ("S-Base", "RL-R", "Hash"):
        yield f"{router}, second half of training", MAIN.format(router) + " and step > 125000"
    for router in ("S-Base", "RL-R", "Hash"):
        yield f"{router}, last rows", MAIN.format(router) + " and step > 247000"


def report(runs, family, resamples):
    """One line: verdict, errors, E_max."""
    fitted = fit(runs, family, FitOptions())
    draws = bootstrap(runs, fitted, resamples=resamples, cluster="run")
    test, levels = hold_out(runs, family, "top20%"), leave_one_out(runs, family, "E")
    held = [level.held_runs for level in levels]
    unseen = np.sqrt(np.average([level.rmse_log**2 for level in levels], weights=held))
    interval, limits = draws.intervals()["E_max"], ",".join(fitted.at_bound)
    print(f"  {family:13}{fitted.verdict:16}{limits:12}{fitted.condition:9.1e}{fitted.rmse_log:9.4f}", end="")
    print(
        f"{test.rmse_log:9.4f}{test.bias_log:+9.4f}{unseen:9.4f}   {fitted.coefficients['E_max']:<8.4g}",
        end="",
    )
    print(f" {interval.low:.4g} to {interval.high:.4g}", end="")
    print(f"   {fitted.agree}/{fitted.starts} agree, {draws.converged:.0%} of refits converged", flush=True)


def main(words: Sequence[str]):
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--resamples", type=int, default=200)
    options = parser.parse_args(words)
    path = Path(os.environ["OPTIMOE_DATA"]) / "routing_curves" / "curves.csv"
    print("residuals are of ln L; held out: the largest 20 % by 6ND; unseen E: each E left out in turn")
    heads = f"  {'family':13}{'verdict':16}{'at bound':12}{'cond.':>9}{'rmse':>9}{'held out':>9}{'bias':>9}"
    for title, condition in tables():
        labels = {"run": "hyper_id"}
        runs = load_observations(path, COLUMNS, where=condition, labels=labels, bad_rows="exclude")
        print(f"\n{title}: {len(runs)} rows, {len(runs.flags)} left out")
        print(f"{heads}{'unseen E':>9}   E_max    90 %")
        for family in ("yun", "ludziejewski", "clark"):
            try:
                report(runs, family, options.resamples)
            except InputError as error:
                print(f"  {family:13}{error}")


if __name__ == "__main__":
    main(sys.argv[1:])
