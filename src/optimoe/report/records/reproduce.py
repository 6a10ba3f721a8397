"""JSON of ``optimoe reproduce``: numbers of published texts beside ours."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from msgspec import UNSET, UnsetType

from optimoe.core.claims import ClaimText, FigureMaker, Reproduction, TextFigure, Verdict
from optimoe.core.records import same_fields
from optimoe.planner.published.ledger import Reproduced, figure_title
from optimoe.report.records.yun import YunAnswerRecord, YunAtLossRecord

Range = tuple[float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class CauseRecord:
    """A possible cause of a difference, which was run.

    Attributes:
        words: What was done otherwise.
        ours: Lowest and highest of our number then; null without one.
        closes: Share of the gap to the printed number that it closes; negative where the gap grows.
        ruled_out: Whether the text says that it did otherwise, so that it explains nothing.
    """

    words: str
    ours: Range
    closes: float | None
    ruled_out: bool


@dataclass(frozen=True, kw_only=True)
class DerivedRecord:
    """What other numbers of the same text give for a claim.

    Attributes:
        words: Which numbers, and where they stand.
        formula: How they give it.
        ours: Lowest and highest number that they give within their rounding.
    """

    words: str
    formula: str
    ours: Range


@dataclass(frozen=True, kw_only=True)
class ReproductionRecord:
    """A published number beside ours.

    Attributes:
        claim: The claim in words.
        published: The printed number.
        ours: Our number.
        verdict: ``reproduced``, ``explained``, ``not_reproduced`` or ``contradicts_itself``; null where a data
            set is not at hand.
        reason: Why it differs; empty where it does not.
        law: The law or model that ours comes from.
        where: Place in the text.
        printed: The number with its digits as printed.
        causes: What was run to explain a difference, the one that closes most first.
        turned_by: Single changes that take the verdict ``reproduced`` away, of those that were run; their
            ``closes`` is null.
        derived: What other numbers of the same text give; null where none are known, or ours is what is printed.
        pending: Why there is no verdict; empty where there is one.
    """

    claim: str
    published: float
    ours: float | None
    verdict: Verdict | None
    reason: str
    law: str
    where: str
    printed: str
    causes: tuple[CauseRecord, ...]
    turned_by: tuple[CauseRecord, ...]
    derived: DerivedRecord | None
    pending: str


@dataclass(frozen=True, kw_only=True)
class ClaimVerdictRecord:
    """A published claim under one law.

    Attributes:
        claim: The claim in words.
        law: The law's name.
        published: Lowest and highest value that the printed number stands for.
        ours: Lowest and highest value of ours; null ends where no design does it.
        verdict: ``reproduced``, ``explained``, ``not_reproduced`` or ``contradicts_itself``; null where a data
            set is not at hand.
        reason: Why it differs; empty where it does not.
        where: Place in the text.
        printed: The number or range as printed; empty where it is in words.
        causes: What was run to explain a difference, the one that closes most first.
        turned_by: Single changes that take the verdict ``reproduced`` away, of those that were run; their
            ``closes`` is null.
        derived: What other numbers of the same text give; null where none are known, or ours is what is printed.
        pending: Why there is no verdict; empty where there is one.
    """

    claim: str
    law: str
    published: Range
    ours: Range
    verdict: Verdict | None
    reason: str
    where: str
    printed: str
    causes: tuple[CauseRecord, ...]
    turned_by: tuple[CauseRecord, ...]
    derived: DerivedRecord | None
    pending: str


@dataclass(frozen=True, kw_only=True)
class ReproductionsRecord:
    """The claims of a published text, re-derived.

    Attributes:
        text: The text's key.
        rows: Its claims: numbers by its own formulas, or ranges under laws that are published.
        about: What is held beside ours, in one line.
        answers: Its questions answered; only for yun2024.
        headline: Who is cheapest to serve at equal loss; only for yun2024.
        figures: Titles of its figures by key; only where it has some.
        page: The page that was written; only where one was asked for.
    """

    text: str
    rows: tuple[ReproductionRecord | ClaimVerdictRecord, ...]
    about: str
    answers: tuple[YunAnswerRecord, ...] | UnsetType = UNSET
    headline: tuple[YunAtLossRecord, ...] | UnsetType = UNSET
    figures: dict[str, str] | UnsetType = UNSET
    page: str | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class FigureSeriesRecord:
    """One curve or set of points of a figure.

    Attributes:
        name: Its name in the legend.
        x, y: Coordinates in the units that the figure's axes name; null where there is no value.
        low, high: Ends of a band around y; both empty without one.
        note: What it stands for or where it comes from; empty where its name says it.
    """

    name: str
    x: tuple[float | None, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    note: str


@dataclass(frozen=True, kw_only=True)
class TextFigureRecord:
    """A figure of a text in numbers.

    Attributes:
        text: The text's key.
        key: The text's own number, or a word.
        title: What it shows.
        x, y: Axis labels with their units.
        x_log, y_log: Whether an axis is logarithmic.
        series: Its curves and sets of points.
        notes: Conditions, and what differs from the text's own figure.
    """

    text: str
    key: str
    title: str
    x: str
    y: str
    x_log: bool
    y_log: bool
    series: tuple[FigureSeriesRecord, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ClaimTextRecord:
    """A text whose printed numbers can be held beside ours.

    Attributes:
        text: Its key.
        about: What is held beside ours, in one line.
        data: Measured data sets that some of its claims need, in the folder that OPTIMOE_DATA names.
    """

    text: str
    about: str
    data: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ClaimTextsRecord:
    """All texts whose printed numbers can be held beside ours.

    Attributes:
        texts: Every text.
    """

    texts: tuple[ClaimTextRecord, ...]


@dataclass(frozen=True, kw_only=True)
class LedgerRecord:
    """The claims of all texts, re-derived.

    Attributes:
        page: The page that was written.
        counts: Number of claims by verdict; ``pending`` where a data set is not at hand.
        texts: Every text with its claims.
    """

    page: str
    counts: dict[str, int]
    texts: tuple[ReproductionsRecord, ...]


def claim_texts_record(texts: Iterable[ClaimText]) -> ClaimTextsRecord:
    """All texts with what each holds and which data it needs."""
    return ClaimTextsRecord(texts=tuple(same_fields(ClaimTextRecord, text) for text in texts))


def reproductions_record(
    done: Reproduced, figures: Mapping[str, FigureMaker] | None = None, page: str = ""
) -> ReproductionsRecord:
    """The claims of a text, with the answers to its questions where it asks some, and what its figures are."""
    return ReproductionsRecord(
        text=done.text.text,
        rows=tuple(_row_record(row) for row in done.rows),
        about=done.text.about,
        answers=tuple(same_fields(YunAnswerRecord, answer) for answer in done.answers) or UNSET,
        headline=tuple(same_fields(YunAtLossRecord, one) for one in done.headline) or UNSET,
        figures={key: figure_title(make) for key, make in (figures or {}).items()} or UNSET,
        page=page or UNSET,
    )


def text_figure_record(text: str, figure: TextFigure) -> TextFigureRecord:
    """A figure of a text in numbers."""
    series = tuple(same_fields(FigureSeriesRecord, one) for one in figure.series)
    return same_fields(TextFigureRecord, figure, text=text, series=series)


def ledger_record(done: Sequence[Reproduced], page: str) -> LedgerRecord:
    """The claims of all texts with how many have which verdict."""
    counts: Counter[str] = Counter(row.verdict or "pending" for text in done for row in text.rows)
    return LedgerRecord(page=page, counts=dict(counts), texts=tuple(reproductions_record(text) for text in done))


def _row_record(row: Reproduction) -> ReproductionRecord | ClaimVerdictRecord:
    causes, turned_by = (
        tuple(same_fields(CauseRecord, cause) for cause in ran) for ran in (row.causes, row.turned_by)
    )
    derived = same_fields(DerivedRecord, row.derived) if row.derived else None
    others = {"causes": causes, "turned_by": turned_by, "derived": derived}
    if isnan(row.value):
        return same_fields(ClaimVerdictRecord, row, **others)
    # Beside a printed number ours is one number too, but for identities: the middle of the range stands for it.
    ours = row.ours[0] if row.ours[0] == row.ours[1] else sum(row.ours) / 2
    return same_fields(ReproductionRecord, row, published=row.value, ours=ours, **others)
