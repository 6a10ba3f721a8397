"""Quantised checkpoints are served in their own formats, and the right parts bind."""

import os
from pathlib import Path

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import InfeasibleError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.serving.estimate import Deployment, evaluate
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.layouts import best_serving

FILES = Path(os.environ.get("OPTIMOE_DATA", ""), "model_configs_2026", "configs")
files = pytest.mark.skipif(not FILES.is_dir(), reason="OPTIMOE_DATA names no folder with model_configs_2026")


def on(gpus, name="h100-sxm", **engine):
    cluster = Cluster(accelerator=find_accelerator(name), num_gpus=gpus)
    return Deployment(
        cluster=cluster, workload=Workload(), price=given_price(2.0), engine=find_engine("vllm", **engine)
    )


def serve(model, deployment, concurrency):
    arch = find_model(str(model))
    return best_serving(arch, deployment, concurrency=concurrency)


def at(model, estimate, deployment):
    """The same layout and batch on another deployment."""
    return evaluate(find_model(str(model)), deployment, layout=estimate.layout, concurrency=estimate.concurrency)


@pytest.mark.parametrize(
    ("model", "gpus", "gpu", "share"),
    [
        ("deepseek-v3", 8, "h200-sxm", 0.90),
        ("gpt-oss-120b", 1, "h100-sxm", 0.92),
    ],  # vLLM's shares of 2025 and 2026
)
def test_quantised_checkpoints_fit_where_their_makers_run_them_and_not_in_bf16(model, gpus, gpu, share):
    assert serve(model, on(gpus, gpu, memory_share=share), 4).max_batch >= 4
    with pytest.raises(InfeasibleError, match="of bf16 weights"):
        serve(model, on(gpus, gpu, memory_share=share, precision="bf16"), 4)


def test_a_refusal_says_the_formats_of_the_checkpoint():
    with pytest.raises(InfeasibleError, match=r"of weights \(fp8; router, embedding, head bf16\)"):
        serve("deepseek-v3", on(4), 1)


@pytest.mark.parametrize("model", ["gpt-oss-20b", "gpt-oss-120b"])
def test_experts_in_mxfp4_are_read_sooner_than_in_bf16_and_attention_as_before(model):
    own = serve(model, on(8), 64)
    plain = at(model, own, on(8, precision="bf16"))
    assert own.parts["weight_reads_s"] == pytest.approx(plain.parts["weight_reads_s"])
    assert own.parts["kv_reads_s"] == pytest.approx(plain.parts["kv_reads_s"])
    assert own.parts["expert_reads_s"] + own.parts["compute_s"] < plain.parts["expert_reads_s"]
    assert own.tpot_s < plain.tpot_s


@files
@pytest.mark.parametrize(
    ("file", "gpus", "gpu", "cause"),
    [
        ("Qwen--Qwen3-235B-A22B-FP8.json", 4, "h200-sxm", "expert reads"),
        ("zai-org--GLM-5.2-FP8.json", 8, "b200-sxm", "expert reads"),
        ("XiaomiMiMo--MiMo-V2-Flash.json", 8, "h100-sxm", "expert reads"),
    ],
)
def test_files_of_2026_are_served_in_their_own_formats_and_bound_by_their_experts(file, gpus, gpu, cause):
    estimate = serve(FILES / file, on(gpus, gpu), 64)
    assert estimate.bound_by == cause
    stated = at(FILES / file, estimate, on(gpus, gpu, precision="fp8"))
    assert estimate.tpot_s == pytest.approx(stated.tpot_s, rel=1e-12)


@files
def test_glm_5_2_in_fp8_does_not_fit_eight_h100():
    with pytest.raises(InfeasibleError, match="memory"):
        serve(FILES / "zai-org--GLM-5.2-FP8.json", on(8), 1)
