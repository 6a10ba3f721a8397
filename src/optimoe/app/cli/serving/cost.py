"""``optimoe cost``: serve a model."""

from cyclopts import App

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import show_blocks
from optimoe.app.replies import serving
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
    reply = serving.cost(request)
    show_blocks(json, reply.record, reply.blocks, quiet=quiet)
