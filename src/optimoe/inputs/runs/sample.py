"""The request of ``optimoe sample``: a trained model, what it goes on from, and how."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from optimoe.models.inference.sampling import Sampling


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SampleRequest:
    """Text that a trained model goes on with."""

    run: Path = field(kw_only=False)
    """The folder of a run."""
    step: int = 0
    """Step of the checkpoint; 0 takes the newest whole one."""
    prompt: str = ""
    """What it goes on from, behind the token that begins every text; empty for a text of its own."""
    max_new_tokens: Annotated[int, Parameter(alias="--max-tokens")] = 64
    """Tokens after which it ends, where it does not end the text itself."""
    temperature: float = 0.0
    """Of the choice of tokens; 0 takes the most probable one."""
    top_k: int = 0
    """Most probable tokens that are chosen from; 0 is all."""
    top_p: float = 1.0
    """Probability that the tokens which are chosen from hold together."""
    seed: int = 0
    """Of the random numbers."""

    def sampling(self, end_of_text: int) -> "Sampling":
        """How tokens are chosen, up to the end of the text.

        Raises:
            ConfigError: A number is out of its limits.
        """
        from optimoe.models.inference.sampling import Sampling

        return Sampling(
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
            stop_ids=(end_of_text,),
        )
