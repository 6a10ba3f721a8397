"""What each rival forgot and gained: means over paired seeds, against the first rival.

python examples/lifelong/table.py examples/lifelong/records/*.jsonl   # one file for each seed
"""

import statistics
import sys
from pathlib import Path

from optimoe.core.run import RunRecord, load_run_records, retention


def numbers(record: RunRecord) -> dict[str, float]:
    """Means over the sources, nats per token; what is forgotten over all but the last one."""
    each = list(retention(record).values())
    return {
        "gained": statistics.fmean(one.gain for one in each),
        "after its own stage": statistics.fmean(one.learned for one in each),
        "forgotten": statistics.fmean(one.forgotten for one in each[:-1]),
        "at the end": statistics.fmean(one.last for one in each),
    }


def main(files: list[str]) -> None:
    """Print a table in Markdown: mean (difference to the first rival ± its standard error over the pairs)."""
    seeds = [{record.run.name: record for record in load_run_records(Path(file)).records} for file in files]
    first, *_ = seeds[0]
    print("| rival | total, active parameters |", " | ".join(numbers(seeds[0][first])), "|")
    print("|" + "---|" * 6)
    for name, record in seeds[0].items():
        mine, base = [numbers(seed[name]) for seed in seeds], [numbers(seed[first]) for seed in seeds]
        cells = []
        for key in mine[0]:
            apart = [one[key] - other[key] for one, other in zip(mine, base, strict=True)]
            error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else float("nan")
            difference = "" if name == first else f" ({statistics.fmean(apart):+.3f} ± {error:.3f})"
            cells.append(f"{statistics.fmean(one[key] for one in mine):.3f}{difference}")
        sizes = f"{record.params_total / 1e3:.0f}K, {record.params_active / 1e3:.0f}K"
        print(f"| {name} | {sizes} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(sys.argv[1:])
