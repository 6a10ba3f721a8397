"""One level of load: requests are sent as it says, and each is told of when it is over."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec

from optimoe.loadtest.client.client import Client
from optimoe.loadtest.client.clock import now
from optimoe.loadtest.client.exchange import HttpExchange
from optimoe.loadtest.load.asking import Question, Turn, api_path, question
from optimoe.loadtest.load.course import Course
from optimoe.loadtest.load.draws import sending_times
from optimoe.loadtest.results.level import LevelRun
from optimoe.loadtest.results.server import Server
from optimoe.loadtest.results.timing import Phase, RequestTiming
from optimoe.loadtest.workload import ClosedLoop, Endpoint, LoadPlan, OpenLoop

PAUSE_S = 0.1
"""A place of a closed loop waits so long after a request that failed, which may have failed at once."""

WARMUP_PLACES = 1_000_000_000
"""Warm-up requests are drawn as if they stood behind all others."""

Keep = Callable[[RequestTiming], None]


@dataclass(kw_only=True)
class Level:
    """A level under way.

    Attributes:
        client: What sends.
        endpoint: Where to.
        server: What is known of it.
        plan: What is asked.
        number: Place of the level in the plan.
        keep: Is told of every request that is over.
    """

    client: Client
    endpoint: Endpoint
    server: Server
    plan: LoadPlan
    number: int
    keep: Keep
    _timings: list[RequestTiming] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _began: float = field(default_factory=now)
    _places: int = 0
    _sent: int = 0

    async def run(self) -> LevelRun:
        """Warm up, run to the end, or until it is interrupted."""
        began_utc, load = datetime.now(UTC).isoformat(timespec="seconds"), self.plan.levels[self.number]
        await self._warm_up(load.concurrency if isinstance(load, ClosedLoop) else 1)
        seen, cpu, start = len(self.client.delays_s), time.process_time(), now()
        course, interrupted = Course(self.plan, self.number), False
        if isinstance(load, ClosedLoop):
            for _ in range(load.concurrency):
                self._start(self._place(course), course)
        else:
            self._start(self._stream(load, course), course)
        try:
            await course.over.wait()
        except asyncio.CancelledError:
            interrupted = True
            if task := asyncio.current_task():
                task.uncancel()
        course.over.set()
        spent_s, seconds = time.process_time() - cpu, now() - start
        self.client.cancel()
        await self._end()
        return LevelRun(
            number=self.number,
            load=load,
            began_utc=began_utc,
            timings=tuple(self._timings),
            cpu_share=spent_s / seconds,
            delays_s=tuple(self.client.delays_s[seen:]),
            by_kernel=self.client.by_kernel,
            gone=course.gone,
            interrupted=interrupted,
        )

    def _start(self, work: Coroutine[Any, Any, Any], course: Course) -> None:
        """Begin a task; one that fails by a bug ends the level, which then raises it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            if task.cancelled() or task.exception() is None:
                self._tasks.discard(task)
            else:
                course.over.set()

        task.add_done_callback(over)

    async def _end(self) -> None:
        """Wait for tasks whose requests have been given up; what still waits for a connection is cancelled.

        Raises:
            Exception: What a task has raised: a bug.
        """
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * PAUSE_S)
        for task in (left := tuple(self._tasks)):
            task.cancel()
        for found in await asyncio.gather(*left, return_exceptions=True):
            if isinstance(found, Exception):
                raise found

    async def _warm_up(self, most: int) -> None:
        """Send the warm-up requests, no more at once than the level has in flight."""
        free = asyncio.Semaphore(most)

        async def one(place: int) -> None:
            async with free:
                asked = question(self.endpoint, self.server, self.plan, self.number, WARMUP_PLACES + place)
                await self._send(asked, "warmup", now())

        await asyncio.gather(*(one(place) for place in range(self.plan.num_warmups)))

    async def _place(self, course: Course) -> None:
        """One place of a closed loop: a request after the other."""
        while course.wants_more:
            if not await self._converse(course, now()):
                await asyncio.sleep(PAUSE_S)

    async def _stream(self, load: OpenLoop, course: Course) -> None:
        """Requests at their times, each on its own."""
        start = now()
        for due_s in sending_times(load, self.plan, self.number):
            wait = start + due_s - now()
            if wait > 0:
                await asyncio.sleep(wait)
            if not course.wants_more:
                return
            self._start(self._converse(course, start + due_s), course)
            await asyncio.sleep(0)  # where many are due at once each is sent before the next

    async def _converse(self, course: Course, due: float) -> bool:
        """The next requests of the level, of one conversation; whether all were answered."""
        said: list[Turn] = []
        for _ in range(self.plan.num_turns):
            if not course.wants_more:
                break
            place, self._places = self._places, self._places + 1
            asked = question(self.endpoint, self.server, self.plan, self.number, place, said)
            timing, text = await self._send(asked, course.phase(now() - self._began), due, len(said))
            course.ended(timing)
            if timing.error:
                return False
            tokens = asked.input_tokens - sum(turn.tokens for turn in said) + timing.output_tokens
            said.append(Turn(asked=asked.added, answered=text, tokens=tokens))
            due = now()
        return True

    async def _send(self, asked: Question, phase: Phase, due: float, turn: int = 0) -> tuple[RequestTiming, str]:
        """Send a request and keep what came of it; with the text of its answer."""
        index, self._sent = self._sent, self._sent + 1
        body = msgspec.json.encode(asked.body)
        exchange, again = await self.client.send("POST", api_path(self.endpoint), body)
        timed = self._timing(exchange, asked, index, phase)
        timing = replace(timed, due_s=due - self._began, turn=turn, reconnects=again)
        self._timings.append(timing)
        self.keep(timing)
        return timing, "".join(exchange.answer.texts)

    def _timing(self, exchange: HttpExchange, asked: Question, index: int, phase: Phase) -> RequestTiming:
        """What came of a request, with stamps from the beginning of the level."""
        answer, (error, text) = exchange.answer, exchange.fault()
        stamps, told = answer.stamps, answer.count("completion_tokens")
        counted = told >= len(stamps) > 0 or (told > 0 and not stamps)
        return RequestTiming(
            index=index,
            level=self.number,
            phase=phase,
            sent_s=exchange.sent_s - self._began,
            first_byte_s=exchange.first_byte_s - self._began,
            first_token_s=answer.first_s - self._began,
            last_token_s=answer.last_s - self._began,
            ended_s=exchange.ended_s - self._began,
            gaps_s=tuple(late - early for early, late in pairwise(stamps)),
            aimed_input_tokens=asked.input_tokens,
            aimed_output_tokens=asked.output_tokens,
            input_tokens=answer.count("prompt_tokens"),
            output_tokens=told if counted else len(stamps),
            cached_tokens=answer.cached_tokens,
            usage_tokens=told,
            token_source="usage" if counted else "chunks",
            chunks=len(stamps),
            empty_chunks=answer.empty_chunks,
            status=exchange.status,
            finish_reason=answer.finish_reason,
            error=error,
            error_text=text,
        )
