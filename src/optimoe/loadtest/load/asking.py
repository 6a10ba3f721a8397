"""What a request says, in words that the server knows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any

import numpy as np

from optimoe.core.errors import InputError
from optimoe.loadtest.client.client import Client
from optimoe.loadtest.client.events import StreamedAnswer
from optimoe.loadtest.load.draws import draw_length, request_draws, text_of_words
from optimoe.loadtest.results.server import Server
from optimoe.loadtest.workload import Endpoint, LoadPlan

SHORT_WORDS, LONG_WORDS = 16, 144
"""Words of the two prompts that tell how many tokens a word is."""

UNKNOWN_OPTION = (400, 422)
"""How servers refuse an option that they do not know."""

VERSIONS = {
    "vllm": ("/version", "version"),
    "sglang": ("/server_info", "version"),
    "llamacpp": ("/props", "build_info"),
}
"""Where an engine tells its version, and under which key; by what it calls itself the owner of its models."""


Prompt = str | list[int]
"""A prompt as text or as token ids."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One request of a conversation and its answer.

    Attributes:
        asked, answered: Their texts.
        tokens: Of both, as aimed at and as counted.
    """

    asked: str
    answered: str
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request as it is sent.

    Attributes:
        body: Its JSON.
        added: What it adds to a conversation.
        input_tokens, output_tokens: Aimed at.
    """

    body: dict[str, Any]
    added: str
    input_tokens: int
    output_tokens: int


def api_path(endpoint: Endpoint) -> str:
    """The path of the API that is asked."""
    return "/v1/chat/completions" if endpoint.api == "chat" else "/v1/completions"


def question(
    endpoint: Endpoint, server: Server, plan: LoadPlan, level: int, place: int, said: Sequence[Turn] = ()
) -> Question:
    """The request at a place of a level, behind what was asked and answered before in its conversation."""
    draws, shared = request_draws(plan, level, place), np.random.default_rng([plan.seed])
    input_tokens = draw_length(plan.input_lengths, place, draws)
    output_tokens = draw_length(plan.output_lengths, place, draws)
    aimed = input_tokens + (sum(turn.tokens for turn in said) if said else plan.shared_tokens)
    if plan.prompts == "ids":
        every = (*shared.integers(plan.vocab_size, size=plan.shared_tokens).tolist(),)
        prompt: Prompt = [*every, *draws.integers(plan.vocab_size, size=input_tokens).tolist()]
        return Question(
            body=_body(endpoint, server, prompt, output_tokens, plan.ignore_eos),
            added="",
            input_tokens=aimed,
            output_tokens=output_tokens,
        )
    every_word = text_of_words(round(plan.shared_tokens / server.tokens_per_word), shared)
    around = 0 if said else server.tokens_around
    added = text_of_words(max(1, round((input_tokens - around) / server.tokens_per_word)), draws)
    if not said and every_word:
        added = f"{every_word} {added}"
    return Question(
        body=_body(endpoint, server, added, output_tokens, plan.ignore_eos, said),
        added=added,
        input_tokens=aimed,
        output_tokens=output_tokens,
    )


def _body(
    endpoint: Endpoint,
    server: Server,
    prompt: Prompt,
    output_tokens: int,
    ignore_eos: bool,
    said: Sequence[Turn] = (),
) -> dict[str, Any]:
    body: dict[str, Any] = {"model": server.model, "max_tokens": output_tokens, "temperature": 0.0, "stream": True}
    if endpoint.api == "chat":
        roles = [(("user", turn.asked), ("assistant", turn.answered)) for turn in said]
        spoken = [*chain.from_iterable(roles), ("user", prompt)]
        body["messages"] = [{"role": role, "content": content} for role, content in spoken]
    else:
        before = "".join(f"{turn.asked} {turn.answered} " for turn in said)
        body["prompt"] = f"{before}{prompt}" if said else prompt
    if server.tells_usage:
        body["stream_options"] = {"include_usage": True}
    if ignore_eos and server.ignores_eos:
        body |= {"ignore_eos": True, "min_tokens": output_tokens}
    return body


async def meet(client: Client, endpoint: Endpoint, plan: LoadPlan) -> Server:
    """Learn what a server is and knows, by a few short requests one after another.

    Raises:
        InputError: It cannot be reached, serves no model, or does not answer a short request.
    """
    server = await _introduced(client, endpoint)
    draws = np.random.default_rng([plan.seed])
    server, short = await _tried(client, endpoint, server, text_of_words(SHORT_WORDS, draws), plan.ignore_eos)
    tokens = short.count("prompt_tokens")
    if not tokens:
        return server
    try:
        _, longer = await _tried(client, endpoint, server, text_of_words(LONG_WORDS, draws), plan.ignore_eos)
    except InputError:  # it is longer than the model takes
        return replace(server, tokens_per_word=tokens / SHORT_WORDS)
    per_word = (longer.count("prompt_tokens") - tokens) / (LONG_WORDS - SHORT_WORDS)
    if per_word <= 0:
        return server
    return replace(server, tokens_per_word=per_word, tokens_around=max(0.0, tokens - per_word * SHORT_WORDS))


async def _tried(
    client: Client, endpoint: Endpoint, server: Server, prompt: str, ignore_eos: bool
) -> tuple[Server, StreamedAnswer]:
    """A short request, without the options that the server turns out not to know."""
    path, said = api_path(endpoint), ""
    for ignores_eos, tells_usage in product((server.ignores_eos, False), (server.tells_usage, False)):
        asked = replace(server, ignores_eos=ignores_eos, tells_usage=tells_usage)
        exchange, _ = await client.post(path, _body(endpoint, asked, prompt, 2, ignore_eos))
        error, text = exchange.fault()
        if not error or error == "empty":
            return asked, exchange.answer
        said = said or f"{error}: {text}"
        if exchange.status not in UNKNOWN_OPTION:
            break
    raise InputError(f"url: {endpoint.url}: a short request to {path} failed ({said})")


async def _introduced(client: Client, endpoint: Endpoint) -> Server:
    """The model, engine and version that a server tells."""
    exchange = await client.get("/v1/models")
    error, text = exchange.fault(streamed=False)
    if error in ("refused", "unreachable", "tls", "timeout"):
        raise InputError(f"url: {endpoint.url}: cannot be reached ({error}: {text})")
    found = exchange.json()
    listed = found.get("data") if isinstance(found, dict) and not error else None
    models = [one for one in listed or [] if isinstance(one, dict) and isinstance(one.get("id"), str)]
    if not endpoint.model and not models:
        why = f" ({error}: {text})" if error else ""
        raise InputError(f"served_model: must be stated, as {endpoint.url} lists none{why}")
    model = endpoint.model or models[0]["id"]
    owners = {one["id"]: str(one.get("owned_by")) for one in models}
    owner = owners.get(model, next(iter(owners.values()), ""))
    if owner not in VERSIONS:
        return Server(model=model)
    path, key = VERSIONS[owner]
    told = (await client.get(path)).json()
    version = told.get(key) if isinstance(told, dict) else ""
    return Server(model=model, engine=owner, version=version if isinstance(version, str) else "")
