"""Answers about sizes: the longest prompt, prefill and decoding apart, a training run."""

from optimoe.app.notes import warn_of_formats, warn_of_notes, warn_of_share, warn_without_price
from optimoe.app.replies.reply import Reply
from optimoe.app.waiting import stage
from optimoe.inputs.cost import ContextRequest, DisaggregateRequest, TrainCostRequest


def context(request: ContextRequest) -> Reply:
    """The longest prompt that fits the memory and keeps the limits, over all layouts."""
    from optimoe.cost.sizing.candidates import every_layout
    from optimoe.cost.sizing.feasibility import startable
    from optimoe.cost.sizing.fleet import longest_context
    from optimoe.report.records.sizing import context_record
    from optimoe.report.words.serving_prose import context_lines

    spec, deployment = request.spec(), request.deployment()
    warn_of_formats(deployment.serves(spec))
    deployment = startable(spec, deployment, every_layout(spec, deployment))
    warn_of_share(request.engine, deployment.engine)
    with stage("searching the longest prompt"):
        longest = longest_context(spec, deployment, request.concurrency)
    return Reply(
        record=lambda: context_record(spec, deployment, request.concurrency, longest),
        blocks=lambda: [context_lines(spec, deployment, longest)],
    )


def disaggregate(request: DisaggregateRequest) -> Reply:
    """Prefill and decoding on GPUs of their own, beside GPUs that do both."""
    from optimoe.cost.sizing.disaggregation import disaggregate as split_pools
    from optimoe.cost.sizing.layouts import cheapest_serving
    from optimoe.report.records.sizing import disaggregation_record
    from optimoe.report.words.serving_prose import disaggregated_lines

    spec, deployment = request.spec(), request.deployment()
    warn_of_notes(deployment.cluster.accelerator)
    warn_without_price(deployment.cluster.accelerator.name, deployment.price, request.price)
    warn_of_formats(deployment.serves(spec))
    with stage("splitting the GPUs"):
        pair = split_pools(spec, deployment)
        both = cheapest_serving(spec, deployment)
    together = both.tokens_per_s_per_gpu if both.tokens_per_s > 0 else 0.0
    return Reply(
        record=lambda: disaggregation_record(spec, pair, together),
        blocks=lambda: [disaggregated_lines(pair, together, spec, deployment)],
    )


def train(request: TrainCostRequest) -> Reply:
    """The fastest layout in which a model is trained, its MFU, days and dollars."""
    from optimoe.cost.training.search import best_training
    from optimoe.report.records.training import training_record
    from optimoe.report.words.training_prose import training_lines

    spec, run = request.spec(), request.run()
    warn_of_notes(run.cluster.accelerator)
    warn_without_price(run.cluster.accelerator.name, run.price, request.price)
    with stage("searching layouts of training"):
        best = best_training(spec, run)
    return Reply(
        record=lambda: training_record(best, request.tokens),
        blocks=lambda: [training_lines(best, request.tokens)],
    )
