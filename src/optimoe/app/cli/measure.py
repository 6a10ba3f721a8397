"""``optimoe measure``: an endpoint under load."""

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import show_blocks, stage
from optimoe.inputs.loadtest.measure import MeasureRequest


def measure(
    request: MeasureRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """Put an OpenAI-compatible endpoint under load and time its answers; an interrupt keeps what is finished."""
    with stage(f"measuring {request.url}"):
        found = request.measured()
    from optimoe.report.records.served.measured import measurement_record
    from optimoe.report.words.served.measured_prose import measured_blocks

    show_blocks(json, lambda: measurement_record(found), lambda: measured_blocks(found), quiet=quiet)
    request.record(found)
    if found.interrupted:
        raise KeyboardInterrupt
