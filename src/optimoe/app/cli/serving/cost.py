"""``optimoe cost``: serve a model."""

from typing import Any

from cyclopts import App

from optimoe.app.cli.printing import print_json, print_lines
from optimoe.arch.catalog import find_model
from optimoe.arch.spec import ArchSpec
from optimoe.cost.layers.layout import layout_record
from optimoe.cost.serving.estimate import Deployment, ServingEstimate, tpot_band, ttft_band
from optimoe.cost.serving.memory import gpu_memory
from optimoe.cost.sizing.layouts import best_serving
from optimoe.inputs.quantities import Flag, Quantity
from optimoe.inputs.serving import (
    EngineOptions,
    LayoutOptions,
    RequestOptions,
    read_cluster,
    read_deployment,
)

app = App(name="cost", help="Serve a model: latency, throughput, price, best layout.")

app.command("optimoe.app.cli.serving.fleet:fleet", help="The fewest and the cheapest GPUs that carry a load.")
app.command("optimoe.app.cli.serving.fleet:context", help="The longest prompt that fits and keeps the limits.")
app.command("optimoe.app.cli.serving.train:train", help="Train a model: fastest layout, MFU, days and dollars.")
app.command("optimoe.app.cli.serving.calibrate:calibrate", help="Fit the model to measured latencies.")
app.command("optimoe.app.cli.serving.fleet:disaggregate", help="Prefill and decoding on GPUs of their own.")
app.command("optimoe.app.cli.serving.fleet:curves", help="Speed, throughput and price, with a page.")

DEFAULT_LAYOUT, DEFAULT_REQUESTS, DEFAULT_ENGINE = LayoutOptions(), RequestOptions(), EngineOptions()


@app.default
def cost(
    model: str,
    *,
    gpus: str,
    gpu: str | None = None,
    gpu_usd_per_hour: float | None = None,
    concurrency: Quantity | None = None,
    layout: LayoutOptions = DEFAULT_LAYOUT,
    requests: RequestOptions = DEFAULT_REQUESTS,
    engine: EngineOptions = DEFAULT_ENGINE,
    json: Flag = False,
) -> None:
    """Serve a model: latency, throughput and price; the layout and the batch that are left out are searched.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        gpus: How many, with --gpu; or both at once, such as 8xh100-sxm.
        gpu: Which accelerator: a name, or a TOML file of your own.
        gpu_usd_per_hour: Price of a GPU hour, instead of the list price.
        concurrency: Requests in flight.
        layout: Degrees of parallelism.
        requests: What is asked.
        engine: The software.
        json: One JSON object instead of text.
    """
    spec = find_model(model)
    cluster = read_cluster(gpus, gpu)
    deployment = read_deployment(cluster, gpu_usd_per_hour, requests, engine)
    estimate = best_serving(spec, deployment, fixed=layout.fixed, concurrency=concurrency)
    if json:
        print_json(serving_record(spec, deployment, estimate))
        return
    from optimoe.report.words.serving_prose import serving_lines

    memory = gpu_memory(deployment.machine(estimate.layout), deployment.engine, spec, deployment.workload)
    gpus_words = f"{cluster.num_gpus} × {cluster.accelerator.name}"
    print_lines(serving_lines(estimate, memory, spec.name, gpus_words))


def serving_record(spec: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> dict[str, Any]:
    """The keys of ``optimoe cost --json``."""
    low, high = tpot_band(estimate.tpot_s)
    ttft_low, ttft_high = ttft_band(estimate.ttft_s)
    return {
        "name": spec.name,
        "gpu": deployment.cluster.accelerator.name,
        "num_gpus": deployment.cluster.num_gpus,
        "layout": layout_record(estimate.layout),
        "replicas": estimate.layout.replicas,
        "concurrency": estimate.concurrency,
        "max_batch": estimate.max_batch,
        "ttft_s": estimate.ttft_s,
        "ttft_low_s": ttft_low,
        "ttft_high_s": ttft_high,
        "tpot_s": estimate.tpot_s,
        "tpot_low_s": low,
        "tpot_high_s": high,
        "tokens_per_s": estimate.tokens_per_s,
        "tokens_per_s_per_gpu": estimate.tokens_per_s_per_gpu,
        "usd_per_mtok": estimate.usd_per_mtok,
        "price": deployment.price,
        "bound_by": estimate.bound_by,
        "parts": estimate.parts,
        "memory": gpu_memory(deployment.machine(estimate.layout), deployment.engine, spec, deployment.workload),
        "workload": deployment.workload,
        "precision": deployment.engine.execution.precision,
        "kv_precision": deployment.engine.execution.kv_precision,
    }
