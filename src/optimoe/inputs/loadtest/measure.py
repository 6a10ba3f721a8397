"""The request of ``optimoe measure``: an endpoint, the load, and where results go."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.core.units import parse_quantity
from optimoe.inputs.loadtest.foreign import foreign_records
from optimoe.inputs.loadtest.lengths import LengthsText, lengths
from optimoe.inputs.loadtest.serve import served as served_by
from optimoe.inputs.loadtest.served import ServedChoice
from optimoe.inputs.loadtest.started import StartedChoice
from optimoe.inputs.quantities import Flag, Latency, Quantity, Seconds, Several, latency, numbers, whole
from optimoe.loadtest.workload import Api, PromptWord

if TYPE_CHECKING:
    from optimoe.core.latency import LatencyRecord
    from optimoe.loadtest.engines.running import RunningEngine
    from optimoe.loadtest.results.measurement import Measurement
    from optimoe.loadtest.results.records import ServedModel
    from optimoe.loadtest.results.server import Server
    from optimoe.loadtest.results.timing import RequestTiming
    from optimoe.loadtest.workload import Arriving, LoadPlan, TokenLengths


LENGTH = "128"
"""Tokens of prompts and of answers that are left out."""


@Parameter(name="*", group="Load")
@dataclass(frozen=True, kw_only=True)
class LoadChoice:
    """The requests, and how they come."""

    concurrency: Several = ""
    """Requests in flight, each followed by the next; several by comma, one level after the other. 1 if neither
    this nor --rate is stated."""
    rate: Several = ""
    """Requests a second that come at random times, whether others are answered or not; several by comma. inf sends
    all at once."""
    burstiness: float = 1.0
    """Of the times of --rate: 1 is Poisson, below 1 they come in bursts, above 1 more evenly."""
    requests: Quantity = 100.0
    """Requests of a level that are measured; those with which it fills and empties come with them."""
    duration: Seconds = 0.0
    """In place of --requests, the time in which requests of a level that are measured are sent, such as 60s."""
    warmups: int = 1
    """Requests before each level that are not measured."""
    input_tokens: LengthsText = ""
    """Tokens of a prompt: 128, evenly 64:256, normal:128:32 or lognormal:1K:500 (mean and standard deviation);
    left out, 128."""
    output_tokens: LengthsText = ""
    """Tokens of an answer, in the same forms; left out, 128."""
    trace: Path | None = None
    """CSV table of requests (input_tokens, output_tokens), one after the other, in place of both."""
    replay: Flag = False
    """Send the requests of --trace at its times, a column arrival_s in seconds; all are measured."""
    turns: int = 1
    """Requests of a conversation, each of which repeats what was said before; --input-tokens are what it adds."""
    shared_prefix: Quantity = 0.0
    """Tokens at the beginning of every prompt that are the same for all, as of a system prompt."""
    prompts: PromptWord = "text"
    """text of random words, or ids, random token ids, which the completions API takes."""
    vocab_size: Quantity = 0.0
    """Token ids are below it."""
    stop_at_eos: Flag = False
    """Let the model end its answers; else the server is asked for the full length, where it knows ignore_eos."""
    ttft: Latency = ""
    """Limit of a good request on its time to first token, such as 2s."""
    tpot: Latency = ""
    """Limit of a good request on its time per output token, such as 50ms."""
    timeout: Seconds = 600.0
    """A request that is not over by then has failed."""
    seed: int = 0
    """Of lengths, prompts and times."""

    def plan(self) -> "LoadPlan":
        """The levels and the requests.

        Raises:
            InputError: A text is no list of numbers, lengths or latency, or two options state one thing.
            ConfigError: A number is out of limits.
        """
        from optimoe.loadtest.workload import LoadPlan

        require(self.requests == 100 or not self.duration, "requests", "left out beside --duration", self.requests)
        prompt, answer = self._lengths()
        times = self._times()
        return LoadPlan(
            levels=self._levels(times),
            input_lengths=prompt,
            output_lengths=answer,
            num_requests=len(times) or whole("requests", self.requests),
            duration_s=self.duration,
            shared_tokens=whole("shared_prefix", self.shared_prefix),
            num_turns=self.turns,
            num_warmups=self.warmups,
            prompts=self.prompts,
            vocab_size=whole("vocab_size", self.vocab_size),
            ignore_eos=not self.stop_at_eos,
            ttft_s=latency("--ttft", self.ttft)[0],
            tpot_s=latency("--tpot", self.tpot)[0],
            timeout_s=self.timeout,
            seed=self.seed,
        )

    def stated(self) -> dict[str, Any]:
        """The load that another tool has put on an engine, by the names of a latency record's fields.

        Raises:
            InputError: A text is no number.
        """
        lengths = {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}
        found: dict[str, Any] = {name: whole(name, parse_quantity(text)) for name, text in lengths.items() if text}
        if self.concurrency:
            several = numbers("concurrency", self.concurrency, float)
            require(len(several) == 1, "concurrency", "one number beside --from", self.concurrency)
            found["concurrency"] = several[0]
        return found

    def _levels(self, times: tuple[float, ...]) -> "tuple[Arriving, ...]":
        from optimoe.loadtest.workload import ClosedLoop, OpenLoop

        if times:
            rate = len(times) / times[-1] if times[-1] else math.inf
            return (OpenLoop(rate_per_s=rate, times_s=times),)
        if self.concurrency and self.rate:
            raise InputError("rate: must be left out beside --concurrency, which is another kind of load")
        if self.rate:
            rates = numbers("rate", self.rate, float)
            require(not any(map(math.isnan, rates)), "rate", "positive", self.rate)
            return tuple(OpenLoop(rate_per_s=rate, burstiness=self.burstiness) for rate in rates)
        require(self.burstiness == 1, "burstiness", "left out without --rate", self.burstiness)
        return tuple(ClosedLoop(concurrency=one) for one in numbers("concurrency", self.concurrency or "1", int))

    def _times(self) -> tuple[float, ...]:
        """When the requests of the trace are due; empty where they are not sent at its times."""
        if not self.replay:
            return ()
        for name in ("concurrency", "rate", "duration"):
            require(not getattr(self, name), name, "left out beside --replay", getattr(self, name))
        require(self.requests == 100, "requests", "left out beside --replay", self.requests)
        if self.trace is None:
            raise InputError("trace: missing beside --replay")
        from optimoe.core.files.reading.columns import read_positive_columns

        stamps = read_positive_columns(self.trace, ["arrival_s"], "trace", or_zero=True)["arrival_s"].tolist()
        return tuple(stamp - stamps[0] for stamp in stamps)

    def _lengths(self) -> "tuple[TokenLengths, TokenLengths]":
        if self.trace is None:
            return (
                lengths("input_tokens", self.input_tokens or LENGTH),
                lengths("output_tokens", self.output_tokens or LENGTH),
            )
        from optimoe.core.files.reading.columns import TRACE, read_positive_columns
        from optimoe.loadtest.workload import TokenLengths

        table = read_positive_columns(self.trace, TRACE, "trace")
        prompt, answer = (tuple(max(1, round(one)) for one in table[name].tolist()) for name in TRACE)
        return TokenLengths(kind="listed", listed=prompt), TokenLengths(kind="listed", listed=answer)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MeasureRequest:
    """An OpenAI-compatible endpoint that is put under load and timed, or results of other load generators."""

    url: str = field(default="", kw_only=False)
    """Its address, such as http://127.0.0.1:8000; or in its place --serve, or --from."""
    serve: Path | None = None
    """Start an engine (--engine) on this model as optimoe serve does, measure it and end it."""
    from_files: Annotated[list[Path], Parameter(alias="--from", negative="")] = field(default_factory=list)
    """Results of vllm bench serve, SGLang's bench_serving, aiperf or guidellm, or a table of levels; once for each
    file. What it does not tell is stated by options."""
    served_model: str = ""
    """Name of the model at the server; left out, the first that it lists."""
    api: Api = "completions"
    """completions, or chat."""
    api_key_variable: str = ""
    """Environment variable that holds the API key, where one is needed."""
    load: LoadChoice = field(default_factory=LoadChoice)
    log: Path | None = None
    """Append every request to this file as soon as it is over, a JSON line each."""
    results: Path | None = None
    """Write the figures of each level to this file, a JSON object a line, with the names of vllm bench serve."""
    out: Path | None = None
    """Write a latency record of each level to this file, for cost calibrate."""
    date: str = ""
    """When it was measured, ISO 8601, where a file of --from does not tell."""
    served: ServedChoice = field(default_factory=ServedChoice)
    started: StartedChoice = field(default_factory=StartedChoice)

    def source(self) -> str:
        """Where the figures come from: ``url``, ``--serve`` or ``--from``.

        Raises:
            ConfigError: None or several are stated, or an option that has no meaning there.
        """
        places = {"url": self.url, "--serve": self.serve, "--from": self.from_files}
        stated = " and ".join(name for name, value in places.items() if value) or "none"
        require(stated in places, "url", "stated, or --serve or --from in its place", stated)
        for name in ("log", "results"):
            left_out = not self.from_files or getattr(self, name) is None
            require(left_out, name, "left out beside --from", getattr(self, name))
        require(self.from_files or not self.date, "date", "left out without --from", self.date)
        return stated

    @contextmanager
    def serving(self) -> "Iterator[RunningEngine | None]":
        """The engine of ``--serve``, for as long as the block lasts; nothing without it.

        Raises:
            InputError: The engine is not installed, the model is not in its format, or a run cannot be exported.
            EngineError: The engine ends or stays silent before it answers.
        """
        self._require_ready()
        if self.serve is None:
            yield None
            return
        with served_by(self.serve, self.started.options(self.served, self.load.plan())) as engine:
            yield engine

    def measured(
        self, engine: "RunningEngine | None" = None, watch: "Callable[[RequestTiming], None]" = lambda _: None
    ) -> "Measurement":
        """Measure, and write the log and the figures.

        Args:
            engine: The one that was started for it, where there is one.
            watch: Is told of every request that is over.

        Raises:
            InputError: The client is not installed, the endpoint does not answer, or a file cannot be written.
            ConfigError: A number is out of limits.
        """
        from optimoe.loadtest.workload import Endpoint

        plan = self.load.plan()
        url, name = (engine.url, engine.model) if engine is not None else (self.url, self.served_model)
        endpoint = Endpoint(url=url, model=name, api=self.api, key_variable=self.api_key_variable)
        from optimoe.loadtest.measure import measure
        from optimoe.loadtest.results.files import save_summaries

        met = (lambda server: self._known(_by(engine, server))) if self.out is not None else (lambda _: None)
        found = measure(endpoint, plan, log=self.log, watch=watch, met=met)
        found = replace(found, server=_by(engine, found.server))
        if self.results is not None:
            save_summaries(self.results, found.levels)
        return found

    def record(self, found: "Measurement") -> None:
        """Write the latency records of a measurement, where they are asked for: of all levels that have one.

        Raises:
            InputError: A level has no latency to record, after the others are written; or the file cannot be.
        """
        if self.out is None:
            return
        from optimoe.core.latency import save_latency_records

        records, faults = found.records_and_faults(self._known(found.server))
        if records:
            save_latency_records(self.out, records)
        if faults:
            raise InputError(f"{'; '.join(faults)} ({len(records)} of {len(found.levels)} levels are written)")

    def foreign(self) -> "tuple[LatencyRecord, ...]":
        """The records of files of others, written where that is asked for.

        Raises:
            InputError: Something that a record needs is neither told nor stated, or a file cannot be written.
            ConfigError: A file cannot be read, or a value in it cannot be.
        """
        from optimoe.core.latency import save_latency_records

        stated = self.served.stated() | ({"measured_utc": self.date} if self.date else {})
        records = foreign_records(self.from_files, stated | self.load.stated())
        if self.out is not None:
            save_latency_records(self.out, records)
        return records

    def _require_ready(self) -> None:
        """Check what can be checked before anything is started or measured."""
        require(self.source() != "--from", "--from", "of the command line", self.from_files)
        if self.out is not None:
            self._described().require_known()
        if find_spec("httptools") is None:
            raise InputError("measure: needs httptools (pip install 'optimoe[measure]')")

    def _described(self) -> ServedChoice:
        """What is served, whose model is the one that an engine is started on, where that is a folder of one."""
        if self.served.model or self.serve is None or not (self.serve / "config.json").is_file():
            return self.served
        return replace(self.served, model=str(self.serve))

    def _known(self, server: "Server") -> "ServedModel":
        return self._described().served(*server.engine_told)


def _by(engine: "RunningEngine | None", server: "Server") -> "Server":
    """What a server tells of itself, or better what is known of an engine that was started."""
    return server if engine is None else replace(server, engine=engine.engine, version=engine.version)
