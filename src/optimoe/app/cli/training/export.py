"""``optimoe export``: a trained model for the tools of others."""

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show
from optimoe.app.notes import warn
from optimoe.app.waiting import stage
from optimoe.inputs.runs.export import ExportRequest


def export(request: ExportRequest, *, json: JsonFlag = False) -> None:
    """Write the model of a run with its tokenizer, for transformers or llama.cpp to load."""
    from optimoe.report.records.runs.export import export_record
    from optimoe.report.words.runs.export import export_lines
    from optimoe.trainer.results.export import export as export_run
    from optimoe.trainer.results.trained import load_run

    with stage("export"):
        trained = load_run(request.run, request.step)
        written = export_run(trained, request.to, request.out)
    for line in trained.passed_over:
        warn(line)
    show(json, lambda: export_record(trained, written), lambda: export_lines(trained, written))
