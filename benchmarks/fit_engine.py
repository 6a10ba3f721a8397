"""Fit the engines' own time, and report the error with each model and each GPU left out, and where it goes.

    OPTIMOE_DATA=… python benchmarks/fit_engine.py [trends]

Rows: serving_rows.answered_rows. Common to all engines: seconds of a launch in a step that no graph holds, and
of a request behind the GPU's step; both show only where the GPU is short, in few rows. For each engine: its
front end, a step, a token of a prompt, and passes over the logits where it samples by sorting them. Kernels stand
as fitted to single calls. Soft L1 loss of ln(predicted/measured) beyond 15 %, TTFT at half the weight of TPOT;
several starts, for a host that is hidden has no slope. Copy the coefficients into engines.toml.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.optimize import least_squares

from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.prompts import PromptKernels, prompt_work, side_by_side
from optimoe.cost.serving.step import LOGIT_BYTES, decode_kernels
from optimoe.cost.serving.systems.batching import Rounds, StepSeconds, closed_system
from optimoe.cost.serving.systems.ranks import LockStep, stacked
from optimoe.cost.serving.workload import Workload
from serving_rows import ServingRow, answered_rows, row_deployment, row_running

OUTLIER = 0.15
TTFT_WEIGHT = 0.5
"""TTFT depends on how clients start, which the rows do not tell."""
COMMON = ("launch_s", "request_s")
OWN = ("front_s", "step_s", "prompt_token_s", "sampling_passes")
START = {"front_s": 0.05, "step_s": 1e-3, "prompt_token_s": 1e-5, "sampling_passes": 200.0}
STARTS = {"launch_s": (1e-5, 3e-5), "request_s": (1e-5, 7e-5)}
LEAST, MOST = np.log(1e-9), np.log(1e4)
"""Bounds of a coefficient's logarithm, beyond any that a fit takes: one that leaves no trace would run away."""
SORTING = ("vllm", "sglang")
"""Engines whose sampling takes time of the GPU that grows with the vocabulary; TensorRT-LLM's shows none."""

