"""``optimoe laws fit`` and ``laws compare``: laws from runs, and one design under every law."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from optimoe.app.cli.printing import print_json, print_lines
from optimoe.arch.catalog import find_model
from optimoe.core.errors import InputError
from optimoe.inputs.quantities import Flag, Quantity
from optimoe.laws.compare import compare as compare_laws
from optimoe.laws.compare import compare_decisions
from optimoe.laws.fitting import (
    FitOptions,
    Huber,
    Interval,
    LeastSquares,
    Objective,
    StudentT,
    bootstrap,
    hold_out,
    save_law,
)
from optimoe.laws.fitting import fit as fit_law
from optimoe.laws.runs import load_observations
from optimoe.report.records.laws.comparison import decisions_record, law_comparison_record
from optimoe.report.records.laws.fits import fit_record

Listed = Annotated[list[str] | None, Parameter(negative="")]


def fit(
    runs: Path,
    *,
    family: str,
    columns: Listed = None,
    labels: Listed = None,
    where: str = "",
    bad_rows: Literal["refuse", "exclude"] = "refuse",
    objective: Literal["huber", "squares", "student"] = "huber",
    delta: float = 1e-3,
    holdout: str = "",
    resamples: int = 200,
    cluster: str = "",
    level: float = 0.9,
    name: str = "",
    out: Path | None = None,
    seed: int = 0,
    json: Flag = False,
) -> None:
    """Fit a family of laws to a table of runs.

    Args:
        runs: CSV, JSON or Parquet file, or a folder of exports (TensorBoard, MLflow, W&B).
        family: A family, a law of it, its paper, or a class of yours: chinchilla, yun2024, my_law.py:MyLaw.
        columns: Variable of the law and its column or formula, such as D=step*524288 (once for each).
        labels: Label and its column, such as run=hyper_id (once for each).
        where: Rows to take, such as "k == 1 and router == 'S-Base'".
        bad_rows: Refuse a table with rows that cannot be used, or exclude and flag them.
        objective: Huber loss, least squares or Student-t likelihood, on residuals of ln L.
        delta: Where Huber's loss turns linear.
        holdout: Runs to predict and not to fit: top20%, or a condition such as "size > 1e21" or "E == 64".
        resamples: Bootstrap refits for the intervals; 0 for none.
        cluster: Label or variable whose rows are drawn together, such as run.
        level: Of the intervals.
        name: Of the law that comes out.
        out: Write the law file here, for --law.
        seed: Of the bootstrap.
        json: One JSON object instead of text.
    """
    table = load_observations(
        runs,
        _pairs("--columns", columns) or None,
        where=where,
        labels=_pairs("--labels", labels),
        bad_rows=bad_rows,
    )
    choices: dict[str, Objective] = {"huber": Huber(delta=delta), "squares": LeastSquares(), "student": StudentT()}
    fitted = fit_law(table, family, FitOptions(objective=choices[objective]), name=name)
    intervals: dict[str, Interval] = {}
    if resamples:
        drawn = bootstrap(table, fitted, resamples=resamples, cluster=cluster, seed=seed)
        intervals = drawn.intervals(level)
    test = hold_out(table, family, holdout, fitted.options) if holdout else None
    if out is not None:
        save_law(fitted.law, out)
    if json:
        print_json(fit_record(fitted, intervals, test))
    else:
        from optimoe.report.words.law_prose import fit_lines

        print_lines(fit_lines(fitted, intervals, test))


def compare(
    model: str,
    *,
    tokens: Quantity,
    laws: Listed = None,
    json: Flag = False,
) -> None:
    """The same design under every law that can speak about it, as differences to each law's own dense model.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        tokens: Training tokens.
        laws: Laws to ask (once for each); all verified and transcribed ones if left out.
        json: One JSON object instead of text.
    """
    comparison = compare_laws(find_model(model), tokens, laws or ())
    if json:
        print_json(law_comparison_record(comparison))
        return
    from optimoe.report.words.law_prose import comparison_lines

    print_lines(comparison_lines(comparison))


def decide(*, train_flops: Quantity, laws: Listed = None, json: Flag = False) -> None:
    """What each law would decide at a training budget: experts, granularity, tokens per parameter.

    Args:
        train_flops: The budget.
        laws: Laws to ask (once for each); all that can answer if left out.
        json: One JSON object instead of text.
    """
    verdicts = compare_decisions(train_flops, laws or ())
    if json:
        print_json(decisions_record(train_flops, verdicts))
        return
    print_lines([(verdict.question.replace("_", " "), verdict.words) for verdict in verdicts])


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    pairs = {}
    for text in texts or []:
        for pair in text.split(","):
            symbol, equals, column = pair.partition("=")
            if not equals or not symbol.strip() or not column.strip():
                raise InputError(f"{option}: must be like N=params, got {pair!r}")
            pairs[symbol.strip()] = column.strip()
    return pairs
