"""Published cost models by name, and their claims re-derived."""

from dataclasses import dataclass, field
from typing import Any, Literal

from optimoe.core.config import build, load_facts
from optimoe.core.errors import UnknownNameError
from optimoe.core.outputs import Evaluable
from optimoe.cost.published.epoch import Epoch
from optimoe.cost.published.erdil import ErdilPaper, ErdilToy
from optimoe.cost.published.erdil_code import ErdilCode
from optimoe.cost.published.yun import YunCost

MODELS: dict[str, type[Evaluable]] = {
    model.name: model for model in (Epoch, ErdilToy, ErdilPaper, ErdilCode, YunCost)
}


def find_cost_model(name: str) -> Evaluable:
    """A published cost model.

    Raises:
        UnknownNameError: No such model.
    """
    if name not in MODELS:
        raise UnknownNameError("cost model", name, MODELS)
    return MODELS[name]()


def published_cost_checks() -> list[dict[str, Any]]:
    """Check-values of these models, with sources and tolerances."""
    return list(load_facts("optimoe.cost", "published.toml")["check"])


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A number that a text states, and how it is derived here; ``reason`` says why it differs, if it does."""

    text: str
    claim: str
    published: float
    rounding: float
    output: str
    inputs: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    explained: bool = True


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A claim with our own value.

    Attributes:
        verdict: ``reproduced``: within the printed rounding; ``explained``: it differs, and ``reason`` says
            why; ``not_reproduced``: no reading of the text gives the number.
    """

    claim: str
    published: float
    ours: float
    verdict: Literal["reproduced", "explained", "not_reproduced"]
    reason: str


def reproduce(text: str) -> list[Reproduction]:
    """Every claim of a text beside our own value.

    Raises:
        UnknownNameError: A text without claims.
    """
    claims = [claim for claim in _claims() if claim.text == text]
    if not claims:
        raise UnknownNameError("text", text, claim_texts())
    return [_judge(claim) for claim in claims]


def claim_texts() -> tuple[str, ...]:
    """The texts whose claims can be reproduced."""
    return tuple(dict.fromkeys(claim.text for claim in _claims()))


def _claims() -> list[Claim]:
    return [build(Claim, row, where="claims.toml") for row in load_facts("optimoe.cost", "claims.toml")["claim"]]


def _judge(claim: Claim) -> Reproduction:
    ours = float(find_cost_model(claim.text).evaluate(claim.output, claim.inputs))
    verdict: Literal["reproduced", "explained", "not_reproduced"] = "not_reproduced"
    if abs(ours - claim.published) <= claim.rounding:
        verdict = "reproduced"
    elif claim.reason and claim.explained:
        verdict = "explained"
    return Reproduction(
        claim=claim.claim,
        published=claim.published,
        ours=ours,
        verdict=verdict,
        reason="" if verdict == "reproduced" else claim.reason,
    )