Coefficients = dict[str, float]
Fit = dict[str, HostTimes]


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A row with the seconds of its kernels, which the fit does not change."""

    row: ServingRow
    engine: Engine
    workload: Workload
    machine: Machine
    running: float
    decode_s: float
    prompt: PromptKernels
    ranks: LockStep

    @property
    def pass_s(self) -> float:
        """One pass over the logits of a request, where the row was sampled by sorting them."""
        sorted_ = self.engine.sampling != "greedy" and self.row.engine in SORTING
        gpu = self.machine.gpu
        return sorted_ * self.row.arch.vocab_size * LOGIT_BYTES / gpu.memory_bytes_per_s


def timed(
    row: ServingRow, change: Callable[[Engine], Engine] = lambda engine: engine, *, riding: bool = True
) -> Timed:
    """The kernels of a decode step and of a prompt, without the engine's own time and without its sampling.

    Args:
        row: What was measured.
        change: What is otherwise in its engine.
        riding: Whether prompts may share steps and ride on decoding; else each has a step of its own.
    """
    deployment = row_deployment(row)
    engine, workload = change(deployment.engine), deployment.workload
    machine = replace(deployment, engine=engine).machine(row.layout)
    running, bare = row_running(row), replace(engine, sampling="greedy")
    reader = bare if riding else replace(bare, prefill_first=True)
    prompts = workload if riding else replace(workload, fixed_lengths=False, output_tokens=10**9)
    decoding = decode_kernels(machine, bare, row.arch, running, workload.mean_context)
    return Timed(
        row=row,
        engine=engine,
        workload=workload,
        machine=machine,
        running=running,
        decode_s=float(decoding.total_s),
        prompt=prompt_work(machine, reader, row.arch, prompts, running, decoding),
        ranks=LockStep.of(machine, engine, row.arch, workload).at(row.batch),
    )


class Columns:
    """Rows of one engine side by side, as arrays."""

    def __init__(self, rows: list[Timed]) -> None:
        """Stack the rows."""

        def column(of: Callable[[Timed], float]) -> np.ndarray:
            return np.array([of(one) for one in rows], dtype=float)

        self.rows, self.engine = rows, rows[0].engine
        self.micro = column(lambda one: max(one.running / float(one.row.layout.pp), 1.0))
        self.decode_s, self.pass_s = column(lambda one: one.decode_s), column(lambda one: one.pass_s)
        self.prompt, self.ranks = side_by_side([one.prompt for one in rows]), stacked([one.ranks for one in rows])
        self.running, self.batch = column(lambda one: one.running), column(lambda one: one.row.batch)
        self.input_tokens = column(lambda one: one.workload.input_tokens)
        self.rounds = Rounds(
            output_tokens=column(lambda one: one.workload.output_tokens),
            in_step=np.array([one.workload.fixed_lengths and one.engine.prefill_first for one in rows]),
            rounds=column(lambda one: one.workload.rounds),
            spread=column(lambda one: one.workload.length_spread),
        )
        self.measured = column(lambda one: one.row.tpot_s), column(lambda one: one.row.ttft_s)

    def errors(self, host: HostTimes) -> np.ndarray:
        """ln(predicted/measured) of TPOT and TTFT, one row each."""
        sampled_s = host.sampling_passes * self.pass_s
        decode_s = self.decode_s + sampled_s * self.micro
        decode_s = decode_s + host.waited_s(decode_s, self.micro)
        prompts = replace(
            self.prompt,
            decoding_s=self.prompt.decoding_s + sampled_s * self.micro,
            added_s=self.prompt.added_s + sampled_s * self.prompt.together,
        )
        prompt = prompts.seconds(replace(self.engine, host=host))
        step = StepSeconds(
            decode_s=decode_s,
            token_s=decode_s,
            prefill_s=prompt.own_s,
            stage_s=prompt.stall_s,
            together=prompt.together,
        )
        requests = replace(self.rounds, front_s=host.before_s(self.input_tokens))
        system = closed_system(requests, step, batch=self.batch, running=self.running, ranks=self.ranks)
        return np.log([system.tpot_s / self.measured[0], system.ttft_s / self.measured[1]])


def by_engine(rows: Iterable[Timed]) -> dict[str, Columns]:
    """Rows of each engine."""
    found: dict[str, list[Timed]] = defaultdict(list)
    for one in rows:
        found[one.row.engine].append(one)
    return {name: Columns(own) for name, own in sorted(found.items())}


def fit(
    columns: dict[str, Columns], starts: dict[str, tuple[float, ...]] = STARTS, pinned: Coefficients | None = None
) -> Fit:
    """The coefficients of all engines, from the best of several starts of the common ones; some may be pinned."""
    names = [(engine, name) for engine in columns for name in OWN if name != OWN[-1] or engine in SORTING]

    def hosts(logs: np.ndarray) -> Fit:
        values = np.exp(logs).tolist()
        common = dict(zip(COMMON, values, strict=False))
        own: dict[str, Coefficients] = {engine: {} for engine in columns}
        for (engine, name), value in zip(names, values[len(COMMON) :], strict=True):
            own[engine][name] = value
        found = {engine: {**common, **own[engine], **(pinned or {})} for engine in columns}
        return {engine: replace(columns[engine].engine.host, **found[engine]) for engine in columns}

    def residuals(logs: np.ndarray) -> np.ndarray:
        found = hosts(logs)
        errors = [columns[engine].errors(found[engine]) for engine in columns]
        return np.concatenate([part for tpot, ttft in errors for part in (tpot, TTFT_WEIGHT * ttft)])

    best = min(
        (
            least_squares(
                residuals,
                np.log([*common, *(START[name] for _, name in names)]),
                loss="soft_l1",
                f_scale=OUTLIER,
                bounds=(LEAST, MOST),
            )
            for common in product(*starts.values())
        ),
        key=lambda minimum: minimum.cost,
    )
    return hosts(best.x)


def left_out(rows: list[Timed], key: str) -> np.ndarray:
    """Errors of every row by coefficients that its model (or GPU) did not enter."""
    names = np.array([getattr(one.row, key) for one in rows])
    held_out = np.zeros((2, len(rows)))
    for name in sorted(set(names.tolist())):
        out = names == name
        fitted = fit(by_engine(one for one, gone in zip(rows, out, strict=True) if not gone))
        held_out[:, out] = errors([one for one, gone in zip(rows, out, strict=True) if gone], fitted)
        print_line(f"without {name}", held_out[:, out], fitted)
    print_line(f"each {key} left out", held_out)
    return held_out


def errors(rows: list[Timed], fitted: Fit) -> np.ndarray:
    """ln(predicted/measured) of TPOT and TTFT in the order of the rows."""
    found = np.zeros((2, len(rows)))
    places = {id(one): at for at, one in enumerate(rows)}
    for engine, columns in by_engine(rows).items():
        found[:, [places[id(one)] for one in columns.rows]] = columns.errors(fitted[engine])
    return found


def trends(rows: list[Timed], error: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Errors by what a missing term would follow: model, layout, batch, prompt, answer."""
    sides: dict[str, Callable[[ServingRow], object]] = {
        "model and engine": lambda row: f"{row.model} {row.engine}",
        "model, engine, version": lambda row: f"{row.model} {row.engine} {row.version}",
        "engine and tp": lambda row: f"{row.engine} tp {int(row.layout.tp)}",
        "engine and dp": lambda row: f"{row.engine} dp {int(row.layout.dp)}",
        "engine and batch": lambda row: f"{row.engine} b {2 ** round(np.log2(row.batch)):4.0f}",
        "engine and prompt": lambda row: f"{row.engine} prompt {2 ** round(np.log2(row.input_tokens)):5.0f}",
        "engine and answer": lambda row: f"{row.engine} answer {2 ** round(np.log2(row.output_tokens)):5.0f}",
    }
    for side, of in sides.items():
        names = np.array([str(of(one.row)) for one in rows])
        for name in sorted(set(names.tolist())):
            yield f"{side}: {name}", error[:, names == name]


