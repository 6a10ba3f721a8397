"""JSON of ``optimoe cost size-from-speed``."""

from dataclasses import dataclass

from optimoe.core.provenance import Basis
from optimoe.core.records import same_fields
from optimoe.cost.sizing.size_from_speed import Guess, Move, SizesFromSpeed
from optimoe.report.records.deployment import DeploymentRecord, LayoutRecord, deployment_record, layout_record


@dataclass(frozen=True, kw_only=True)
class ObservedRecord:
    """What is seen of a model from outside.

    Attributes:
        tokens_per_s: Output tokens per second of one user, after the first; 0 where not known.
        usd_per_mtok: Price of a million output tokens, that of their prompts included; null where not known.
        margin: Share of the price that is not the cost of its GPUs.
        utilisation: Share of the GPU hours in which the deployment runs at its batch.
        concurrency: Requests in flight over all GPUs; 0 where not known.
        cost_usd_per_mtok: The most that a million output tokens may cost at full load; null without a price.
    """

    tokens_per_s: float
    usd_per_mtok: float | None
    margin: float
    utilisation: float
    concurrency: float
    cost_usd_per_mtok: float | None


@dataclass(frozen=True, kw_only=True)
class TypicalShapeRecord:
    """What all models of the ladder have in common.

    Attributes:
        aspect: d_model over the number of layers.
        ffn_ratio: Hidden width over d_model of the dense feed-forward, and of all experts that a token uses.
        head_dim: Width of a head.
        num_kv_heads: Key-value heads of grouped attention.
        vocab_size: Rows of both embeddings.
    """

    aspect: float
    ffn_ratio: float
    head_dim: int
    num_kv_heads: int
    vocab_size: int


@dataclass(frozen=True, kw_only=True)
class GuessServingRecord:
    """How the largest model is served cheapest.

    Attributes:
        layout: Degrees of parallelism.
        concurrency: Requests in flight over all replicas.
        tpot_s: Mean time per output token after the first.
        usd_per_mtok: Dollars per million output tokens at full load; null without a price of GPU hours.
    """

    layout: LayoutRecord
    concurrency: float
    tpot_s: float
    usd_per_mtok: float | None


@dataclass(frozen=True, kw_only=True)
class GuessRecord:
    """The largest typical model with so many experts that can be served as observed.

    Attributes:
        num_experts: Routed experts of every layer; 1 is a dense model.
        top_k: Routed experts that a token uses.
        params_total: All its parameters, embeddings included; 0 where not even the smallest can be served so.
        params_total_low: Low end of their band.
        params_total_high: High end of their band.
        params_active: Parameters that a token uses.
        params_active_low: Low end of their band.
        params_active_high: High end of their band.
        rule_params_total: All parameters by the article's rule of thumb, from the dense size.
        bound_by: What keeps the next larger model out: memory, speed, ttft, price, or the end of the ladder.
        d_model: Width of that model; null where there is none.
        num_layers: Its depth; null where there is none.
        serving: How it is served; null where there is none.
    """

    num_experts: int
    top_k: int
    params_total: float
    params_total_low: float
    params_total_high: float
    params_active: float
    params_active_low: float
    params_active_high: float
    rule_params_total: float
    bound_by: str
    d_model: int | None
    num_layers: int | None
    serving: GuessServingRecord | None


@dataclass(frozen=True, kw_only=True)
class MoveRecord:
    """How the sizes change where one thing that is not known is assumed otherwise.

    Attributes:
        unknown: What is not known.
        assumed: What the sizes assume.
        instead: What is assumed in its place.
        basis: How the other value is known: measured or assumed.
        params_total: All parameters under it, one for each guess; 0 where nothing can be served so.
        params_active: Active parameters under it, one for each guess.
    """

    unknown: str
    assumed: str
    instead: str
    basis: Basis
    params_total: tuple[float, ...]
    params_active: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class SizesFromSpeedRecord:
    """The largest sizes that an observed speed and price allow, dense and by sparsity.

    Attributes:
        observed: What is seen.
        deployment: GPUs, requests, price of an hour, limits and engine.
        shape: What the models of the ladder have in common.
        guesses: One for each number of experts, the dense one first.
        moves: What the bands are made of.
    """

    observed: ObservedRecord
    deployment: DeploymentRecord
    shape: TypicalShapeRecord
    guesses: tuple[GuessRecord, ...]
    moves: tuple[MoveRecord, ...]


def sizes_from_speed_record(sizes: SizesFromSpeed) -> SizesFromSpeedRecord:
    """The sizes with everything that they were computed from."""
    return SizesFromSpeedRecord(
        observed=same_fields(ObservedRecord, sizes.observed),
        deployment=deployment_record(sizes.deployment),
        shape=same_fields(TypicalShapeRecord, sizes.shape),
        guesses=tuple(_guess_record(guess) for guess in sizes.guesses),
        moves=tuple(_move_record(move) for move in sizes.moves),
    )


def _guess_record(guess: Guess) -> GuessRecord:
    model, serving = guess.model, None
    if guess.serving is not None:
        layout = layout_record(guess.serving.layout)
        serving = same_fields(GuessServingRecord, guess.serving, layout=layout)
    return same_fields(
        GuessRecord,
        guess,
        num_experts=guess.experts.num_experts,
        top_k=guess.experts.top_k,
        d_model=model and model.d_model,
        num_layers=model and model.num_layers,
        serving=serving,
    )


def _move_record(move: Move) -> MoveRecord:
    return same_fields(MoveRecord, move)
