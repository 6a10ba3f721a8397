"""``optimoe measure``: an endpoint under load, or what others have measured."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from optimoe.app.cli.options import ConfigFile, JsonFlag, PageFile, QuietFlag
from optimoe.app.cli.printing import last_lines, show_blocks, suggest
from optimoe.app.waiting import stage
from optimoe.core.errors import require
from optimoe.core.progress import counting
from optimoe.inputs.loadtest.measure import MeasureRequest

if TYPE_CHECKING:
    from optimoe.loadtest.results.timing import RequestTiming
    from optimoe.loadtest.workload import LoadPlan


def measure(
    request: MeasureRequest = MeasureRequest(),  # noqa: B008 (frozen)
    *,
    page: PageFile = None,
    quiet: QuietFlag = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Put an OpenAI-compatible endpoint under load and time its answers; an interrupt keeps what is finished."""
    if request.source() == "--from":
        require(page is None, "--page", "given of an endpoint: what others have measured has none", page)
        _show_foreign(request, quiet, json)
        return
    with last_lines(), ExitStack() as stack:
        with stage("starting the engine" if request.serve else "beginning"):
            engine = stack.enter_context(request.serving())
        with stage(f"measuring {request.url or request.serve}"), counted_requests(request.load.plan()) as watch:
            found = request.measured(engine, watch)
        from optimoe.report.records.served.measured import measurement_record
        from optimoe.report.words.served.measured_prose import measured_blocks

        show_blocks(json, lambda: measurement_record(found), lambda: measured_blocks(found), quiet=quiet)
        if engine is not None:
            engine.require_running()
        request.record(found)
        if page is not None:
            from optimoe.core.files import write_text
            from optimoe.report.pages.load_page import load_page

            write_text(page, load_page(found))
    if not json and not quiet:
        calibrate = f"optimoe cost calibrate {request.out} --out ours.toml"
        suggest(calibrate if request.out else "optimoe measure … --out records.jsonl --model … --gpu …")
    if found.interrupted:
        raise KeyboardInterrupt


@contextmanager
def counted_requests(plan: "LoadPlan") -> "Iterator[Callable[[RequestTiming], None]]":
    """What is told of every request that is over, and counts how much is done: of the requests, or of the time."""
    last: dict[int, float] = {}
    with counting(len(plan.levels) * (plan.duration_s or plan.num_requests)) as done:

        def watch(timing: "RequestTiming") -> None:
            if timing.phase != "measured":
                return
            before = last.setdefault(timing.level, timing.sent_s)
            last[timing.level] = max(before, timing.ended_s)
            done(last[timing.level] - before if plan.duration_s else 1)

        yield watch


def _show_foreign(request: MeasureRequest, quiet: bool, json: bool) -> None:
    """Show what others have measured."""
    from optimoe.report.records.served.foreign import foreign_levels_record
    from optimoe.report.words.served.measured_prose import foreign_blocks

    records, out = request.foreign(), str(request.out or "")
    show_blocks(
        json, lambda: foreign_levels_record(records, out), lambda: foreign_blocks(records, out), quiet=quiet
    )
