"""``optimoe serve``: a trained model behind an engine."""

import sys
from contextlib import ExitStack

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import last_lines, show
from optimoe.app.waiting import stage
from optimoe.inputs.loadtest.serve import ServeRequest


def serve(request: ServeRequest, *, json: JsonFlag = False) -> None:
    """Serve a model by an engine at an address of this machine, until Ctrl-C."""
    from optimoe.report.records.runs.serve import serving_engine_record
    from optimoe.report.words.runs.serve import serving_engine_lines

    with last_lines(), ExitStack() as stack:
        with stage(f"starting {request.options.engine}"):
            engine = stack.enter_context(request.running())
        show(json, lambda: serving_engine_record(engine), lambda: serving_engine_lines(engine))
        sys.stdout.flush()
        request.wait(engine)
