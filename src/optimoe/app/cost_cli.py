"""``optimoe cost``: serve a model."""

import math
import sys
from typing import Any

from optimoe.app.options import Count, Flag, Seconds, print_json, print_lines, whole
from optimoe.arch.catalog import find_model
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InputError
from optimoe.cost.accelerator import Cluster, find_accelerator, parse_gpus
from optimoe.cost.layouts import Deployment, best_serving
from optimoe.cost.price import GpuPrice, given_price, list_price, unknown_price
from optimoe.cost.serving import ServingEstimate, tpot_band
from optimoe.cost.workload import Limits, Workload


def cost(
    model: str,
    *,
    gpus: str,
    gpu: str | None = None,
    tp: int | None = None,
    concurrency: Count | None = None,
    input_tokens: Count = 1024.0,
    output_tokens: Count = 1024.0,
    ttft: Seconds = math.inf,
    tpot: Seconds = math.inf,
    precision: str = "bf16",
    kv_precision: str = "bf16",
    gpu_usd_per_hour: float | None = None,
    json: Flag = False,
) -> None:
    """Serve a model: latency, throughput and price; the layout and the batch that are left out are searched.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        gpus: How many, with --gpu; or both at once, such as 8xh100-sxm.
        gpu: Which accelerator: a name, or a TOML file of your own.
        tp: Tensor-parallel degree; the rest of the GPUs are replicas.
        concurrency: Requests in flight.
        input_tokens: Prompt of a request.
        output_tokens: Answer of a request.
        ttft: Limit on the time to first token.
        tpot: Limit on the time per output token.
        precision: Of the weights: bf16, fp8, int8, int4, mxfp4.
        kv_precision: Of the cache.
        gpu_usd_per_hour: Price of a GPU hour, instead of the list price.
        json: One JSON object instead of text.
    """
    spec = find_model(model)
    deployment = Deployment(
        cluster=read_cluster(gpus, gpu),
        workload=Workload(
            input_tokens=whole("input_tokens", input_tokens),
            output_tokens=whole("output_tokens", output_tokens),
        ),
        limits=Limits(ttft_s=ttft, tpot_s=tpot),
        price=_price(read_cluster(gpus, gpu).accelerator.name, gpu_usd_per_hour),
        precision=precision,
        kv_precision=kv_precision,
    )
    estimate = best_serving(spec, deployment, tp=tp, concurrency=concurrency)
    if json:
        print_json(serving_record(spec, deployment, estimate))
        return
    from optimoe.report.prose import serving_lines

    cluster = deployment.cluster
    print_lines(serving_lines(estimate, spec.name, f"{cluster.num_gpus} × {cluster.accelerator.name}"))


def read_cluster(gpus: str, gpu: str | None) -> Cluster:
    """``--gpus 8xh100-sxm``, or ``--gpu h100-sxm --gpus 8``.

    Raises:
        InputError: Neither names an accelerator, or both do.
    """
    if gpu is None:
        if gpus.strip().isdigit():
            raise InputError("--gpu: missing (or give both at once: --gpus 8xh100-sxm)")
        num_gpus, gpu = parse_gpus(gpus)
    elif gpus.strip().isdigit():
        num_gpus = int(gpus)
    else:
        raise InputError(f"--gpus: must be a number beside --gpu, got {gpus!r}")
    return Cluster(accelerator=find_accelerator(gpu), num_gpus=num_gpus)


def serving_record(spec: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> dict[str, Any]:
    """The keys of ``optimoe cost --json``."""
    low, high = tpot_band(estimate.tpot_s)
    return {
        "name": spec.name,
        "gpu": deployment.cluster.accelerator.name,
        "num_gpus": deployment.cluster.num_gpus,
        "layout": estimate.layout,
        "concurrency": estimate.concurrency,
        "max_batch": estimate.max_batch,
        "ttft_s": estimate.ttft_s,
        "tpot_s": estimate.tpot_s,
        "tpot_low_s": low,
        "tpot_high_s": high,
        "tokens_per_s": estimate.tokens_per_s,
        "tokens_per_s_per_gpu": estimate.tokens_per_s_per_gpu,
        "usd_per_mtok": estimate.usd_per_mtok,
        "price": deployment.price,
        "bound_by": estimate.bound_by,
        "parts": estimate.parts,
        "workload": deployment.workload,
        "precision": deployment.precision,
        "kv_precision": deployment.kv_precision,
    }


def _price(accelerator: str, usd_per_hour: float | None) -> GpuPrice:
    if usd_per_hour is not None:
        return given_price(usd_per_hour)
    try:
        return list_price(accelerator)
    except InputError as error:
        print(f"optimoe: {error}", file=sys.stderr)
        return unknown_price()
