"""``optimoe cost calibrate`` and ``check``: the serving model on measurements of one's own."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import ConfigFile, JsonFlag, PageFile, QuietFlag
from optimoe.app.cli.printing import show, show_blocks
from optimoe.app.waiting import stage
from optimoe.inputs.measured.calibration import CalibrateRequest, CheckLatenciesRequest

Out = Annotated[
    Path | None, Parameter(alias="--output", help="Write the calibration here, .toml or .json, for --calibration.")
]


def calibrate(
    request: CalibrateRequest,
    *,
    out: Out = None,
    quiet: QuietFlag = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Fit the serving model to measured latencies, with the error on records that it has not seen."""
    from optimoe.cost.calibration import calibrate as calibrate_model
    from optimoe.cost.calibration import save_calibration
    from optimoe.report.records.calibration import calibration_record
    from optimoe.report.words.calibration_prose import calibration_lines

    chosen = request.chosen()
    with stage(f"calibrating on {len(chosen):,} records"):
        calibration = calibrate_model(chosen, name=request.name, settings=request.settings())
    if out is not None:
        save_calibration(calibration, out)
    show(json, lambda: calibration_record(calibration), lambda: calibration_lines(calibration), quiet=quiet)


def check(
    request: CheckLatenciesRequest,
    *,
    page: PageFile = None,
    quiet: QuietFlag = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """Hold predictions against measured latencies, as the model ships and with a calibration."""
    from optimoe.report.records.served.check import latency_check_record
    from optimoe.report.words.served.check_prose import check_blocks

    with stage("predicting the records"):
        checked = request.checked()
    if page is not None:
        from optimoe.core.files import write_text
        from optimoe.report.pages.check_page import check_page

        write_text(page, check_page(checked))
    show_blocks(json, lambda: latency_check_record(checked), lambda: check_blocks(checked), quiet=quiet)
