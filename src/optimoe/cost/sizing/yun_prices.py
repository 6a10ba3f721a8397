"""Yun's price of a served model by latency tables of one's own, beside that of the full cost model."""

import math
from dataclasses import dataclass

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.core.units import TOKENS_PER_MTOK
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.engines.preset import preset_name
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import GpuPrice
from optimoe.cost.published.yun import MeasuredTables, ServedFor, Stored, TableServing, serve_on
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.layouts import best_serving

ONE_COPY = {"dp": 1}
"""Yun's memory holds the weights once, on all GPUs."""


@dataclass(frozen=True, kw_only=True)
class YunPrice:
    """A model on one number of GPUs, by the tables and by the full cost model.

    Attributes:
        gpus: G.
        by_tables: By the latency table; none where it has no answer.
        why_not: Why the table has no answer; empty where it has one.
        by_model: One copy by the full cost model, at that batch or the most that its own, stricter memory holds;
            none where it serves nothing, or the size is no model's.
    """

    gpus: int
    by_tables: TableServing | None
    why_not: str
    by_model: ServingEstimate | None

    @property
    def gpu_s_per_token(self) -> float:
        """GPU seconds per output token by the table, G/T; infinite where it has no answer."""
        return math.inf if self.by_tables is None else self.gpus / self.by_tables.tokens_per_s

    @property
    def usd_per_mtok(self) -> float:
        """Dollars per million output tokens by the table; NaN without a price, infinite without an answer."""
        return math.inf if self.by_tables is None else self.by_tables.usd_per_token * TOKENS_PER_MTOK


@dataclass(frozen=True, kw_only=True)
class YunPrices:
    """The price of a model on every number of GPUs that was measured.

    Attributes:
        name: The model, or its size.
        tables: The latency tables.
        stored: What the model holds.
        price: Of a GPU hour.
        prices: One for each number of GPUs.
    """

    name: str
    tables: MeasuredTables
    stored: Stored
    price: GpuPrice
    prices: tuple[YunPrice, ...]

    @property
    def cheapest(self) -> YunPrice:
        """The number of GPUs with the least GPU seconds per token: Yun's C(m), at whatever price."""
        return min(self.prices, key=lambda one: one.gpu_s_per_token)


def yun_prices(
    tables: MeasuredTables,
    stored: Stored,
    price: GpuPrice,
    most_requests: float = math.inf,
    arch: ArchSpec | None = None,
) -> YunPrices:
    """C(m) = min over G of G·C_0/T by measured tables, with every G and the full cost model beside it.

    A number of GPUs whose table does not reach the batch that the cache allows has no price: nothing is
    extrapolated.

    Args:
        tables: Measured latencies.
        stored: What the asked model holds.
        price: Of a GPU hour.
        most_requests: Requests in flight at most; infinite for all that the cache allows.
        arch: The model, for the full cost model; none for a size between models.

    Raises:
        InfeasibleError: No number of GPUs holds the weights and one request.
        ConfigError: No table reaches the size and the batch.
        UnknownNameError: The records name no known accelerator.
    """
    conditions, accelerator = tables.conditions, find_accelerator(tables.conditions.gpu)
    asked = ServedFor(
        memory_per_gpu=accelerator.memory_bytes / bytes_per_value(conditions.precision),
        prompt=conditions.input_tokens,
        answer=conditions.output_tokens,
        usd_per_gpu_s=price.usd_per_gpu_s,
        most_requests=most_requests,
    )
    prices, refusals = list[YunPrice](), list[ConfigError | InfeasibleError]()
    for table in tables.tables:
        try:
            served = serve_on(table, stored, asked)
        except (ConfigError, InfeasibleError) as refusal:
            refusals.append(refusal)
            prices.append(YunPrice(gpus=table.gpus, by_tables=None, why_not=str(refusal), by_model=None))
        else:
            by_model = _by_model(arch, tables, price, served) if arch else None
            prices.append(YunPrice(gpus=table.gpus, by_tables=served, why_not="", by_model=by_model))
    if len(refusals) == len(prices):
        # what more records would mend counts more than what more GPUs would
        raise next((refusal for refusal in refusals if isinstance(refusal, ConfigError)), refusals[-1])
    name = arch.name if arch else f"{stored.params:.3g} parameters, {tables.num_experts} experts"
    return YunPrices(name=name, tables=tables, stored=stored, price=price, prices=tuple(prices))


def _by_model(
    arch: ArchSpec, tables: MeasuredTables, price: GpuPrice, served: TableServing
) -> ServingEstimate | None:
    """The same requests on the same GPUs by the full cost model, in its best layout of one copy."""
    conditions = tables.conditions
    deployment = Deployment(
        cluster=Cluster(accelerator=find_accelerator(conditions.gpu), num_gpus=served.gpus),
        workload=Workload(input_tokens=conditions.input_tokens, output_tokens=conditions.output_tokens),
        price=price,
        engine=find_engine(
            preset_name(conditions.engine), precision=conditions.precision, kv_precision=conditions.kv_precision
        ),
    )
    try:
        most = best_serving(arch, deployment, fixed=ONE_COPY)
        batch = max(1.0, min(served.batch, float(most.max_batch)))
        return best_serving(arch, deployment, fixed=ONE_COPY, concurrency=batch)
    except InfeasibleError:
        return None
