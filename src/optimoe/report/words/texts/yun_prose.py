"""Yun 2024's questions answered, in tables: the headline at equal loss, then its two searches."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import isfinite, isnan

from optimoe.core.units import format_count
from optimoe.planner.published.yun.answers import YunAnswer, YunAtLoss
from optimoe.planner.published.yun.serving import FULL_SHARE

Table = list[tuple[str, ...]]

HEADLINE = (
    "Cheapest at equal loss: loss-optimal models with the loss of the best 16 experts of a budget. N is that of",
    "the dense twin; training is over that of the 16; a price on 1 to 8 A100-40GB, and with up to 16.",
)
ANSWERS = ("Loss-optimal models: the lowest loss of each budget, what serves it, and how full that is.",)
SEARCHES = (
    "Over-trained models, the whole budget spent, against the loss-optimal 4 experts (E=4) of the same budget:",
    "the smallest N with the loss of E=4, as a share of one's own loss-optimal N; its price over that of E=4; and",
    "the lowest loss of those that are served at the price of E=4.",
)
FULL = f"full: weights take more than {FULL_SHARE:.0%} of the memory, so that the price is that of a full box."


def headline_tables(headline: Sequence[YunAtLoss]) -> list[Table]:
    """A table for each law: who reaches a loss, with how much training and at which price."""
    return [_headline(law, group) for law, group in groupby(headline, key=lambda one: one.law)]


def answer_tables(answers: Sequence[YunAnswer]) -> list[Table]:
    """A table for each law of the loss-optimal models of each budget."""
    return [_answers(law, group) for law, group in groupby(answers, key=lambda answer: answer.law)]


def search_tables(answers: Sequence[YunAnswer]) -> list[Table]:
    """A table for each law of the answers to their two searches."""
    return [_searches(law, group) for law, group in groupby(answers, key=lambda answer: answer.law)]


def _headline(law: str, group: Iterable[YunAtLoss]) -> Table:
    heads = (law, "E", "N", "training", "USD/Mtok", "to 16 GPUs", "weights", "")
    return [
        heads,
        *(
            (
                f"{format_count(one.flops)} FLOP",
                f"{one.experts}",
                format_count(one.params),
                f"{one.training_share:.2f}×",
                _usd(one.usd_per_mtok),
                _usd(one.usd_per_mtok_16_gpus),
                _weights(one.weights_share, one.full_memory),
                _cheapest(one),
            )
            for one in group
        ),
    ]


def _cheapest(one: YunAtLoss) -> str:
    where = [*(["8 GPUs"] if one.cheapest else []), *(["16 GPUs"] if one.cheapest_16_gpus else [])]
    return f"cheapest on {', '.join(where)}" if where else ""


def _answers(law: str, group: Iterable[YunAnswer]) -> Table:
    heads = (law, "E", "N", "D", "loss", "USD/Mtok", "to 16 GPUs", "weights")
    return [
        heads,
        *(
            (
                f"{format_count(one.flops)} FLOP",
                f"{one.experts}",
                _count(one.params),
                _count(one.tokens),
                _loss(one.loss),
                _usd(one.usd_per_mtok),
                _usd(one.usd_per_mtok_16_gpus),
                _weights(one.weights_share, one.full_memory),
            )
            for one in group
        ),
    ]


def _searches(law: str, group: Iterable[YunAnswer]) -> Table:
    heads = (law, "E", "N at the loss of E=4", "price at the loss of E=4", "loss at the price of E=4")
    return [
        heads,
        *(
            (
                f"{format_count(one.flops)} FLOP",
                f"{one.experts}",
                _share(one.over_trained),
                _share(one.equal_quality_cost),
                _loss(one.equal_cost_loss),
            )
            for one in group
        ),
    ]


def _weights(share: float, full: bool) -> str:
    return f"{_share(share)} full" if full else _share(share)


def _loss(value: float) -> str:
    return "–" if isnan(value) else f"{value:.3f}"


def _usd(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "–"


def _count(value: float) -> str:
    return "–" if isnan(value) else format_count(value)


def _share(value: float) -> str:
    return "–" if isnan(value) else f"{value:.0%}"
