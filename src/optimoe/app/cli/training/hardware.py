"""``optimoe hardware``: the machine at hand as what predictions are made of."""

from cyclopts import App

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show
from optimoe.app.waiting import stage
from optimoe.inputs.runs.probe import ProbeRequest

app = App(name="hardware", help="This machine, measured.")


@app.command
def probe(request: ProbeRequest = ProbeRequest(), *, json: JsonFlag = False) -> None:  # noqa: B008 (frozen)
    """Measure bandwidth, products and latencies of this machine into a file for --gpu; let nothing else run."""
    from optimoe.report.records.runs.probe import probed_record
    from optimoe.report.words.runs.probe import probe_lines

    with stage("measuring"):
        found = request.probe()
    show(json, lambda: probed_record(found, request.out), lambda: probe_lines(found, request.out))
