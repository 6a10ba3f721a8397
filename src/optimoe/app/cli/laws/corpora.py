"""``optimoe laws fit --group`` and ``--prior``, ``optimoe laws anchor``: laws over corpora, and one's own."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag, QuietFlag
from optimoe.app.cli.printing import show, show_blocks
from optimoe.app.replies import fits
from optimoe.app.waiting import stage
from optimoe.inputs.laws.corpora import AnchorRequest, CorporaRequest
from optimoe.inputs.laws.fit import FitRequest

if TYPE_CHECKING:
    from optimoe.laws.law import Law


def fit_corpora(request: FitRequest, corpora: CorporaRequest, out: Path | None, json: bool, quiet: bool) -> None:
    """Fit one law to several corpora, or to one with a prior, and print or write it."""
    from optimoe.laws.catalog import save_law
    from optimoe.laws.fitting.hierarchy import (
        LeftOut,
        documented_corpora,
        draw_hierarchy,
        fit_hierarchy,
        leave_one_corpus_out,
    )
    from optimoe.report.records.laws.corpora import corpora_record
    from optimoe.report.words.laws.corpora import carried_table, corpora_lines
    from optimoe.report.words.lines import Table

    law = corpora.prior_law()
    if law is not None and not corpora.group:
        _fit_with_prior(request, law, out, json, quiet)
        return
    groups = corpora.groups(request) if corpora.group else {"runs": request.observations()}
    how = corpora.how(request)
    with stage(f"fitting {len(groups)} corpora at once"):
        fitted = fit_hierarchy(groups, request.family, name=request.name, **how)
    drawn = None
    if request.resamples:
        with stage(f"{request.resamples} draws for the intervals"):
            drawn = draw_hierarchy(
                groups, fitted, draws=request.resamples, cluster=request.cluster, seed=request.seed
            )
    left_out: tuple[LeftOut, ...] = ()
    if corpora.leave_out:
        with stage("leaving each corpus out"):
            left_out = leave_one_corpus_out(groups, request.family, seed=request.seed, **how)
    if out is not None:
        save_law(documented_corpora(fitted, drawn, date=date.today().isoformat()), out)
    table = [Table(rows=carried_table(left_out))] if left_out else []
    show_blocks(
        json,
        lambda: corpora_record(fitted, drawn, left_out, level=request.level),
        lambda: [corpora_lines(fitted, drawn, level=request.level), *table],
        quiet=quiet,
    )


def _fit_with_prior(request: FitRequest, law: "Law", out: Path | None, json: bool, quiet: bool) -> None:
    from dataclasses import replace

    from optimoe.laws.catalog import find_family, save_law
    from optimoe.laws.fitting.anchoring import fit_with_prior
    from optimoe.report.records.laws.corpora import corpora_record
    from optimoe.report.words.laws.corpora import corpora_lines

    plain = request.options()
    runs = request.observations()
    with stage(f"fitting {len(runs):,} runs"):
        found = fit_with_prior(
            runs,
            law,
            family=find_family(request.family).family,
            draws=max(request.resamples, 2),
            cluster=request.cluster,
            name=request.name,
            seed=request.seed,
            bounds=plain.bounds,
            fixed=plain.fixed,
        )
    if out is not None:
        evidence = replace(found.law.evidence, date=date.today().isoformat())
        save_law(replace(found.law, evidence=evidence), out)
    show(
        json,
        lambda: corpora_record(found.fitted, found.drawn, (), level=request.level, basis=found.basis),
        lambda: corpora_lines(found.fitted, found.drawn, level=request.level, basis=found.basis),
        quiet=quiet,
    )


def anchor(
    request: AnchorRequest,
    *,
    out: Annotated[Path | None, Parameter(help="Write the anchored law here, for --law.")] = None,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Bring a law to the level of your own runs, from one run upwards: its scale, its floor where they tell."""
    from optimoe.laws.catalog import save_law

    found = fits.anchor(request)
    if out is not None:
        save_law(found.law, out)
    show_blocks(json, found.reply.record, found.reply.blocks, quiet=quiet)
