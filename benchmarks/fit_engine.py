"""Fit the engines' own time, and report the error with each model and each GPU left out.

    OPTIMOE_DATA=… python benchmarks/fit_engine.py

Rows: serving_rows.answered_rows. Two coefficients for all engines, seconds per step and per running request, from
TPOT; one for each engine, seconds of its front end, from TTFT. The kernels stand as fitted to single calls.
Soft L1 loss of ln(predicted/measured) beyond 15 %. Copy the coefficients into efficiency.toml and engines.toml.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.serving.batching import Rounds, StepSeconds, closed_system
from optimoe.cost.serving.ranks import LockStep
from optimoe.cost.serving.step import decode_step, prefill_step
from optimoe.cost.serving.workload import Workload
from serving_rows import ServingRow, answered_rows, row_deployment, row_running

OUTLIER = 0.15
COMMON = ("step_s", "request_s")
START = {"step_s": 1e-3, "request_s": 1e-5, "front_s": 0.05}


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """A row with the seconds of its kernels, which the fit does not change."""

    row: ServingRow
    engine: Engine
    workload: Workload
    running: float
    decode_s: float
    prefill_s: float
    ranks: LockStep


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Coefficients: of all engines, and of each one's front end."""

    common: dict[str, float]
    front_s: dict[str, float]


def kernels(row: ServingRow) -> Kernels:
    """The kernels of a decode step and of a prompt, without the engine's own time."""
    deployment = row_deployment(row)
    machine = deployment.machine(row.layout)
    bare = replace(deployment.engine, host=HostTimes(front_s=0.0, step_s=0.0, request_s=0.0))
    running = row_running(row)
    prefill_s = float(prefill_step(machine, bare, row.arch, row.input_tokens).total_s)
    return Kernels(
        row=row,
        engine=deployment.engine,
        workload=deployment.workload,
        running=running,
        decode_s=float(decode_step(machine, bare, row.arch, running, deployment.workload.mean_context).total_s),
        prefill_s=prefill_s,
        ranks=LockStep.of(machine, deployment.engine, row.arch, deployment.workload).at(row.batch),
    )


def errors(rows: Iterable[Kernels], common: dict[str, float], front_s: dict[str, float]) -> np.ndarray:
    """ln(predicted/measured) of TPOT and TTFT, one row each."""
    logs = []
    for timed in rows:
        host = HostTimes(**common, front_s=front_s[timed.row.engine])
        engine = replace(timed.engine, host=host)
        decode_s = timed.decode_s + host.waited_s(timed.decode_s, timed.running)
        prefill_s = timed.prefill_s + host.waited_s(timed.prefill_s, 1)
        stage_s = prefill_s / timed.row.layout.pp
        step = StepSeconds(decode_s=decode_s, token_s=decode_s, prefill_s=prefill_s, stage_s=stage_s)
        requests = Rounds.of(engine, timed.workload)
        system = closed_system(requests, step, batch=timed.row.batch, running=timed.running, ranks=timed.ranks)
        logs.append((np.log(system.tpot_s / timed.row.tpot_s), np.log(system.ttft_s / timed.row.ttft_s)))
    return np.array(logs, dtype=float).T


def fit(rows: list[Kernels]) -> Fit:
    """The common coefficients from TPOT, then each engine's front end from its TTFT."""
    engines = sorted({timed.row.engine for timed in rows})
    nothing = dict.fromkeys(engines, 0.0)

    def tpot(logs: np.ndarray) -> np.ndarray:
        return errors(rows, dict(zip(COMMON, np.exp(logs).tolist(), strict=True)), nothing)[0]

    solved = _solve(tpot, [START[name] for name in COMMON])
    common = dict(zip(COMMON, solved, strict=True))
    front_s = {}
    for engine in engines:
        own = [timed for timed in rows if timed.row.engine == engine]

        def ttft(logs: np.ndarray, own: list[Kernels] = own, engine: str = engine) -> np.ndarray:
            return errors(own, common, {engine: float(np.exp(logs[0]))})[1]

        front_s[engine] = _solve(ttft, [START["front_s"]])[0]
    return Fit(common=common, front_s=front_s)


def left_out(rows: list[Kernels], key: str) -> np.ndarray:
    """Errors of every row by coefficients that its model (or GPU) did not enter."""
    names = np.array([getattr(timed.row, key) for timed in rows])
    held_out = np.zeros((2, len(rows)))
    for name in sorted(set(names.tolist())):
        out = names == name
        rest = [timed for timed, gone in zip(rows, out, strict=True) if not gone]
        fitted = fit(rest)
        mean = float(np.exp(np.mean(np.log(list(fitted.front_s.values())))))
        front_s = {timed.row.engine: mean for timed in rows} | fitted.front_s
        held_out[:, out] = errors(
            [timed for timed, gone in zip(rows, out, strict=True) if gone], fitted.common, front_s
        )
        _line(f"without {name}", held_out[:, out], fitted)
    _line(f"each {key} left out", held_out)
    return held_out


def main() -> None:
    """Print the coefficients, the errors of what was left out, and the quantiles that make the bands."""
    rows = [kernels(row) for row in answered_rows()]
    fitted = fit(rows)
    print({name: float(f"{value:.3g}") for name, value in (fitted.common | fitted.front_s).items()}, "\n")
    print(f"{'':<28}{'rows':>6}{'TPOT |ln|':>11}{'bias':>7}{'<20 %':>7}{'TTFT |ln|':>11}{'bias':>7}  coefficients")
    _line("all, fitted", errors(rows, fitted.common, fitted.front_s))
    by_model = left_out(rows, "model")
    left_out(rows, "system")
    for name, error in zip(("TPOT", "TTFT"), by_model, strict=True):
        print(
            f"{name}, 5 and 95 % of predicted/measured, models left out:", np.exp(np.quantile(error, [0.05, 0.95]))
        )


def _solve(error: object, start: list[float]) -> list[float]:
    minimum = least_squares(error, np.log(start), loss="soft_l1", f_scale=OUTLIER)
    return np.exp(minimum.x).tolist()


def _line(name: str, error: np.ndarray, fitted: Fit | None = None) -> None:
    tpot, ttft = error
    near = np.mean(abs(tpot) < np.log(1.2))
    values = "" if fitted is None else " ".join(f"{v:.2g}" for v in (fitted.common | fitted.front_s).values())
    print(
        f"{name:<28}{len(tpot):>6}{np.median(abs(tpot)):>11.3f}{np.median(tpot):>7.2f}{near:>7.2f}"
        f"{np.median(abs(ttft)):>11.3f}{np.median(ttft):>7.2f}  {values}"
    )


if __name__ == "__main__":
    main()
