"""``optimoe cost train``: how long a training run takes, and in which layout."""

from typing import Literal

from optimoe.app.cli.printing import print_json, print_lines
from optimoe.arch.catalog import find_model
from optimoe.cost.training.estimate import USUAL_BATCH_TOKENS, USUAL_SEQ_LEN, TrainRun
from optimoe.cost.training.search import best_training
from optimoe.cost.training.setup import TrainSetup
from optimoe.inputs.quantities import Flag, Quantity, whole
from optimoe.inputs.serving import read_cluster, read_price
from optimoe.report.records.training import training_record


def train(
    model: str,
    *,
    gpus: str,
    tokens: Quantity,
    gpu: str | None = None,
    gpu_usd_per_hour: float | None = None,
    batch_tokens: Quantity = float(USUAL_BATCH_TOKENS),
    seq_len: Quantity = float(USUAL_SEQ_LEN),
    precision: Literal["bf16", "fp8"] = "bf16",
    json: Flag = False,
) -> None:
    """Train a model: the fastest layout that fits, its MFU, days and dollars.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        gpus: How many, with --gpu; or both at once, such as 256xh100-sxm.
        tokens: Training tokens.
        gpu: Which accelerator: a name, or a TOML file of your own.
        gpu_usd_per_hour: Price of a GPU hour, instead of the list price.
        batch_tokens: Of one step, over all GPUs.
        seq_len: Tokens of a sequence.
        precision: Of the products: bf16 or fp8.
        json: One JSON object instead of text.
    """
    spec, cluster = find_model(model), read_cluster(gpus, gpu)
    run = TrainRun(
        cluster=cluster,
        batch_tokens=whole("batch_tokens", batch_tokens),
        seq_len=whole("seq_len", seq_len),
        setup=TrainSetup(precision=precision),
        price=read_price(cluster.accelerator.name, gpu_usd_per_hour),
    )
    best = best_training(spec, run)
    if json:
        print_json(training_record(best, tokens))
        return
    from optimoe.report.words.training_prose import training_lines

    print_lines(training_lines(best, tokens))
