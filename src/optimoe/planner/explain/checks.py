"""The commands that give the numbers of a plan's choice again, each by itself."""

import math
from dataclasses import replace
from pathlib import Path
from shlex import quote

from optimoe.arch.precision.formats import PLAIN_FORMAT
from optimoe.core.errors import InputError
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.hardware.price import GpuPrice, list_price
from optimoe.cost.serving.workload import Workload
from optimoe.cost.training import USUAL_SEQ_LEN
from optimoe.cost.training.setup import usual_goodput
from optimoe.planner.problem.training import GivenMfu
from optimoe.planner.result import Plan


def check_commands(plan: Plan, folder: Path = Path()) -> tuple[str, ...]:
    """The commands that give the choice's numbers again, from its written files.

    Args:
        plan: The plan.
        folder: Where its files are written, as seen from where the commands are given.

    Returns:
        ``optimoe cost`` for the serving and ``optimoe cost train`` for the run: without the first where the
        serving engine is not the usual one, without the second where no layout of the run is known.
    """
    winner = quote(str(folder / "winner"))
    return (*_serve_check(plan, winner), *_train_check(plan, winner))


def _serve_check(plan: Plan, winner: str) -> list[str]:
    deployment, usual = plan.choice.deployment, Engine()
    if replace(deployment.engine, execution=usual.execution) != usual:
        return []
    cluster, workload, limits = deployment.cluster, deployment.workload, deployment.limits
    words = [
        f"--{name.replace('_', '-')} {getattr(workload, name)}"
        for name in ("input_tokens", "output_tokens")
        if getattr(workload, name) != getattr(Workload, name)
    ]
    words += [f"--prefix-hit {workload.prefix_hit:g}"] if workload.prefix_hit else []
    for name in ("ttft", "tpot"):
        limit_s, share = getattr(limits, f"{name}_s"), getattr(limits, f"{name}_percentile")
        if math.isfinite(limit_s):
            words.append(f"--{name} {f'p{100 * share:g}:' if share else ''}{limit_s:g}s")
    words += [f"--precision {plan.choice.served_in}"] if plan.choice.served_in != PLAIN_FORMAT else []
    words += _price_words(cluster.accelerator.name, deployment.price)
    return [" ".join(["optimoe cost", winner, f"--gpus {_gpus_words(cluster)}", *words])]


def _train_check(plan: Plan, winner: str) -> list[str]:
    choice, training = plan.choice, plan.problem.training
    run = training.run
    if run is None or choice.training.layout is None or isinstance(training.utilisation, GivenMfu):
        return []
    words = [f"--gpus {_gpus_words(run.cluster)}", f"--tokens {choice.tokens:.12g}"]
    words += [f"--precision {run.setup.precision}"] if run.setup.precision != PLAIN_FORMAT else []
    words += [f"--seq-len {run.seq_len}"] if run.seq_len != USUAL_SEQ_LEN else []
    words += [f"--goodput {run.goodput:g}"] if run.goodput != usual_goodput(run.cluster.num_gpus) else []
    words += _price_words(run.cluster.accelerator.name, training.price)
    return [" ".join(["optimoe cost train", winner, *words])]


def _gpus_words(cluster: Cluster) -> str:
    return f"{cluster.num_gpus}x{cluster.accelerator.name}"


def _price_words(gpu: str, price: GpuPrice) -> list[str]:
    """The option that states a price, where it is not the list's."""
    try:
        usual = list_price(gpu).usd_per_gpu_hour
    except InputError:
        usual = math.nan
    usd = price.usd_per_gpu_hour
    return [] if usd == usual or math.isnan(usd) else [f"--gpu-usd-per-hour {usd:.12g}"]
