"""``optimoe plan``: which model to train."""

import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.options import Count, Seconds, print_json, print_lines, whole
from optimoe.core.errors import InputError
from optimoe.cost.accelerator import Cluster, find_accelerator, parse_gpus
from optimoe.cost.layouts import Deployment
from optimoe.cost.price import GpuPrice, given_price, list_price
from optimoe.cost.workload import Limits, Workload
from optimoe.laws.catalog import find_loss_law
from optimoe.plan.problem import Goal, LeastCost, LowestLoss, NearBest, Problem, Training, gpu_time_flops
from optimoe.plan.result import plan_record
from optimoe.plan.solve import plan as solve
from optimoe.plan.space import Space


def plan(
    *,
    train_flops: Count | None = None,
    train_gpus: str | None = None,
    train_days: float | None = None,
    mfu: float = 0.4,
    serve_tokens: Count = 0.0,
    serve_gpus: str = "8xh100-sxm",
    input_tokens: Count = 1024.0,
    output_tokens: Count = 1024.0,
    ttft: Seconds = math.inf,
    tpot: Seconds = math.inf,
    loss_slack: float | None = None,
    target_loss: float | None = None,
    total_usd: Count | None = None,
    law: str = "ludziejewski2025",
    experts: Annotated[str, Parameter(name="--experts")] = "1,2,4,8,16,32",
    top_k: int = 1,
    ffn_ratio: float = 3.0,
    vocab: Count = 50_304.0,
    max_width: Count = 16_384.0,
    precision: str = "bf16",
    kv_precision: str = "bf16",
    train_usd_per_hour: float | None = None,
    serve_usd_per_hour: float | None = None,
    out: Path | None = None,
    json: bool = False,
) -> None:
    """From a budget, a traffic and hardware to the model to train.

    Args:
        train_flops: Training budget in FLOPs (6ND). Or state it as GPUs and days:
        train_gpus: GPUs of the training run, such as 64xh100-sxm.
        train_days: Days that they run.
        mfu: Model FLOPs utilisation of the training run.
        serve_tokens: Output tokens over the model's life; their prompts come with them.
        serve_gpus: GPUs of one deployment, such as 8xh100-sxm.
        input_tokens: Prompt of a request.
        output_tokens: Answer of a request.
        ttft: Limit on the time to first token.
        tpot: Limit on the time per output token.
        loss_slack: Take the cheapest design within this share of the lowest loss (0.01 if left out).
        target_loss: Take the cheapest design that reaches this loss instead.
        total_usd: Take the lowest loss that training and serving reach within these dollars instead.
        law: Loss law: a name of `optimoe laws list`, or a law file.
        experts: Expert counts to compare; 1 is dense.
        top_k: Routed experts per token.
        ffn_ratio: Hidden width of an expert, and of a dense FFN, over d_model.
        vocab: Vocabulary.
        max_width: Largest d_model.
        precision: Of the served weights: bf16, fp8, int8, int4, mxfp4.
        kv_precision: Of the cache.
        train_usd_per_hour: Price of a training GPU hour, instead of the list price.
        serve_usd_per_hour: Price of a serving GPU hour, instead of the list price.
        out: Folder for plan.html, plan.json and winner/ (the current one; with --json only where stated).
        json: One JSON object instead of text.
    """
    num_train, train_name = (
        parse_gpus(train_gpus) if train_gpus is not None else (0, parse_gpus(serve_gpus)[1])
    )
    accelerator = find_accelerator(train_name)
    num_serve, serve_name = parse_gpus(serve_gpus)
    serving = Cluster(accelerator=find_accelerator(serve_name), num_gpus=num_serve)
    budget = _budget(train_flops, train_gpus, train_days)
    if budget is None and train_gpus is not None and train_days is not None:
        budget = gpu_time_flops(accelerator, num_train, train_days, mfu)
    problem = Problem(
        training=Training(
            accelerator=accelerator,
            mfu=mfu,
            price=_price(accelerator.name, train_usd_per_hour, "--train-usd-per-hour"),
            budget_flops=math.inf if budget is None else budget,
        ),
        deployment=Deployment(
            cluster=serving,
            workload=Workload(
                input_tokens=whole("input_tokens", input_tokens),
                output_tokens=whole("output_tokens", output_tokens),
            ),
            limits=Limits(ttft_s=ttft, tpot_s=tpot),
            price=_price(serving.accelerator.name, serve_usd_per_hour, "--serve-usd-per-hour"),
            precision=precision,
            kv_precision=kv_precision,
        ),
        lifetime_tokens=serve_tokens,
        law=find_loss_law(law),
        goal=_goal(loss_slack, target_loss, total_usd),
        space=Space(
            num_experts=_counts(experts),
            top_k=top_k,
            ffn_ratio=ffn_ratio,
            vocab_size=whole("vocab", vocab),
            max_width=whole("max_width", max_width),
        ),
    )
    result = solve(problem)
    if not json:
        from optimoe.report.prose import plan_lines

        print_lines(plan_lines(result))
    if out is not None or not json:
        from optimoe.report.page import write_plan

        files = write_plan(result, out or Path())
        if not json:
            print("\n" + "  ".join(str(file) for file in files))
    if json:
        print_json(plan_record(result))


def _budget(train_flops: float | None, train_gpus: str | None, train_days: float | None) -> float | None:
    """The stated FLOPs; none when the budget is GPUs and days, or not limited.

    Raises:
        InputError: It is stated twice, or by half.
    """
    if train_flops is not None and train_days is not None:
        raise InputError("--train-flops: state the budget once, as FLOPs or as --train-gpus and --train-days")
    if train_days is not None and train_gpus is None:
        raise InputError("--train-gpus: missing beside --train-days")
    return train_flops


def _goal(loss_slack: float | None, target_loss: float | None, total_usd: float | None) -> Goal:
    stated = {"--loss-slack": loss_slack, "--target-loss": target_loss, "--total-usd": total_usd}
    names = [name for name, value in stated.items() if value is not None]
    if len(names) > 1:
        raise InputError(f"{names[0]}: cannot stand beside {names[1]}, they state different goals")
    if target_loss is not None:
        return LeastCost(max_loss=target_loss)
    if total_usd is not None:
        return LowestLoss(total_usd=total_usd)
    return NearBest() if loss_slack is None else NearBest(loss_slack=loss_slack)


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--experts: must be whole numbers like 1,8,32, got {text!r}") from None


def _price(accelerator: str, usd_per_hour: float | None, option: str) -> GpuPrice:
    if usd_per_hour is not None:
        return given_price(usd_per_hour)
    try:
        return list_price(accelerator)
    except InputError as error:
        raise InputError(f"{option}: missing, and {error}") from None
