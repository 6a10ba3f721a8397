"""Who is next: questions wait for processes that answer, and answers are kept."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

import anyio
from anyio import CapacityLimiter, to_process
from starlette.responses import Response

from optimoe.app.web.guard import JSON, refusal
from optimoe.app.web.limits import WebLimits
from optimoe.app.web.questions import REPORTS
from optimoe.app.web.work import answered


class Desk:
    """Hands questions to processes: so many at a time, so many that wait, each for so long.

    A question whose browser has gone before its turn is dropped: it asked a newer one, or nobody waits. One that
    is being answered is answered to its end, for its process would be ended with all that it remembers.
    """

    def __init__(self, limits: WebLimits) -> None:
        self.limits = limits
        self._turns = anyio.Semaphore(limits.workers)
        self._processes = CapacityLimiter(limits.workers)
        self._asked = 0
        self._given = Answers(limits.kept_bytes)

    async def answer(self, name: str, body: bytes, gone: Callable[[], Awaitable[None]]) -> Response:
        """What a question answers; 429 where too many wait, 504 where it takes too long.

        Args:
            name: Of the question.
            body: Its options.
            gone: Ends when whoever asked has gone.
        """
        if text := self._given.of(name, body):
            return _reply(name, 200, text)
        if self._asked >= self.limits.workers + self.limits.waiting:
            return refusal(429, f"busy: {self._asked} questions are being answered; ask again", Retry_After="1")
        self._asked += 1
        try:
            with anyio.fail_after(self.limits.answer_s):
                if not await self._turn(gone):
                    return Response(status_code=400)
                try:
                    status, text = await to_process.run_sync(
                        answered, name, body, cancellable=True, limiter=self._processes
                    )
                finally:
                    self._turns.release()
        except TimeoutError:
            return refusal(504, f"{name}: took longer than {self.limits.answer_s:g} s: ask for a smaller space")
        except anyio.BrokenWorkerProcess:  # ended from outside, as for memory
            return refusal(503, f"{name}: the process that answered has ended, perhaps for memory")
        finally:
            self._asked -= 1
        if status == 200:
            self._given.keep(name, body, text)
        return _reply(name, status, text)

    async def _turn(self, gone: Callable[[], Awaitable[None]]) -> bool:
        """Wait for a process; false where whoever asked has gone before one was free."""
        mine = False
        try:
            async with anyio.create_task_group() as waiting:

                async def watch() -> None:
                    await gone()
                    waiting.cancel_scope.cancel()

                waiting.start_soon(watch)
                await self._turns.acquire()
                mine = True
                waiting.cancel_scope.cancel()
        except BaseException:
            if mine:  # it came as the time ran out, and nobody uses it
                self._turns.release()
            raise
        return mine


class Answers:
    """Answers that were given: sliders have few places, and a link is opened by many.

    Attributes:
        most_bytes: Of questions and answers that are kept; the one that was not asked for longest leaves first.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, bytes], str] = OrderedDict()
        self._bytes = 0

    def of(self, name: str, body: bytes) -> str:
        """The answer to a question of this very content; empty where none is kept."""
        key = (name, body)
        if key not in self._kept:
            return ""
        self._kept.move_to_end(key)
        return self._kept[key]

    def keep(self, name: str, body: bytes, text: str) -> None:
        """Keep an answer for those who ask the same."""
        size = len(body) + len(text)
        if (name, body) in self._kept or size > self.most_bytes:
            return
        self._kept[name, body] = text
        self._bytes += size
        while self._bytes > self.most_bytes:
            (_, asked), answer = self._kept.popitem(last=False)
            self._bytes -= len(asked) + len(answer)


def _reply(name: str, status: int, text: str) -> Response:
    return Response(text, status, media_type="text/html" if status == 200 and name in REPORTS else JSON)
