"""``optimoe data``: text becomes tokens."""

from cyclopts import App

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show
from optimoe.app.waiting import stage
from optimoe.inputs.runs.corpus import CorpusRequest

app = App(name="data", help="Text to train on, tokenised once.")


@app.command
def make(request: CorpusRequest, *, json: JsonFlag = False) -> None:
    """Tokenise text into a corpus, some of its documents held out."""
    from optimoe.report.records.runs.corpus import tokenised_record
    from optimoe.report.words.runs.corpus import corpus_lines

    with stage(f"tokenising {', '.join(request.text)}"):
        corpus, skipped = request.made()
    show(json, lambda: tokenised_record(corpus, skipped), lambda: corpus_lines(corpus, skipped))
