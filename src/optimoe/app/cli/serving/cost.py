"""``optimoe cost``: serve a model."""

from cyclopts import App

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import (
    show,
    warn_beyond_context,
    warn_of_formats,
    warn_of_notes,
    warn_of_share,
    warn_without_price,
)
from optimoe.inputs.cost import CostRequest

app = App(name="cost", help="Serve a model: latency, throughput, price, best layout.")

app.command("optimoe.app.cli.serving.sizing:fleet", help="The fewest and the cheapest GPUs that carry a load.")
app.command("optimoe.app.cli.serving.sizing:context", help="The longest prompt that fits and keeps the limits.")
app.command("optimoe.app.cli.serving.train:train", help="Train a model: fastest layout, MFU, days and dollars.")
app.command("optimoe.app.cli.serving.calibrate:calibrate", help="Fit the cost model to measured latencies.")
app.command("optimoe.app.cli.serving.calibrate:check", help="Hold predictions against measured latencies.")
app.command("optimoe.app.cli.serving.sizing:disaggregate", help="Prefill and decoding on GPUs of their own.")
app.command("optimoe.app.cli.serving.sizing:curves", help="Speed, throughput and price, with a page.")
app.command(
    "optimoe.app.cli.serving.observed:size_from_speed",
    help="A model's size from the speed and price it is sold at.",
)
app.command("optimoe.app.cli.serving.observed:yun", help="Yun's price by latency tables of your own records.")


@app.default
def cost(
    request: CostRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """Serve a model: latency, throughput and price; the layout and the batch that are left out are searched."""
    from optimoe.cost.serving.accuracy.evidence import evidence
    from optimoe.cost.serving.cache import kv_tokens
    from optimoe.cost.serving.memory import gpu_memory
    from optimoe.cost.sizing.candidates import every_layout
    from optimoe.cost.sizing.feasibility import startable
    from optimoe.cost.sizing.layouts import best_serving
    from optimoe.report.records.serving import serving_record
    from optimoe.report.words.serving_prose import serving_lines

    spec, deployment = request.spec(), request.deployment()
    gpu = deployment.cluster.accelerator.name
    warn_of_notes(deployment.cluster.accelerator)
    warn_of_formats(deployment.serves(spec))
    warn_beyond_context(spec, deployment.workload)
    warn_without_price(gpu, deployment.price, request.price)
    deployment = startable(spec, deployment, every_layout(spec, deployment, request.layout.fixed()))
    warn_of_share(request.engine, deployment.engine)
    estimate = best_serving(spec, deployment, fixed=request.layout.fixed(), concurrency=request.concurrency)
    machine, engine, workload = deployment.machine(estimate.layout), deployment.engine, deployment.workload
    memory = gpu_memory(machine, engine, spec, workload)
    capacity = kv_tokens(machine, engine, spec, memory.cache, workload.full_context)
    show(
        json,
        lambda: serving_record(spec, deployment, estimate),
        lambda: serving_lines(estimate, memory, capacity, spec, deployment, evidence(spec, deployment, estimate)),
        quiet=quiet,
    )
