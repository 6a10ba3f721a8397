"""``optimoe cost``: serve a model."""

from cyclopts import App

from optimoe.app.cli.printing import print_json, print_lines
from optimoe.arch.catalog import find_model
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
from optimoe.report.records.serving import serving_record

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
