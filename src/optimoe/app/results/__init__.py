"""How results show themselves: the words, pages, tables and figures of the command line."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimoe.core.results.shown import View

VIEWS = {
    "ArchCount": "models:CountView",
    "Fit": "laws:FitView",
    "LatencyCheck": "measured:CheckView",
    "Measurement": "measured:MeasurementView",
    "Plan": "plans:PlanView",
    "Reply": "models:ReplyView",
    "RunRecord": "measured:RunView",
    "Scored": "plans:ScoredView",
    "ServingEstimate": "models:ServingView",
    "SweepOutcome": "measured:SweepView",
}
"""The module and the class that show a kind of result; each loads when one is shown."""


def view(result: Any) -> "View":
    """How a result is shown; each kind loads what it needs."""
    module, _, name = VIEWS[type(result).__name__].partition(":")
    shown: View = getattr(import_module(f"{__name__}.{module}"), name)(result)
    return shown
