"""What pages of measurements are made from: a check, an endpoint under load, a sweep."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from optimoe.core.latency import load_latency_records
from optimoe.core.run import CurvePoint, RunCorpus
from optimoe.cost.calibration.check import LatencyCheck, check_latencies
from optimoe.loadtest.results.measurement import Measurement
from optimoe.loadtest.results.quantiles import quantiles
from optimoe.loadtest.results.server import Server
from optimoe.loadtest.workload import ClosedLoop, Endpoint, LoadPlan
from optimoe.trainer.sweep.store import Failure, RunState
from tests.core.run.cases import RUN, record
from tests.loadtest.results.cases import summary

ROOT = Path(__file__).resolve().parents[3]
MEASURED = ROOT / "examples" / "close-the-loop" / "measured" / "llamacpp"


@cache
def checked() -> LatencyCheck:
    """Records of the examples beside predictions, with routed models between dense ones."""
    import os

    before = Path.cwd()
    os.chdir(ROOT)  # where the records' own paths lead from
    try:
        return check_latencies(
            [
                one
                for name in ("dense-s", "dense-m", "moe")
                for one in load_latency_records(MEASURED / f"{name}.jsonl")
            ]
        )
    finally:
        os.chdir(before)


def measurement() -> Measurement:
    """An endpoint under two levels of load."""
    times = [0.1 + 0.001 * number for number in range(400)]
    levels = tuple(
        summary(
            load=ClosedLoop(concurrency=flight),
            ttft=quantiles([flight * one for one in times]),
            output_throughput=100.0 * flight,
            notes=("a note",),
        )
        for flight in (1, 4)
    )
    return Measurement(
        endpoint=Endpoint(url="http://127.0.0.1:8000"),
        server=Server(model="served", engine="vllm", version="0.1"),
        plan=LoadPlan(levels=tuple(level.load for level in levels)),
        levels=levels,
    )


def swept() -> tuple[RunState, ...]:
    """A sweep with runs that are over, one that diverged and one that was given up."""
    states = []
    for number in range(3):
        run = replace(RUN, name=f"run-{number}")
        curve = tuple(
            CurvePoint(tokens=1000 * at, flops=1e12 * at, seconds=at, loss=9.5 / (1 + at)) for at in range(300)
        )
        corpus = RunCorpus(
            tokenizer="bytes", vocab_size=257, held_out_share=0.1, num_tokens={"train": 9}, sha256={}
        )
        over = record(
            run=run, loss=3.0 - 0.1 * number, train_flops=1e17 * 2.0**number, curve=curve, corpora=(corpus,)
        )
        states.append(RunState(run=run, state="finished", step=run.steps, record=over))
    lost = replace(RUN, name="lost")
    diverged = record(run=lost, status="diverged", loss=None, bits_per_byte=None)
    states.append(RunState(run=lost, state="diverged", step=3, record=diverged))
    bad = replace(RUN, name="bad")
    return (*states, RunState(run=bad, state="failed", failure=Failure(attempts=2, line="no <memory>")))
