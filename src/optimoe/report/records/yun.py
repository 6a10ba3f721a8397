"""JSON of what Yun et al. 2024 asks, answered: part of ``optimoe reproduce yun2024``."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class YunAtLossRecord:
    """The loss-optimal model of one number of experts at the loss of the loss-optimal 16 experts of a budget.

    Attributes:
        law: The law's name.
        flops: Training FLOPs of the budget of the 16 experts.
        loss: Their loss, nats per token.
        experts: Number of experts.
        params: Size that reaches it for the least training, as they count it.
        tokens: Training tokens.
        training_share: Its training over that of the 16 experts.
        usd_per_mtok: Serving price on up to 8 GPUs, dollars per million output tokens; null where none hold it.
        usd_per_mtok_16_gpus: Serving price on up to 16.
        num_gpus: GPUs that serve it cheapest, of up to 8.
        weights_share: Share of their memory that weights take.
        batch: Requests in flight whose full contexts fit beside them.
        full_memory: Whether weights take more than half of it: the price is then that of a full memory.
        cheapest: Whether it is the cheapest of all numbers of experts.
        cheapest_16_gpus: Whether it is on up to 16 GPUs.
    """

    law: str
    flops: float
    loss: float
    experts: int
    params: float
    tokens: float
    training_share: float
    usd_per_mtok: float | None
    usd_per_mtok_16_gpus: float | None
    num_gpus: int
    weights_share: float | None
    batch: float | None
    full_memory: bool
    cheapest: bool
    cheapest_16_gpus: bool


@dataclass(frozen=True, kw_only=True)
class YunAnswerRecord:
    """The questions of Yun et al. 2024 for one number of experts under one law; null: no design does it.

    Attributes:
        law: The law's name.
        flops: Training FLOPs of the budget.
        experts: Number of experts.
        params: Size of the lowest loss, as they count it.
        tokens: Training tokens of the lowest loss.
        loss: The lowest loss, nats per token.
        usd_per_mtok: Its serving price, dollars per million output tokens.
        over_trained: The smallest size with the loss of the best four experts, over ``params``.
        equal_quality_cost: Serving price of that size over that of the best four experts.
        equal_cost_loss: The lowest loss at the serving price of the best four experts.
        weights_share: Share of the memory of the GPUs that serve the lowest loss which its weights take.
        batch: Requests in flight whose full contexts fit beside them.
        full_memory: Whether weights take more than half: the price is then that of a full memory.
        usd_per_mtok_16_gpus: Serving price of the lowest loss on up to 16 GPUs.
    """

    law: str
    flops: float
    experts: int
    params: float | None
    tokens: float | None
    loss: float | None
    usd_per_mtok: float | None
    over_trained: float | None
    equal_quality_cost: float | None
    equal_cost_loss: float | None
    weights_share: float | None
    batch: float | None
    full_memory: bool
    usd_per_mtok_16_gpus: float | None
