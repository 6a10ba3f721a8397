"""Measured deployments whose model can be read: rows of serving_e2e_hopper with their architecture."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.hf.read import load_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import OptimoeError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.memory import largest_batch
from optimoe.cost.serving.workload import Workload

PRECISION = {"fp8": "fp8", "fp8_block": "fp8", "": "bf16"}
"""By the recorded weight format; where none is recorded, the checkpoint's own (Llama 3.1 8B, Qwen3 32B)."""

QUEUED_TTFT_S = 30.0
ROUNDS = 10.0
TRTLLM_TIMEOUT_ITERS = 60

CONFIG = {
    "deepseek-r1": "deepseek-ai--DeepSeek-V3",
    "glm-5": "zai-org--GLM-5",
    "minimax-m2.5": "MiniMaxAI--MiniMax-M2.5",
    "qwen3-235b-a22b": "Qwen--Qwen3-235B-A22B",
    "qwen3-32b": "Qwen--Qwen3-32B",
}
"""Configurations of models that are not in the catalog: files of model_configs/configs."""


@dataclass(frozen=True, kw_only=True)
class ServingRow:
    """One deployment at one concurrency.

    ``batch`` is the requests in flight of one attention rank; ``why_not`` says why a row is not answered.
    """

    id: str
    model: str
    arch: ArchSpec | None
    engine: str
    version: str
    campaign: str
    measured_utc: str
    system: str
    precision: str
    recorded: bool
    layout: Layout
    input_tokens: int
    output_tokens: int
    batch: float
    tpot_s: float
    ttft_s: float
    why_not: str

    @property
    def num_gpus(self) -> int:
        """GPUs of the deployment."""
        return int(self.layout.num_gpus)


def serving_rows() -> list[ServingRow]:
    """Every row that did not queue, those included that the model cannot answer."""
    path = Path(os.environ["OPTIMOE_DATA"]) / "serving_e2e_hopper" / "serving.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    archs: dict[str, ArchSpec | None] = {}
    kept = []
    for row in rows:
        model = row["model_path"].split("/")[-1].lower().removesuffix("-fp8").removesuffix("-instruct")
        if model not in archs:
            archs[model] = read_model(model)
        deployed = _row(row, model, archs[model])
        if deployed.ttft_s < QUEUED_TTFT_S:
            kept.append(deployed)
    return kept


def answered_rows() -> list[ServingRow]:
    """Those that the model answers for."""
    return [row for row in serving_rows() if not row.why_not]


def read_model(model: str) -> ArchSpec | None:
    """From the catalog or from the shipped configurations; none where neither can be read."""
    if model in model_names():
        return find_model(model)
    folder = Path(os.environ["OPTIMOE_DATA"]) / "model_configs" / "configs"
    if model not in CONFIG:
        return None
    try:
        return load_config(folder / f"{CONFIG[model]}.json")
    except OptimoeError:
        return None


def _row(row: dict[str, str], model: str, arch: ArchSpec | None) -> ServingRow:
    layout, why_not = _layout(row, arch)
    return ServingRow(
        id=row["id"],
        model=model,
        arch=arch,
        engine=row["backend"],
        version=row["backend_version"],
        campaign=row["campaign"],
        measured_utc=row["measured_utc"],
        system=row["system"],
        precision=PRECISION[row["gemm_quant_mode"]],
        recorded=bool(row["gemm_quant_mode"]),
        layout=layout,
        input_tokens=int(row["isl"]),
        output_tokens=int(row["osl"]),
        batch=float(row["batch_size"]),
        tpot_s=float(row["silicon_tpot_ms"]) / 1e3,
        ttft_s=float(row["silicon_ttft_ms"]) / 1e3,
        why_not=why_not,
    )


def _layout(row: dict[str, str], arch: ArchSpec | None) -> tuple[Layout, str]:
    """Degrees as recorded; on a dense model the experts' columns mean nothing."""
    tp, pp, dp = (max(1, int(float(row[name] or 1))) for name in ("tp_size", "pp_size", "attention_dp_size"))
    if arch is None:
        return Layout(tp=tp, pp=pp, dp=dp), "configuration not read"
    if all(not hasattr(group.ffn, "num_experts") for group in arch.layers):
        return Layout(tp=tp, pp=pp, dp=dp), ""
    wide, dealt = (max(1, int(float(row[name] or 1))) for name in ("moe_tp_size", "moe_ep_size"))
    layout = Layout(tp=tp, pp=pp, dp=dp, ep=dealt)
    why_not = "" if wide * dealt == tp * dp else f"experts on {wide * dealt} GPUs, attention on {tp * dp}"
    return layout, why_not


def row_deployment(row: ServingRow) -> Deployment:
    """How a row was served, as far as it is recorded.

    The engine's preset says how it schedules and caches. Campaigns named by a date measured lengths that vary and
    took the likeliest token; the others one length, and left sampling to the engine, which draws within the
    checkpoint's top-k and top-p (how they sampled is assumed: the others' time per request, on vLLM and SGLang, is
    independent of tp, as work on whole rows of logits is). Both start all requests at once; that ten rounds follow
    is assumed. The launch scripts of the former let TensorRT-LLM hold prompts back until all attention ranks have
    one (SemiAnalysisAI/InferenceX, benchmarks/*_trt.sh: enable_balance, timeout_iters).
    """
    dated = row.campaign[:4].isdigit()
    return Deployment(
        cluster=Cluster(accelerator=find_accelerator(row.system), num_gpus=row.num_gpus),
        workload=Workload(
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            fixed_lengths=not dated,
            rounds=ROUNDS,
        ),
        price=given_price(1.0),
        engine=find_engine(
            row.engine,
            precision=row.precision,
            sampling="greedy" if dated else "top-p",
            align_steps=TRTLLM_TIMEOUT_ITERS if dated and row.engine == "trtllm" else 0,
        ),
    )


def row_running(row: ServingRow) -> float:
    """Requests of an attention rank that run at once: no more than the memory holds."""
    deployment = row_deployment(row)
    machine, engine = deployment.machine(row.layout), deployment.engine
    return max(1.0, min(row.batch, float(largest_batch(machine, engine, row.arch, deployment.workload))))
