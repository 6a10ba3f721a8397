"""``optimoe compare`` and ``optimoe reproduce``: models beside each other, and texts beside their formulas."""

from optimoe.app.arch_cli import count_record
from optimoe.app.options import Count, Flag, print_columns, print_json, print_lines
from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.core.records import to_record
from optimoe.core.units import format_count
from optimoe.cost.published.catalog import reproduce as reproduce_text
from optimoe.cost.regimes import dense_equivalent


def compare(model: str, *more: str, context: Count = 4096.0, json: Flag = False) -> None:
    """Models side by side, each with the dense model that it is like in every regime.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        more: Further models.
        context: Length, and position, at which FLOPs are counted.
        json: One JSON object instead of text.
    """
    specs = [find_model(name) for name in (model, *more)]
    records = [
        count_record(spec, count(spec, context)) | {"dense_equivalent": to_record(dense_equivalent(spec))}
        for spec in specs
    ]
    if json:
        print_json({"models": records})
        return
    from optimoe.report.prose import arch_columns

    equivalents = [
        (
            f"like dense: {regime.replace('_', ' ')}",
            *(format_count(one["dense_equivalent"][regime]) for one in records),
        )
        for regime in records[0]["dense_equivalent"]
    ]
    print_columns([*arch_columns(records), *equivalents])


def reproduce(text: str, *, json: Flag = False) -> None:
    """The claims of a published text, re-derived by its own formulas, with a verdict for each.

    Args:
        text: Such as epoch2024.
        json: One JSON object instead of text.
    """
    rows = reproduce_text(text)
    if json:
        print_json({"text": text, "rows": rows})
        return
    print_lines(
        [
            (
                row.verdict.replace("_", " "),
                f"{row.claim}: printed {row.published:g}, ours {row.ours:.4g}"
                + (f" ({row.reason})" if row.reason else ""),
            )
            for row in rows
        ]
    )
