"""Text that a trained model goes on with."""

from dataclasses import dataclass

from optimoe.models.inference.generate import generate
from optimoe.models.inference.sampling import Sampling, StopReason
from optimoe.trainer.results.trained import TrainedRun


@dataclass(frozen=True, kw_only=True)
class SampledText:
    """Text that a model went on with.

    Attributes:
        prompt: What it went on from.
        prompt_ids: Its tokens, behind the one that begins every text.
        text: What is new.
        ids: Its tokens, that which ended the text included.
        log_probs: Log-probability of each under the model itself, at temperature 1.
        stopped: Why it ended.
    """

    prompt: str
    prompt_ids: tuple[int, ...]
    text: str
    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    stopped: StopReason


def sample_text(trained: TrainedRun, prompt: str, sampling: Sampling) -> SampledText:
    """Go on from a text, which begins as every document did in training.

    Args:
        trained: The model and its tokenizer.
        prompt: What to go on from.
        sampling: How.

    Raises:
        ConfigError: A router decides on several tokens together.
        InputError: Logits are no numbers.
    """
    tokenizer = trained.tokenizer
    prompt_ids = [tokenizer.end_of_text, *tokenizer.encode([prompt])[0].tolist()]
    new = generate(trained.model, [prompt_ids], sampling)
    ids = new.ids[0]
    whole = tokenizer.decode([*prompt_ids, *ids])  # a character may begin in the prompt's last byte
    return SampledText(
        prompt=prompt,
        prompt_ids=tuple(prompt_ids),
        text=whole.removeprefix(prompt),
        ids=tuple(ids),
        log_probs=tuple(new.log_probs[0]),
        stopped=new.stopped[0],
    )
