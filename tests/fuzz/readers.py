"""Every reader of files that people hand over, with valid files for it and what of a result would be nonsense."""

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.arch.catalog import find_model
from optimoe.arch.catalog.models import find_config
from optimoe.arch.checkpoint.gguf.held import gguf_model
from optimoe.arch.count import count
from optimoe.core.config import load_facts, load_table, to_toml
from optimoe.core.latency import load_latency_records
from optimoe.core.predictions.ledger import load_ledger
from optimoe.core.records import to_record
from optimoe.core.run import load_run_records, load_runs, runs_toml
from optimoe.cost.calibration import find_calibration
from optimoe.cost.engines.preset import engine_preset
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.hardware.price import load_prices
from optimoe.cost.serving.traffic import load_trace
from optimoe.inputs.plan import PlanRequest
from optimoe.inputs.sweeps.grid import load_sweep
from optimoe.inputs.tables import read_request, read_values
from optimoe.laws.catalog import find_law
from optimoe.laws.check import load_checks, run_checks
from optimoe.laws.runs import as_observations, load_observations
from optimoe.loadtest.foreign.read import read_levels
from optimoe.loadtest.results.files import load_requests
from tests.arch.checkpoint.files import gguf_bytes
from tests.arch.checkpoint.test_gguf import SAID, TENSORS
from tests.core.run.cases import RUN, record
from tests.inputs.sweeps.test_grid import GRID, SHARED
from tests.laws.catalog.test_limits import tables
from tests.loadtest.foreign.files import AIPERF, DETAILS, GUIDELLM, INFERENCEX, SGLANG, VLLM


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of file.

    Attributes:
        name: What it is called.
        read: From a file to what it says.
        nonsense: What of a result cannot be, in words.
        samples: Valid files, by their endings and a number.
    """

    name: str
    read: Callable[[Path], Any]
    nonsense: Callable[[Any], Iterator[str]]
    samples: Mapping[str, bytes]


def numbers(value: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of a result, with their places."""
    if isinstance(value, bool) or value is None or isinstance(value, str | bytes | Path):
        return
    if isinstance(value, int | float | np.number):
        yield where, value
    elif isinstance(value, np.ndarray):
        for one in value.ravel()[:100] if value.dtype != object else ():
            yield where, one
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from numbers(one, f"{where}.{key}")
    elif isinstance(value, list | tuple | set | frozenset):
        for one in list(value)[:100]:
            yield from numbers(one, where)
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers(getattr(value, field.name), f"{where}.{field.name}")


def strange(value: Any, *, infinite: tuple[str, ...] = (), negative: tuple[str, ...] = ()) -> Iterator[str]:
    """Numbers that are NaN, infinite or negative where they may not be."""
    for where, number in numbers(value):
        name = where.rpartition(".")[2]
        if math.isnan(number):
            yield f"{where} is NaN"
        elif math.isinf(number) and name not in infinite:
            yield f"{where} is infinite"
        elif number < 0 and name not in negative:
            yield f"{where} is {number}"


def _counted(path: Path) -> Any:
    return count(find_model(str(path)))


def _count_nonsense(count: Any) -> Iterator[str]:
    yield from strange(to_record(count), infinite=("window_tokens",))
    if count.params.active > count.params.total:
        yield "more active than total parameters"


def _law_nonsense(law: Any) -> Iterator[str]:
    row = law.row
    for symbol, value in row.coefficients.items():
        if not math.isfinite(value):
            yield f"coefficient {symbol} is {value}"
    for symbol, (low, high) in row.range.items():
        if not 0 <= low <= high < math.inf:
            yield f"range of {symbol} is {low} to {high}"
    if not 0 <= row.rmse_log < math.inf:
        yield f"rmse_log is {row.rmse_log}"


def _run_table(path: Path) -> Any:
    return load_observations(path, {"N": "params", "D": "tokens", "loss": "val_loss"})


