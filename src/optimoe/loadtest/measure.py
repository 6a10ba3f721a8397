"""The front door: an endpoint is put under load, level by level, and timed."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from optimoe.loadtest.client.client import Address, Client
from optimoe.loadtest.client.clock import StampedSelector, run_stamped
from optimoe.loadtest.figures.summarise import summarise
from optimoe.loadtest.load.asking import meet
from optimoe.loadtest.load.level import Level
from optimoe.loadtest.results.files import RequestLog
from optimoe.loadtest.results.measurement import Measurement
from optimoe.loadtest.results.server import Server
from optimoe.loadtest.results.summary import LevelSummary
from optimoe.loadtest.results.timing import RequestTiming
from optimoe.loadtest.workload import Endpoint, LoadPlan


def measure(
    endpoint: Endpoint,
    plan: LoadPlan,
    *,
    log: Path | None = None,
    watch: Callable[[RequestTiming], None] = lambda _: None,
    met: Callable[[Server], object] = lambda _: None,
) -> Measurement:
    """Put an endpoint under load and time its answers.

    An interrupt ends it with what has been answered by then.

    Args:
        endpoint: Where.
        plan: What is asked.
        log: A file to which every request is appended as soon as it is over; it may not be there yet.
        watch: Is told of every request that is over.
        met: Is told of the server, before it is put under load.

    Raises:
        InputError: The endpoint cannot be reached or does not answer, its key is not set, or the file is there.
        KeyboardInterrupt: Before a level has begun.
    """
    address = Address.of(endpoint)
    with ExitStack() as stack:
        keeps = [watch]
        if log is not None:
            keeps.append(stack.enter_context(RequestLog(log)).keep)

        def keep(timing: RequestTiming) -> None:
            for one in keeps:
                one(timing)

        async def main(selector: StampedSelector) -> Measurement:
            client = Client(address, selector, plan.timeout_s)
            try:
                return await _measured(client, endpoint, plan, keep, met)
            finally:
                await client.close()

        return run_stamped(main)


async def _measured(
    client: Client,
    endpoint: Endpoint,
    plan: LoadPlan,
    keep: Callable[[RequestTiming], None],
    met: Callable[[Server], object],
) -> Measurement:
    server = await meet(client, endpoint, plan)
    met(server)
    levels, interrupted = list[LevelSummary](), False
    for number in range(len(plan.levels)):
        level = Level(client=client, endpoint=endpoint, server=server, plan=plan, number=number, keep=keep)
        try:
            run = await level.run()
        except asyncio.CancelledError:  # while it warmed up
            if not levels:
                raise
            interrupted = True
            break
        levels.append(summarise(run, plan, server.model, endpoint.api))
        interrupted = run.interrupted
        if run.gone or interrupted:
            break
    return Measurement(endpoint=endpoint, server=server, plan=plan, levels=tuple(levels), interrupted=interrupted)
