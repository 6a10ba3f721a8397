"""Which question is next, which is dropped, and which was answered before."""

import anyio
import pytest

from optimoe.app.web import desk as module
from optimoe.app.web.desk import Answers, Desk
from optimoe.app.web.limits import WebLimits


@pytest.fixture
def answering(monkeypatch):
    """The questions that a process took up, in their order; each is answered when it may be."""
    taken, done = [], anyio.Event()

    async def run(function, name, body, **others):
        taken.append(body)
        await done.wait()
        return 200, f"answer {body.decode()}"

    monkeypatch.setattr(module.to_process, "run_sync", run)
    return taken, done


async def stays():
    await anyio.sleep_forever()


def test_a_question_whose_browser_has_gone_is_dropped_while_it_waits_and_the_next_one_is_answered(answering):
    taken, done = answering
    found = {}

    async def ask(desk, body, gone):
        found[body] = (await desk.answer("plan", body, gone)).body

    async def asked():
        desk, left = Desk(WebLimits(workers=1, waiting=2)), anyio.Event()
        async with anyio.create_task_group() as users:
            for body, gone in ((b"first", stays), (b"left", left.wait), (b"last", stays)):
                users.start_soon(ask, desk, body, gone)
                await anyio.wait_all_tasks_blocked()
            left.set()
            await anyio.wait_all_tasks_blocked()
            done.set()

    anyio.run(asked)
    assert taken == [b"first", b"last"]
    assert (found[b"first"], found[b"last"]) == (b"answer first", b"answer last") and not found[b"left"]


def test_a_question_that_is_being_answered_is_answered_to_its_end_though_nobody_waits(answering):
    taken, done = answering

    async def asked():
        desk, left = Desk(WebLimits(workers=1, waiting=0)), anyio.Event()
        async with anyio.create_task_group() as users:
            users.start_soon(desk.answer, "plan", b"first", left.wait)
            await anyio.wait_all_tasks_blocked()
            left.set()
            await anyio.wait_all_tasks_blocked()
            assert (await desk.answer("plan", b"second", stays)).status_code == 429
            done.set()
        return await desk.answer("plan", b"first", stays)

    assert anyio.run(asked).body == b"answer first" and taken == [b"first"]


def test_fifty_users_wait_and_are_not_told_to_ask_again(answering):
    taken, done = answering
    statuses = []

    async def ask(desk, number):
        statuses.append((await desk.answer("plan", f"{number}".encode(), stays)).status_code)

    async def asked():
        desk = Desk(WebLimits())
        async with anyio.create_task_group() as users:
            for number in range(50):
                users.start_soon(ask, desk, number)
            await anyio.wait_all_tasks_blocked()
            done.set()

    anyio.run(asked)
    assert statuses == [200] * 50 and len(taken) == 50


def test_an_answer_is_kept_for_those_who_ask_the_same_and_the_oldest_leaves_first():
    given = Answers(most_bytes=30)
    given.keep("plan", b"a", "x" * 10)
    given.keep("plan", b"b", "y" * 10)
    assert (given.of("plan", b"a"), given.of("cost", b"a")) == ("x" * 10, "")
    given.keep("plan", b"c", "z" * 10)
    assert not given.of("plan", b"b") and given.of("plan", b"a") and given.of("plan", b"c")
    given.keep("plan", b"d", "w" * 100)
    assert not given.of("plan", b"d") and given.of("plan", b"a")


def test_a_question_that_was_answered_is_answered_again_without_a_process(answering):
    taken, done = answering
    done.set()

    async def asked():
        desk = Desk(WebLimits(workers=1, waiting=0))
        return [(await desk.answer("plan", body, stays)).body for body in (b"1", b"1", b"2", b"1")]

    assert anyio.run(asked) == [b"answer 1", b"answer 1", b"answer 2", b"answer 1"]
    assert taken == [b"1", b"2"]


def test_a_turn_that_comes_as_asking_fails_is_given_to_the_next(answering):
    taken, done = answering
    done.set()

    async def fails():
        try:
            await anyio.sleep_forever()
        finally:
            raise ConnectionError

    async def asked():
        desk = Desk(WebLimits(workers=1, waiting=0))
        with pytest.raises(ExceptionGroup):
            await desk.answer("plan", b"first", fails)
        with anyio.fail_after(5):
            return await desk.answer("plan", b"second", stays)

    assert anyio.run(asked).body == b"answer second" and taken == [b"second"]