def main(words: Sequence[str]) -> None:
    """Print the coefficients, the errors of what was left out, the quantiles that make the bands, and trends."""
    rows = [timed(row) for row in answered_rows()]
    fitted = fit(by_engine(rows))
    for engine, host in fitted.items():
        print(engine, {name: float(f"{getattr(host, name):.3g}") for name in (*OWN, *COMMON)})
    heads = f"{'rows':>6}{'TPOT |ln|':>11}{'90 %':>7}{'bias':>7}{'<20 %':>7}{'TTFT |ln|':>11}{'bias':>7}"
    print(f"\n{'':<44}{heads}  common")
    whole = errors(rows, fitted)
    print_line("all, fitted", whole, fitted)
    by_model = left_out(rows, "model")
    left_out(rows, "system")
    for name, error in zip(("TPOT", "TTFT"), by_model, strict=True):
        print(
            f"{name}, 5 and 95 % of predicted/measured, models left out:", np.exp(np.quantile(error, [0.05, 0.95]))
        )
    if "trends" in words:
        for name, error in trends(rows, whole):
            print_line(name, error)


def print_line(name: str, error: np.ndarray, fitted: Fit | None = None) -> None:
    """Sizes, bias and spread of the errors of some rows, with the common coefficients in µs."""
    tpot, ttft = error
    near, far = np.mean(abs(tpot) < np.log(1.2)), np.quantile(abs(tpot), 0.9)
    host = next(iter(fitted.values())) if fitted else None
    values = "" if host is None else " ".join(f"{1e6 * getattr(host, common):.2g}" for common in COMMON)
    print(
        f"{name:<44}{len(tpot):>6}{np.median(abs(tpot)):>11.3f}{far:>7.2f}{np.median(tpot):>7.2f}{near:>7.2f}"
        f"{np.median(abs(ttft)):>11.3f}{np.median(ttft):>7.2f}  {values}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
