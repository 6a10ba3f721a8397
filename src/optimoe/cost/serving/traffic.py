"""Traffic as people state it: a trace of requests, or percentiles of their lengths."""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist, linear_regression

from optimoe.core.errors import require
from optimoe.core.files.reading.columns import TRACE, read_positive_columns
from optimoe.cost.serving.workload import Workload


def load_trace(path: Path, prefix_hit: float = 0.0) -> Workload:
    """The mean request of a trace: a table of ``input_tokens`` and ``output_tokens``, a row a request.

    Cells are separated by commas, semicolons, tabs or bars, after a header.

    Means, because prefill time and cache grow nearly in proportion to length; attention over prompts that vary
    widely is dearer than at their mean.

    Raises:
        InputError: The file cannot be read, lacks a column, or holds no request.
        ConfigError: A length is not a positive number: names the line.
    """
    columns = read_positive_columns(path, TRACE, "trace")
    prompt, answer = (max(1, round(float(columns[name].mean()))) for name in TRACE)
    return Workload(input_tokens=prompt, output_tokens=answer, prefix_hit=prefix_hit)


def mean_length(percentiles: Mapping[float, float], name: str) -> float:
    """The mean of lengths with these percentiles, as a log-normal distribution: exp(μ + σ²/2).

    ln x_p = μ + σ·z_p through two percentiles, or by least squares through more. Lengths of prompts and answers
    are close to log-normal in published traces (an assumption of this function).

    Args:
        percentiles: Length by percentile, such as ``{50: 800, 90: 3000}``.
        name: What they are lengths of, for the error line.

    Raises:
        ConfigError: Fewer than two, a percentile not between 0 and 100, a length not positive, or lengths that
            fall.
    """
    require(len(percentiles) >= 2, name, "two percentiles or more", dict(percentiles))
    points = sorted(percentiles.items())
    for percentile, length in points:
        require(0 < percentile < 100, f"{name}: percentile", "between 0 and 100", percentile)
        require(0 < length < math.inf, f"{name}: p{percentile:g}", "a positive number", length)
    for (_, shorter), (percentile, longer) in pairwise(points):
        require(longer >= shorter, f"{name}: p{percentile:g}", f"at least {shorter:g}", longer)
    deviates = [NormalDist().inv_cdf(percentile / 100) for percentile, _ in points]
    sigma, mu = linear_regression(deviates, [math.log(length) for _, length in points])
    return math.exp(mu + sigma**2 / 2)