def _runs_nonsense(runs: Any) -> Iterator[str]:
    for name in ("N", "D"):
        if not np.all(np.isfinite(runs.column(name)) & (runs.column(name) > 0)):
            yield f"{name} is {runs.column(name)}"
    if not np.all(np.isfinite(runs.loss) & (runs.loss > 0)):
        yield f"loss is {runs.loss}"


def _calibration_nonsense(calibration: Any) -> Iterator[str]:
    yield from strange(calibration, negative=("bias",))
    for name, interval in calibration.intervals.items():
        if not interval.low <= interval.high:
            yield f"interval of {name} is upside down"
    for errors in (calibration.before, calibration.fitted, calibration.after):
        for accuracy in (errors.tpot, errors.ttft):
            if not accuracy.low <= accuracy.high:
                yield "band is upside down"


def _checks_nonsense(results: Any) -> Iterator[str]:
    for result in results:
        yield from strange((result.expected, result.tolerance_rel), negative=("",))
        if result.ours is not None and isinstance(result.ours, complex):
            yield "complex value"


def _run_nonsense(runs: Any) -> Iterator[str]:
    for run in runs:  # what its config.json, its router and its losses say is for the readers of these
        yield from strange(replace(run, architecture=OF_RUN, router={}, losses={}), infinite=("grad_clip",))


def _log_nonsense(log: Any) -> Iterator[str]:
    for one in log.records:
        yield from _run_nonsense([one.run])
        yield from strange(replace(one, run=RUN, router={}), infinite=("grad_clip",))


PER_PARAM = """
[grid]
axes = { d_model = [16, 32], tokens_per_param = [20, 40.5], seed = [0, 1] }
run = { losses = { balance = 0.01 } }
design = { num_layers = 2 }
"""
OF_RUN = {"model_type": "mixtral"}


def _formula(path: Path) -> Any:
    """A column of the table of runs by the formula that a file holds."""
    formula = path.read_bytes().decode("utf-8", "replace")
    return as_observations(ROWS, {"N": formula, "D": "tokens", "loss": "val_loss"})


def _option(path: Path) -> Any:
    name, _, text = path.read_bytes().decode("utf-8", "replace").partition("=")
    value: Any = text
    with suppress(ValueError):
        value = float(text)
    return read_request(PlanRequest, {name: value})


def _option_nonsense(values: Any) -> Iterator[str]:
    for where, number in numbers(values):
        limited_later = where.endswith((".params_total", ".unique_tokens", ".mfu"))
        if not math.isfinite(number) and not limited_later:
            yield f"{where} is {number}"


def _plan_options(path: Path) -> Any:
    return read_values(PlanRequest, load_table(path), where=str(path))


def _none(_: Any) -> Iterator[str]:
    return iter(())


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _jsonl(*rows: Any) -> bytes:
    return b"\n".join(map(_json, rows)) + b"\n"


