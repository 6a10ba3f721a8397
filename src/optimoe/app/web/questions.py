"""What may be asked over HTTP: requests that name what ships or hold content, and write nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimoe.app.replies import Reply, comparing, counting, fits, laws, optima, planning, serving, sizing
from optimoe.core.errors import InputError
from optimoe.inputs.cost import (
    ContextRequest,
    CostRequest,
    CurvesRequest,
    DisaggregateRequest,
    FleetRequest,
    TrainCostRequest,
)
from optimoe.inputs.laws.compare import CompareLawsRequest, DecideRequest
from optimoe.inputs.laws.corpora import AnchorRequest
from optimoe.inputs.laws.evaluate import AlongRequest, EvaluateRequest, LawLibraryRequest, LawRequest
from optimoe.inputs.laws.fit import FitRequest
from optimoe.inputs.laws.optima import FrontierRequest, IsoFlopRequest
from optimoe.inputs.models import ArchRequest, CompareRequest
from optimoe.inputs.plan import PlanRequest
from optimoe.inputs.tables import read_request

WORDS = "With what the command prints: sentences, lines and tables."
"""The addition ``words``, of every question."""
LAW_FILE = "With the text of the law file, in which laws/show, laws/predict and laws/along are asked of this law."
"""The addition ``law_file``, of questions whose answer is a law."""


@dataclass(frozen=True, kw_only=True)
class AskedCommand:
    """One question of the API, which is one command.

    Attributes:
        command: Whose JSON is answered.
        request: What is asked, in the command's options with underscores.
        reply: Answers it; takes the switches that are on as keywords.
        switches: Options of the command that say what is left out or added, false where they are left out.
        additions: What may be asked for beside the record, false likewise: keys of the answer.
    """

    command: str
    request: type
    reply: Callable[..., Reply]
    switches: Mapping[str, str] = field(default_factory=dict)
    additions: Mapping[str, str] = field(default_factory=lambda: {"words": WORDS})

    def answered(self, table: Mapping[str, Any]) -> Reply:
        """The reply to a table from a network.

        Raises:
            OptimoeError: As the command ends; a path, an address or Python where a name is asked for is refused.
        """
        stated = {name: switched(table, name) for name in self.switches if name in table}
        added = {*self.switches, *self.additions}
        own = {name: value for name, value in table.items() if name not in added}
        return self.reply(read_request(self.request, own, trusted=False), **stated)


def switched(table: Mapping[str, Any], name: str) -> bool:
    """Whether a switch of a table is on; it is off where it is left out.

    Raises:
        InputError: It is neither true nor false.
    """
    value = table.get(name, False)
    if type(value) is not bool:
        raise InputError(f"{name}: must be true or false, got {value!r}")
    return value


def _planned(request: PlanRequest, **switches: bool) -> Reply:
    return planning.plan(request, **switches).reply


def _fitted(request: FitRequest) -> Reply:
    return fits.fit(request).reply


def _anchored(request: AnchorRequest) -> Reply:
    return fits.anchor(request).reply


QUICK = "Leave out how sure the choice is."
NEAR = (
    "Look only at the designs near an earlier plan of the same space and hardware, where the process that answers "
    "made one: in tenths of a second, for inputs that are being dragged. trace.searched says what was looked at."
)
BRIEF = "Leave out what stands beside the choice but the lowest loss, and how sure it is."
OF_LAW = {"words": WORDS, "law_file": LAW_FILE}
EXPLAIN = "With the chain of numbers from the inputs to the choice."

QUESTIONS: dict[str, AskedCommand] = {
    "arch": AskedCommand(command="arch", request=ArchRequest, reply=counting.arch),
    "cost": AskedCommand(command="cost", request=CostRequest, reply=serving.cost),
    "cost/fleet": AskedCommand(command="cost fleet", request=FleetRequest, reply=serving.fleet),
    "cost/curves": AskedCommand(command="cost curves", request=CurvesRequest, reply=serving.curves),
    "cost/context": AskedCommand(command="cost context", request=ContextRequest, reply=sizing.context),
    "cost/disaggregate": AskedCommand(
        command="cost disaggregate", request=DisaggregateRequest, reply=sizing.disaggregate
    ),
    "cost/train": AskedCommand(command="cost train", request=TrainCostRequest, reply=sizing.train),
    "compare": AskedCommand(command="compare", request=CompareRequest, reply=comparing.compare),
    "plan": AskedCommand(
        command="plan",
        request=PlanRequest,
        reply=_planned,
        switches={"quick": QUICK, "explain": EXPLAIN, "near": NEAR, "brief": BRIEF},
    ),
    "laws/list": AskedCommand(command="laws list", request=LawLibraryRequest, reply=laws.listed),
    "laws/show": AskedCommand(command="laws show", request=LawRequest, reply=laws.shown),
    "laws/predict": AskedCommand(command="laws predict", request=EvaluateRequest, reply=laws.predict),
    "laws/along": AskedCommand(command="laws along", request=AlongRequest, reply=laws.along),
    "laws/fit": AskedCommand(command="laws fit", request=FitRequest, reply=_fitted, additions=OF_LAW),
    "laws/anchor": AskedCommand(command="laws anchor", request=AnchorRequest, reply=_anchored, additions=OF_LAW),
    "laws/isoflop": AskedCommand(command="laws isoflop", request=IsoFlopRequest, reply=optima.isoflop),
    "laws/frontier": AskedCommand(command="laws frontier", request=FrontierRequest, reply=optima.frontier),
    "laws/compare": AskedCommand(command="laws compare", request=CompareLawsRequest, reply=laws.compare),
    "laws/decide": AskedCommand(command="laws decide", request=DecideRequest, reply=laws.decide),
}
"""By what stands behind the version in the path."""

REPORTS = {f"{name}/report": name for name in ("plan", "compare", "cost/fleet", "laws/along")}
"""Questions whose answer is also a page of one file, by the path at which it is answered so."""
