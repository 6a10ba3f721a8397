"""What trackers and trainers write, as plain tables: one row a run or a point of its curve."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from optimoe.arch.count import granularity
from optimoe.arch.design import one_expert_twin
from optimoe.arch.flops import expert_attention_ratio
from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.run import RunLog, RunRecord, RunSpec
from optimoe.laws.runs.tables.cells import Columns, columns_of, typed

RUN_NAMES = ("run", "run_id", "Name", "name")
"""Columns of ids, which stay as they are written: 007 is no 7."""


def run_columns(log: RunLog) -> Columns:
    """Records of training runs as a table, one row a run, in the symbols of the laws.

    Columns: ``run`` (the id), ``name``, ``seed``, ``status`` (finished, stopped, diverged; cut short of a torn
    line), ``tokenizer`` and ``dataset`` (sources joined by +); ``N_total`` and ``N`` (both all parameters, with
    embeddings), ``N_act`` (active ones, likewise), ``N_nonembedding`` and ``N_act_nonembedding``; ``N_dense``
    (of the dense model whose feed-forwards are one expert wide, without embeddings: N of Clark 2022 and Yun 2024);
    ``D`` (tokens seen); ``C`` (6·N_act·D) and ``train_flops`` (as counted); ``E``, ``k``, ``E_s`` (routed experts,
    experts per token, shared ones; 1, 1, 0 of a dense model); ``G`` (granularity 4·d_model/d_expert of Krajewski
    2024; 1 of a dense model) and ``r`` (FLOPs in expert layers over those in attention at the run's length, Li
    2026; 0 of a dense model); ``loss`` (held-out, nats per token) and ``seconds`` (of training).

    Numbers of a torn line are empty, so that the table's own check of rows names it.

    Raises:
        ConfigError: The architecture of a run is no ``config.json`` that can be read.
    """
    rows = [_run_row(record) for record in log.records]
    # a torn row takes the text of the others, or it would count as another tokenizer and data set
    torn = {key: rows[0][key] for key in ("tokenizer", "dataset") if rows} | {"status": "cut short"}
    return columns_of(rows + [torn] * len(log.torn))


def planned_columns(runs: Sequence[RunSpec]) -> Columns:
    """Runs that are still to be done, by the names of :func:`run_columns` but for what only a training tells.

    Raises:
        ConfigError: The architecture of a run is no ``config.json`` that can be read.
    """
    return columns_of([_planned_row(run) for run in runs])


def _planned_row(run: RunSpec) -> dict[str, Any]:
    arch = from_config(run.architecture, name=run.name)
    params = count_params(arch)
    return {
        "run": run.run_id,
        "name": run.name,
        "seed": run.seed,
        "N": params.total,
        "N_total": params.total,
        "N_act": params.active,
        "N_nonembedding": params.nonembedding,
        "N_act_nonembedding": params.active_nonembedding,
        "D": run.tokens,
        "C": 6 * params.active * run.tokens,
        **_shape(run, arch),
    }


def _shape(run: RunSpec, arch: ArchSpec) -> dict[str, Any]:
    """The dense model of one expert, experts, and how attention stands to them."""
    moe = arch.moe
    return {
        "N_dense": count_params(one_expert_twin(arch)).nonembedding,
        "E": moe.num_experts if moe else 1,
        "k": moe.top_k if moe else 1,
        "E_s": moe.num_shared_experts if moe else 0,
        "G": granularity(arch).get("krajewski", 1.0),
        "r": expert_attention_ratio(arch, run.seq_len),
    }


def _run_row(record: RunRecord) -> dict[str, Any]:
    run = record.run
    arch = from_config(run.architecture, name=run.name)
    return {
        "run": record.run_id,
        "name": run.name,
        "seed": run.seed,
        "status": record.status,
        "tokenizer": run.data.tokenizer,
        "dataset": "+".join(source.name for source in run.data.sources),
        "N": record.params_total,
        "N_total": record.params_total,
        "N_act": record.params_active,
        "N_nonembedding": record.params_nonembedding,
        "N_act_nonembedding": record.params_active_nonembedding,
        "D": record.tokens_seen,
        "C": record.train_flops_6nd,
        "train_flops": record.train_flops,
        **_shape(run, arch),
        "loss": record.loss,
        "seconds": record.seconds,
    }


def unfold(columns: Columns, stem: str) -> Columns:
    """Exports as plain tables with ``run``, ``step`` and ``loss``; records inside cells as columns."""
    if set(columns) == {"Wall time", "Step", "Value"}:  # TensorBoard: run-NAME-tag-TAG.csv
        run = stem.removeprefix("run-").split("-tag-")[0]
        return {
            "run": np.full(len(columns["Step"]), run, dtype=object),
            "step": columns["Step"],
            "loss": columns["Value"],
        }
    charts = [name for name in columns if " - " in name and not name.endswith(("__MIN", "__MAX"))]
    if charts and "Step" in columns:  # W&B: one column a run, "NAME - METRIC"
        filled = {name: _filled(columns[name]) for name in charts}
        runs = [np.full(filled[name].sum(), name.rsplit(" - ", 1)[0], dtype=object) for name in charts]
        return {
            "run": np.concatenate(runs),
            "step": np.concatenate([columns["Step"][filled[name]] for name in charts]),
            "loss": np.concatenate([columns[name][filled[name]] for name in charts]),
        }
    columns = _unfold_records(columns)
    renamed = {"run_id": "run", "Name": "run", "name": "run", "State": "status", "state": "status"}
    return {
        renamed.get(name, name) if renamed.get(name) not in columns else name: columns[name] for name in columns
    }


def _filled(column: np.ndarray) -> np.ndarray:
    return column != "" if column.dtype == object else ~np.isnan(column)


def _unfold_records(columns: Columns) -> Columns:
    """Columns of cells that hold records (W&B's run table) as one column a value, with dotted names."""
    unfolded: Columns = {}
    for name, column in columns.items():
        first = next((cell for cell in column if cell), "") if column.dtype == object else ""
        held = isinstance(first, str) and first.startswith("{")
        inner = columns_of([{name: cell} for cell in column]) if held else {name: column}
        unfolded |= {key: typed(cells) for key, cells in inner.items()} if held else inner
    return unfolded