ROWS = {
    "params": [1e8, 2e8, 4e8, 8e8],
    "tokens": [1e9, 2e9, 4e9, 8e9],
    "val_loss": [3.1, 2.9, 2.7, 2.55],
    "run": ["a", "b", "c", "d"],
}
LATENCY = {
    "model": "mixtral-8x7b", "gpu": "h100-sxm", "num_gpus": 2, "engine": "vllm", "engine_version": "0.11.0",
    "measured_utc": "2026-11-01", "tp": 2, "input_tokens": 1000, "output_tokens": 100, "concurrency": 8,
    "ttft_s": 0.2, "tpot_s": 0.012, "rounds": 10.0, "source": "ours",
}  # fmt: skip
REQUEST = {
    "index": 0, "input_tokens": 10, "output_tokens": 5, "due_s": 0.0, "sent_s": 0.1, "first_token_s": 0.2,
    "ended_s": 0.5,
}  # fmt: skip
FORMULAS = ("params", "params*2/2", "exp(log(params)+1)", "sqrt(params**2)", "tokens/(6*params)*1e7", "params-1")
PLAN = {
    "train_gpus": "64xh100-sxm", "train_days": 30, "serve_tokens": "5T", "tpot": "50ms", "experts": "1,8,32",
    "top_k": [1, 2], "active_ffn_ratio": "2,3", "train_flops": 1e22, "max_width": 8192, "vocab": 131072,
    "input_tokens": 3000, "output_tokens": 600, "mfu": 0.4, "loss_slack": 0.02, "serve_gpus": "8xh100-sxm",
    "requests_per_s": 20, "life_days": 365,
}  # fmt: skip
OPTIONS = [(name, str(value).strip("[]")) for name, value in PLAN.items()] + [
    ("tpot", "p95:500µs"), ("ttft", "p99:2s"), ("experts", "1,2,4,8"), ("precision", "fp8"), ("total_usd", "1.5M"),
    ("unique_tokens", "15T"), ("train_usd_per_hour", "2.95"), ("target_loss", "2.2"), ("seq_len", "8k"),
    ("input_percentiles", "p50:800,p90:3000"), ("price_tier", "spot"), ("batch_tokens", "4M"),
]  # fmt: skip
SHAPE = {
    "d_model": 1024, "num_layers": 8, "vocab_size": 32000, "num_heads": 8, "num_kv_heads": 2, "num_experts": 16,
    "top_k": 2, "d_expert": 512, "num_shared_experts": 1, "d_ff": 2048, "first_dense_layers": 1,
}  # fmt: skip


def _csv(separator: str = ",") -> bytes:
    names = list(ROWS)
    lines = [separator.join(names), *(separator.join(map(str, row)) for row in zip(*ROWS.values(), strict=True))]
    return "\n".join(lines).encode()


def _parquet() -> bytes:
    import pyarrow
    from pyarrow import parquet

    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(ROWS), stream)
    return stream.getvalue()


def _facts(name: str, table: str, key: str) -> bytes:
    return to_toml(load_facts("optimoe.cost", name)[table][key]).encode()


def _configs() -> dict[str, bytes]:
    names = ("mixtral-8x7b", "deepseek-v3", "gpt-oss-20b", "gemma-2-9b", "llama-3.1-8b", "qwen3-next-80b-a3b")
    known = load_facts("optimoe.arch", "models.toml")["model"]
    stated = [name for name in names if name in known and "config" in known[name]]
    return {f"{number}.json": _json(find_config(name)) for number, name in enumerate(stated)}


