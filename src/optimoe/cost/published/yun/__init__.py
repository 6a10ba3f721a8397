"""Yun 2024 (arXiv 2404.02852): the cost of serving by latency tables, and tables from measured deployments."""

from optimoe.cost.published.yun.cost import (
    LatencyTable,
    ServedFor,
    Stored,
    TableServing,
    YunCost,
    cost_per_token,
    kv_limited_batch,
    serve_on,
)
from optimoe.cost.published.yun.tables import Conditions, MeasuredTables, latency_tables, stored

__all__ = [
    "Conditions",
    "LatencyTable",
    "MeasuredTables",
    "ServedFor",
    "Stored",
    "TableServing",
    "YunCost",
    "cost_per_token",
    "kv_limited_batch",
    "latency_tables",
    "serve_on",
    "stored",
]
