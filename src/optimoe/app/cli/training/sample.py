"""``optimoe sample``: text of a trained model."""

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import print_json
from optimoe.app.notes import warn
from optimoe.app.waiting import stage
from optimoe.inputs.runs.sample import SampleRequest


def sample(request: SampleRequest, *, json: JsonFlag = False) -> None:
    """Go on from a text with the model of a run."""
    from optimoe.report.records.runs.sample import sample_record
    from optimoe.trainer.results.sample import sample_text
    from optimoe.trainer.results.trained import load_run

    with stage("sample"):
        trained = load_run(request.run, request.step)
        sampled = sample_text(trained, request.prompt, request.sampling(trained.tokenizer.end_of_text))
    for line in trained.passed_over:
        warn(line)
    if json:
        print_json(sample_record(trained, sampled))
    else:
        print(request.prompt + sampled.text)