@cache
def readers() -> tuple[Reader, ...]:
    """All of them."""
    laws = {f"{family}.toml": to_toml({"law": [tables()[family]]}).encode() for family in sorted(tables())[::4]}
    calibration = next(iter(load_facts("optimoe.cost", "calibrations.toml").items()))
    calibrated = {"name": "ours", **calibration[1]}
    accelerator = _facts("accelerators.toml", "accelerator", "h100-sxm")
    checks = {
        "check": [
            {
                "law": "besiroglu2024",
                "output": "L",
                "inputs": {"N": 1e9, "D": 2e10},
                "value": 2.4,
                "tolerance_rel": 0.01,
                "source": "ours",
            }
        ]
    }
    price = {
        "price": [
            {"accelerator": "h100-sxm", "usd_per_gpu_hour": 2.0},
            {"accelerator": "l4", "usd_per_gpu_hour": 0.5},
        ]
    }
    trace = b"input_tokens,output_tokens,arrival_s\n100,10,0\n2000,300,1.5\n50,7,2\n"
    return (
        Reader(name="config.json", read=_counted, nonsense=_count_nonsense, samples=_configs()),
        Reader(
            name="shapes",
            read=_counted,
            nonsense=_count_nonsense,
            samples={"toml": to_toml(SHAPE).encode(), "json": _json(SHAPE)},
        ),
        Reader(
            name="gguf",
            read=lambda path: gguf_model([path]),
            nonsense=strange,
            samples={"gguf": gguf_bytes(SAID, TENSORS)},
        ),
        Reader(name="laws", read=lambda path: find_law(str(path)), nonsense=_law_nonsense, samples=laws),
        Reader(
            name="run tables",
            read=_run_table,
            nonsense=_runs_nonsense,
            samples={
                "csv": _csv(),
                "tsv": _csv("\t"),
                "txt": _csv(";"),
                "json": _json(ROWS),
                "parquet": _parquet(),
                "jsonl": _jsonl(*(dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True))),
            },
        ),
        Reader(
            name="run records",
            read=load_run_records,
            nonsense=_log_nonsense,
            samples={"jsonl": _jsonl(to_record(record()))},
        ),
        Reader(
            name="formulas",
            read=_formula,
            nonsense=_runs_nonsense,
            samples={f"{number}.txt": formula.encode() for number, formula in enumerate(FORMULAS)},
        ),
        Reader(name="prices", read=load_prices, nonsense=strange, samples={"toml": to_toml(price).encode()}),
        Reader(
            name="accelerators",
            read=lambda path: find_accelerator(str(path)),
            nonsense=strange,
            samples={"toml": accelerator},
        ),
        Reader(
            name="checks",
            read=lambda path: run_checks(load_checks(path).rows),
            nonsense=_checks_nonsense,
            samples={"toml": to_toml(checks).encode()},
        ),
        Reader(
            name="calibrations",
            read=lambda path: find_calibration(str(path)),
            nonsense=_calibration_nonsense,
            samples={"toml": to_toml(calibrated).encode(), "json": _json(to_record(calibrated))},
        ),
        Reader(
            name="latency records",
            read=load_latency_records,
            nonsense=strange,
            samples={"jsonl": _jsonl(LATENCY, {**LATENCY, "concurrency": 64})},
        ),
        Reader(
            name="traces",
            read=load_trace,
            nonsense=lambda one: strange(one, infinite=("rounds",)),
            samples={"csv": trace},
        ),
        Reader(
            name="run files",
            read=load_runs,
            nonsense=_run_nonsense,
            samples={
                "toml": runs_toml([RUN]).encode(),
                "json": _json({"run": to_record(RUN)}),
            },
        ),
        Reader(
            name="sweeps",
            read=load_sweep,
            nonsense=lambda asked: _run_nonsense([one.run for one in asked]),
            samples={"0.toml": (SHARED + GRID).encode(), "1.toml": (SHARED + PER_PARAM).encode()},
        ),
        Reader(
            name="load results",
            read=read_levels,
            nonsense=lambda levels: strange([one.facts for one in levels]),
            samples={
                "0.json": _json(VLLM),
                "1.json": _json(VLLM | DETAILS),
                "2.json": _json(AIPERF),
                "3.json": _json(GUIDELLM),
                "jsonl": _jsonl(SGLANG, SGLANG),
                "csv": INFERENCEX.encode(),
            },
        ),
        Reader(name="timed requests", read=load_requests, nonsense=_none, samples={"jsonl": _jsonl(REQUEST)}),
        Reader(
            name="engines",
            read=lambda path: engine_preset(str(path)),
            nonsense=strange,
            samples={"toml": _facts("engines.toml", "engine", "vllm")},
        ),
        Reader(
            name="plan options",
            read=_plan_options,
            nonsense=_none,
            samples={"toml": to_toml(PLAN).encode(), "json": _json(PLAN)},
        ),
        Reader(
            name="option texts",
            read=_option,
            nonsense=_option_nonsense,
            samples={f"{number}.txt": f"{name}={text}".encode() for number, (name, text) in enumerate(OPTIONS)},
        ),
        Reader(name="predictions", read=load_ledger, nonsense=_none, samples={"jsonl": b""}),
    )
