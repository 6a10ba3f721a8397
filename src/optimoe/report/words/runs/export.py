"""An exported model in words."""

from optimoe.core.units import format_bytes
from optimoe.report.words.lines import Lines
from optimoe.trainer.results.export import Export
from optimoe.trainer.results.trained import TrainedRun


def export_lines(trained: TrainedRun, written: Export) -> Lines:
    """Which model stands where, and what it is to those who load it."""
    asked = trained.run.architecture["model_type"]
    why = "" if written.family == asked else f", which holds what was trained ({asked} does not)"
    return [
        ("Written", f"{written.path}, {format_bytes(written.num_bytes)} in float32"),
        ("Model", f"{trained.run.name} after step {trained.step} of {trained.run.steps}"),
        ("Family", f"{written.family}{why}"),
        ("Context", f"{written.max_context:,} tokens, as stated to engines"),
    ]
