"""What the engines' coefficients were fitted on, as a table: deployments by GPU, precision and engine.

    OPTIMOE_DATA=… python benchmarks/serving_coverage.py [--write]

Rows: serving_rows.answered_rows, those of the fit (fit_engine). ``--write`` writes data/coverage.toml, from which
an answer says what stands behind it. What kernels were measured stands in data/operators/ itself.
"""

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optimoe.core.config import save_toml, to_toml
from optimoe.core.records import to_values
from optimoe.cost.engines.eras import era_of
from optimoe.cost.engines.measured import Measured
from optimoe.cost.hardware.accelerator import accelerator_key, find_accelerator
from optimoe.cost.serving.accuracy.models import measured_model
from serving_rows import ServingRow, answered_rows, row_deployment, row_running

PATH = Path(__file__).parent.parent / "src/optimoe/cost/data/coverage.toml"
HEAD = """\
Deployments that stand behind the engines' coefficients, by GPU, precision and engine
(optimoe.cost.engines.measured.Measured). Written by benchmarks/serving_coverage.py from serving_e2e_hopper
(ai-dynamo/aiconfigurator@095f58a, silicon_sample.csv). Many rows carry no date: none is younger than `last`."""


def coverage() -> list[Measured]:
    """One entry for each GPU, precision and engine."""
    groups: dict[tuple[str, ...], list[ServingRow]] = defaultdict(list)
    for row in answered_rows():
        groups[accelerator_key(row.system), row.precision, row.engine].append(row)
    return [_measured(*key, rows) for key, rows in sorted(groups.items())]


def _measured(gpu: str, precision: str, engine: str, rows: list[ServingRow]) -> Measured:
    models = {row.model: row.arch for row in rows}
    months = sorted(row.measured_utc[:7] for row in rows if row.measured_utc)
    requests = sorted(row_running(row) for row in rows)
    context = sorted(row_deployment(row).workload.mean_context for row in rows)
    node = find_accelerator(gpu).linked_gpus
    names = {"tp": "tp", "pp": "pp", "dp": "attention_ranks", "ep": "ep"}
    layouts = sorted({tuple(int(getattr(row.layout, name)) for name in names.values()) for row in rows})
    degrees = dict(zip(names, map(max, zip(*layouts, strict=True)), strict=True))
    return Measured(
        gpu=gpu,
        precision=precision,
        engine=engine,
        rows=len(rows),
        versions=tuple(sorted({row.version for row in rows if row.version})),
        eras=tuple(sorted({_era(row) for row in rows} - {""})),
        first=months[0] if months else "",
        last=months[-1] if months else "",
        models=tuple(measured_model(name, arch) for name, arch in sorted(models.items())),
        requests=(requests[0], requests[-1]),
        context=(context[0], context[-1]),
        nodes=max(math.ceil(int(row.layout.group) / node) for row in rows),
        layouts=tuple(layouts),
        **degrees,
    )


def _era(row: ServingRow) -> str:
    """The year of the row's day, else of its engine's version."""
    return row.measured_utc[:4] or era_of(row.engine, row.version)


def table() -> dict[str, Any]:
    """What the file holds."""
    return {"deployment": [to_values(one) for one in coverage()]}


def main(words: Sequence[str]) -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    if parser.parse_args(words).write:
        save_toml(PATH, table(), comment=HEAD)
    else:
        print(to_toml(table()))


if __name__ == "__main__":
    main(sys.argv[1:])
