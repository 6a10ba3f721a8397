"""Every number from outside that a plan rests on, with its basis and its source."""

import math
from dataclasses import replace

from optimoe.core.config import load_facts
from optimoe.core.provenance import Assumption, Basis
from optimoe.cost.engines.served import formats_of_a_design
from optimoe.cost.hardware.price import GpuPrice
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.step import efficiency_sources
from optimoe.cost.training.setup import training_sources, usual_goodput
from optimoe.laws.catalog import find_law
from optimoe.laws.factors.attention import RATIO_LAW
from optimoe.laws.law import LawRow
from optimoe.planner.problem.data import repeat_constant
from optimoe.planner.problem.family import BestRatio
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import GivenMfu, Training

ROUTING_SOURCE = (
    "Krajewski 2024, arXiv 2402.07871, App. E: c_r = 14, 6 to 20 by implementation; or --routing-flops"
)


def assumptions(problem: Problem) -> tuple[Assumption, ...]:
    """Every number from outside that the plan rests on."""
    law, training = problem.law.row, problem.training
    rows = [
        *(_law_row(one.row) for one in (problem.law, *problem.also)),
        _row("loss band", _band_words(law), Basis.DERIVED, law.rmse_source or "not known"),
        _row("training FLOPs", "6 · N_act · D, both embeddings in N_act", Basis.ASSUMED, "the laws' convention"),
        _row("routing FLOPs", _routing_words(training), Basis.PUBLISHED, ROUTING_SOURCE),
        *_utilisation_rows(training),
        _row("training GPU", training.accelerator.name, Basis.PUBLISHED, training.accelerator.source),
        _price("training", training.price),
        *(row for deployment in problem.deployments for row in _serving_rows(deployment)),
        _row(
            "requests",
            f"{problem.workload.input_tokens} tokens in, {problem.workload.output_tokens} out",
            Basis.ASSUMED,
            "given, or the default 1,024 and 1,024",
        ),
        _row(
            "tokenizer",
            f"{problem.space.vocab_size:,} entries; a token of the loss is one of {law.name}'s own tokenizers",
            Basis.ASSUMED,
            "given, or the default of today's models (--vocab)",
        ),
    ]
    if math.isfinite(problem.data.unique_tokens) and problem.data.repeats:
        facts = load_facts("optimoe.planner", "repeats.toml")["muennighoff2023"]
        rows.append(_row("repeated tokens", f"R* = {repeat_constant():g}", Basis(facts["basis"]), facts["source"]))
    if problem.for_law:
        rows.append(_row("designs", problem.for_law, Basis.ASSUMED, "the law's domain, or the plainest designs"))
    if isinstance(problem.space.expert_attention_ratio, BestRatio):
        rule = find_law(RATIO_LAW).row
        rows.append(_row("experts over attention", f"{rule.name} ({rule.status})", Basis.PUBLISHED, rule.source))
    return (*rows, *efficiency_sources())


def _routing_words(training: Training) -> str:
    charged = training.routing_flops_per_weight
    return f"{charged:g} a token and weight of a router, 6 of them in 6 · N_act · D; budgets pay all"


def _law_row(law: LawRow) -> Assumption:
    """The law with its status, and the verdict where a fit left one."""
    words = f", {law.evidence.words}" if law.evidence.verdict else ""
    return _row("loss law", f"{law.name} ({law.status}{words})", law.basis, law.source)


def _band_words(law: LawRow) -> str:
    draws = max(map(len, law.draws.values()), default=0)
    return f"rmse of ln L {law.rmse_log:g}" + (f", {draws} draws of the coefficients" if draws else "")


def _utilisation_rows(training: Training) -> list[Assumption]:
    rows, utilisation, run = [], training.utilisation, training.run
    if isinstance(utilisation, GivenMfu):
        words = f"{utilisation.mfu:.0%} of the bf16 peak, whatever the design"
        rows.append(_row("MFU", words, utilisation.basis, "given, or the default 40 %"))
    if run is not None:
        words = f"{run.batch_tokens:,} tokens a step in sequences of {run.seq_len:,}"
        basis = (
            Basis.PUBLISHED if run.batch_source and not run.batch_source.startswith("assumed") else Basis.ASSUMED
        )
        rows.append(_row("training batch", words, basis, run.batch_source or "given"))
        for row in training_sources():
            used = row.name == "goodput" and training.goodput != usual_goodput(run.cluster.num_gpus)
            words = f"{training.goodput:.1%} on {run.cluster.num_gpus:,} GPUs"
            source = "given, or held by the MFU that is given" if used else row.source
            rows.append(replace(row, value=words, source=source) if row.name == "goodput" else row)
    return rows


def _serving_rows(deployment: Deployment) -> list[Assumption]:
    cluster, (weights, cache) = deployment.cluster, formats_of_a_design(deployment.engine)
    words = f"{cluster.num_gpus} × {cluster.accelerator.name}"
    return [
        _row("serving GPU", words, Basis.PUBLISHED, cluster.accelerator.source),
        _price("serving", deployment.price),
        _row("precision", f"weights {weights}, cache {cache}", Basis.ASSUMED, "given"),
    ]


def _row(name: str, value: str, basis: Basis, source: str) -> Assumption:
    return Assumption(name=name, value=value, basis=basis, source=source)


def _price(use: str, price: GpuPrice) -> Assumption:
    return _row(f"{use} price", f"${price.usd_per_gpu_hour:g} per GPU hour", price.basis, price.source)
