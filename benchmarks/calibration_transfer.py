"""What a calibration does to records that it was not made for: another GPU, model or precision of its version.

    OPTIMOE_DATA=… python benchmarks/calibration_transfer.py

Of every engine version with records of two deployments: factors fitted to the records of one (20 at least), asked
for the other's. Median error of TPOT as shipped and as calibrated, by what the two share. The rule of
optimoe.cost.calibration.reach rests on it.
"""

from collections import defaultdict
from itertools import permutations

import numpy as np

from latency_rows import latency_records
from optimoe.arch.catalog import find_model
from optimoe.core.latency import LatencyRecord
from optimoe.cost.calibration import ClosedPrediction, FitSettings, calibrate
from optimoe.cost.calibration.factors import Factors, shipped_factors
from optimoe.cost.serving.accuracy.models import measured_model

LEAST_RECORDS = 20


def tpot_error(records: list[LatencyRecord], factors: Factors) -> float:
    """Median of |ln(predicted/measured)|."""
    predicted = ClosedPrediction().bind(records)(factors)
    return float(np.median(abs(np.log(predicted.tpot_s / [record.tpot_s for record in records]))))


def main() -> None:
    """Print a line for each pair, and the medians by what the pairs share."""
    groups: dict[tuple[str, str], dict[tuple[str, str, str], list[LatencyRecord]]] = defaultdict(dict)
    for record in latency_records():
        if not ClosedPrediction().refuses(record):
            key = record.model, record.gpu, record.precision
            groups[record.engine, record.engine_version].setdefault(key, []).append(record)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (engine, version), deployments in sorted(groups.items()):
        kept = {key: records for key, records in deployments.items() if len(records) >= LEAST_RECORDS}
        fits = {
            key: calibrate(records, settings=FitSettings(least_records=LEAST_RECORDS, resamples=1)).factors
            for key, records in kept.items()
        }
        for one, other in permutations(kept, 2):
            before = tpot_error(kept[other], shipped_factors(engine))
            after = tpot_error(kept[other], fits[one])
            shared = _shared(one, other)
            found[shared].append((before, after))
            names = " to ".join(" ".join(part.split("/")[-1] for part in key) for key in (one, other))
            print(f"{engine} {version:<16} {names:<75} {before:.3f} {after:.3f}  {shared}")
    for shared, pairs in sorted(found.items()):
        before, after = np.array(pairs).T
        nearer = np.mean(after < before)
        print(f"{shared}: {len(pairs)} pairs, {nearer:.0%} nearer, {before.mean():.3f} to {after.mean():.3f}")


def _shared(one: tuple[str, str, str], other: tuple[str, str, str]) -> str:
    models = [measured_model(key[0], find_model(key[0])) for key in (one, other)]
    kinds = models[0].mixers == models[1].mixers and models[0].ffns == models[1].ffns
    ratio = max(model.params_active for model in models) / min(model.params_active for model in models)
    words = [
        "same model"
        if one[0] == other[0]
        else f"{'same' if kinds else 'other'} kinds, {'within' if ratio <= 5 else 'beyond'} a factor of five"
    ]
    words += [
        f"{'same' if one[place] == other[place] else 'other'} {name}"
        for place, name in ((1, "GPU"), (2, "precision"))
    ]
    return ", ".join(words)


if __name__ == "__main__":
    main()
