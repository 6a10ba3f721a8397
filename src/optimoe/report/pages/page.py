"""A page of a result: one file that opens offline, its decision first, figures with their numbers, sources last.

Every page has one frame: a title, the sentence that decides, the answer in lines, then sections.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import plotly.graph_objects as go
from plotly.io import templates
from plotly.io.json import to_json_plotly

from optimoe import __version__
from optimoe.core.provenance import COMMAND, Assumption
from optimoe.report.pages.figures.numbers import figure_numbers
from optimoe.report.pages.figures.style import DARK, TEMPLATE
from optimoe.report.words.lines import Lines, Rows, Table


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a page under a heading; one without content is left out.

    Attributes:
        title: Its heading.
        about: What stands below it.
        figures: Drawn beside each other, each with its numbers.
        table: A table; its columns of words begin at the left.
        marked: Whether the first row of the table stands out.
        texts: Sentences.
        links: Files beside the page.
        careful: Whether it stands out as a warning.
    """

    title: str
    about: str = ""
    figures: Sequence[go.Figure] = ()
    table: Table | None = None
    marked: bool = False
    texts: Sequence[str] = ()
    links: Sequence[str] = ()
    careful: bool = False

    @property
    def known(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.figures or self.table or self.texts or self.links)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page says, from top to bottom.

    Attributes:
        title: Of the page.
        decision: The sentence that decides, which stands first.
        about: What the page is of: hardware, dates, a source.
        answer: Labelled lines.
        sections: The rest, what everything rests on at its end.
    """

    title: str
    decision: str
    about: str = ""
    answer: Lines
    sections: Sequence[Section]


def rests_on(assumptions: Sequence[Assumption]) -> Section:
    """The last section of a page: every number that it rests on, with its source."""
    heads = ("number", "value", "basis", "source")
    rows = [(one.name, one.value, one.basis.value, one.source) for one in assumptions]
    return Section(title="What this rests on", table=Table(rows=[heads, *rows], words=heads))


def render(page: Page) -> str:
    """A page in one file: figures, the library that draws them, its style; nothing comes from elsewhere."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("optimoe.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [section for section in page.sections if section.known]
    return environment.get_template("page.html").render(
        page=page,
        sections=sections,
        drawn=drawn,
        look={"template": _template(), "dark": DARK},
        as_json=to_json_plotly,
        plotly_js=_plotly_js() if any(section.figures for section in sections) else "",
        version=__version__,
        command=COMMAND.get(),
    )


@dataclass(frozen=True, kw_only=True)
class FigurePiece:
    """A figure as a piece of a page.

    Attributes:
        title: Its caption.
        told: What it shows, for those who do not see it.
        json: Data and layout, safe inside a script.
        numbers: Its numbers, heads first; empty for none.
    """

    title: str
    told: str
    json: str
    numbers: Rows


def drawn(figure: go.Figure) -> FigurePiece:
    """A figure with its title as a caption that wraps, a text for who does not see it, and its numbers."""
    title = figure.layout.title.text or ""
    named = ", ".join(trace.name for trace in figure.data if trace.name)
    told = (figure.layout.meta or {}).get("told") or f"{title}{': ' + named if named else ''}"
    bare = figure.to_dict()  # plain: a Figure would check the template that it is given, 25 ms of CPU each
    bare["layout"].update(title={}, meta=None, template=None)
    bare["layout"]["margin"]["t"] = 20
    return FigurePiece(title=title, told=told, json=to_json_plotly(bare), numbers=figure_numbers(figure))


@cache
def _template() -> dict[str, Any]:
    plain: dict[str, Any] = templates[TEMPLATE].to_plotly_json()
    return {"layout": plain["layout"]}


@cache
def _plotly_js() -> str:
    """The part of plotly that our figures need."""
    return files("optimoe.report").joinpath("pages/vendor/plotly-basic.min.js").read_text("utf-8")
