"""JSON of ``optimoe cost yun``."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.cost.published.yun import LatencyTable, MeasuredTables
from optimoe.cost.sizing.yun_prices import YunPrice, YunPrices
from optimoe.report.records.deployment import LayoutRecord, PriceRecord, layout_record, price_record


@dataclass(frozen=True, kw_only=True)
class ConditionsRecord:
    """What all records of the tables have in common.

    Attributes:
        gpu: Accelerator.
        engine: Serving engine.
        engine_version: Its version.
        precision: Precision of the weights.
        kv_precision: Precision of the cache.
        input_tokens: Prompt of a request.
        output_tokens: Answer of a request.
    """

    gpu: str
    engine: str
    engine_version: str
    precision: str
    kv_precision: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, kw_only=True)
class StoredRecord:
    """What a model holds in memory, in elements of the weights' precision.

    Attributes:
        params: N as Yun counts: the parameters outside embeddings of the dense model of one expert.
        resident: All parameters.
        mu: µ of hl = µ·N^(2/3); one token of cache holds 2·hl elements.
    """

    params: float
    resident: float
    mu: float


@dataclass(frozen=True, kw_only=True)
class LatencyTableRecord:
    """Measured latencies on one number of GPUs.

    Attributes:
        gpus: Number of GPUs.
        params: Sizes N of the models, the smallest first.
        batches: Requests of a decode step.
        prompts: Prompts of a prefill, batches over the answer.
        prefill_s: Seconds by size and prompts: (TTFT − TPOT)/answer.
        decode_s: Seconds by size and batch: TPOT.
    """

    gpus: int
    params: tuple[float, ...]
    batches: tuple[float, ...]
    prompts: tuple[float, ...]
    prefill_s: tuple[tuple[float, ...], ...]
    decode_s: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class MeasuredTablesRecord:
    """Latency tables of the models with one number of experts.

    Attributes:
        conditions: What all records have in common.
        num_experts: Routed experts of all models; 1 is dense.
        models: Names of the models, the smallest first.
        stored: What each of them holds.
        tables: One for each number of GPUs.
        records: Number of records in the tables.
        left_out: Records that are in no table, by reason.
    """

    conditions: ConditionsRecord
    num_experts: int
    models: tuple[str, ...]
    stored: tuple[StoredRecord, ...]
    tables: tuple[LatencyTableRecord, ...]
    records: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TableServingRecord:
    """A model on one number of GPUs by the latency table.

    Attributes:
        allowed: Requests that the cache allows.
        batch: Requests that are served.
        step_s: Seconds of a step of them, prompts included.
        tokens_per_s: Output tokens per second of these GPUs.
    """

    allowed: float
    batch: float
    step_s: float
    tokens_per_s: float


@dataclass(frozen=True, kw_only=True)
class OneCopyRecord:
    """One copy of the model on the same GPUs by the full cost model.

    Attributes:
        layout: Degrees of parallelism.
        concurrency: Requests in flight: as by the table, or the most that its own, stricter memory holds.
        tpot_s: Mean time per output token after the first.
        tokens_per_s: Output tokens per second of these GPUs.
        usd_per_mtok: Dollars per million output tokens; null without a price of GPU hours.
    """

    layout: LayoutRecord
    concurrency: float
    tpot_s: float
    tokens_per_s: float
    usd_per_mtok: float | None


@dataclass(frozen=True, kw_only=True)
class YunPriceRecord:
    """A model on one number of GPUs, by the table and by the full cost model.

    Attributes:
        gpus: Number of GPUs.
        usd_per_mtok: Dollars per million output tokens by the table; null without an answer or a price.
        by_tables: By the latency table; null where it has no answer.
        why_not: Why the table has no answer; empty where it has one.
        by_model: By the full cost model; null where it serves nothing, or a size is asked for and no model.
    """

    gpus: int
    usd_per_mtok: float | None
    by_tables: TableServingRecord | None
    why_not: str
    by_model: OneCopyRecord | None


@dataclass(frozen=True, kw_only=True)
class YunPricesRecord:
    """Yun's price of a served model by latency tables of measured records.

    Attributes:
        name: The model, or its size.
        stored: What it holds.
        price: Price of a GPU hour.
        num_gpus: The cheapest number of GPUs.
        usd_per_mtok: Dollars per million output tokens on it; null without a price.
        prices: Every number of GPUs, the smallest first.
        tables: The latency tables.
    """

    name: str
    stored: StoredRecord
    price: PriceRecord
    num_gpus: int
    usd_per_mtok: float | None
    prices: tuple[YunPriceRecord, ...]
    tables: MeasuredTablesRecord


def yun_prices_record(found: YunPrices) -> YunPricesRecord:
    """The price by numbers of GPUs with the tables that it comes from."""
    return YunPricesRecord(
        name=found.name,
        stored=same_fields(StoredRecord, found.stored),
        price=price_record(found.price),
        num_gpus=found.cheapest.gpus,
        usd_per_mtok=found.cheapest.usd_per_mtok,
        prices=tuple(_price_record(one) for one in found.prices),
        tables=_tables_record(found.tables),
    )


def _price_record(one: YunPrice) -> YunPriceRecord:
    table, model = one.by_tables, one.by_model
    by_tables = None if table is None else same_fields(TableServingRecord, table)
    by_model = None
    if model is not None:
        by_model = same_fields(OneCopyRecord, model, layout=layout_record(model.layout))
    return same_fields(YunPriceRecord, one, by_tables=by_tables, by_model=by_model)


def _tables_record(tables: MeasuredTables) -> MeasuredTablesRecord:
    return same_fields(
        MeasuredTablesRecord,
        tables,
        conditions=same_fields(ConditionsRecord, tables.conditions),
        stored=tuple(same_fields(StoredRecord, one) for one in tables.stored),
        tables=tuple(_table_record(table) for table in tables.tables),
    )


def _table_record(table: LatencyTable) -> LatencyTableRecord:
    return LatencyTableRecord(
        gpus=table.gpus,
        params=tuple(table.params.tolist()),
        batches=tuple(table.batches.tolist()),
        prompts=tuple(table.prompts.tolist()),
        prefill_s=tuple(map(tuple, table.prefill_s.tolist())),
        decode_s=tuple(map(tuple, table.decode_s.tolist())),
    )
