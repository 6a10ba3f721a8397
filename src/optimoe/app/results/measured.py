"""How what was measured shows itself: loads, checks of predictions, runs and sweeps."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optimoe.app.results.blocks import BlocksView

if TYPE_CHECKING:
    from optimoe.core.run import RunRecord
    from optimoe.cost.calibration.check import LatencyCheck
    from optimoe.loadtest.results.measurement import Measurement
    from optimoe.report.words.lines import Blocks
    from optimoe.trainer.sweep.sweep import SweepOutcome


class MeasurementView(BlocksView):
    """How an endpoint under load is shown in Python."""

    def __init__(self, measured: "Measurement") -> None:
        self.measured = measured

    def blocks(self) -> "Blocks":
        """Every level, with what must be known of it."""
        from optimoe.report.words.served.measured_prose import measured_blocks

        return measured_blocks(self.measured)

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The levels, one in a row."""
        from optimoe.report.tables.results import measurement_columns

        return measurement_columns(self.measured)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """Throughput and latencies by level."""
        from optimoe.report.pages.load_page import load_figures

        return load_figures(self.measured)


class CheckView(BlocksView):
    """Predictions beside measured latencies."""

    def __init__(self, check: "LatencyCheck") -> None:
        self.check = check

    def blocks(self) -> "Blocks":
        """Errors, every record, and where routed models lie between dense ones."""
        from optimoe.report.words.served.check_prose import check_blocks

        return check_blocks(self.check)

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The records, one in a row."""
        from optimoe.report.records.served.check import latency_check_record
        from optimoe.report.tables.results import record_columns

        return record_columns(latency_check_record(self.check).rows)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """Predicted latencies against measured ones."""
        from optimoe.report.pages.check_page import latency_figure

        return {
            "tpot": lambda: latency_figure(self.check, "tpot"),
            "ttft": lambda: latency_figure(self.check, "ttft"),
        }


class RunView(BlocksView):
    """A run that was trained."""

    def __init__(self, run: "RunRecord") -> None:
        self.run = run

    def blocks(self) -> "Blocks":
        """The model, its loss, its speed and the balance of its experts."""
        from optimoe.report.words.runs.trained import run_lines

        return [run_lines(self.run)]

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The points of its curve, one in a row."""
        from optimoe.report.tables.results import record_columns

        return record_columns(self.run.curve)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """The loss of the run against its tokens."""
        from optimoe.report.pages.sweep_page import curves_figure

        return {"curve": lambda: curves_figure([self.run])}


class SweepView(BlocksView):
    """Runs of a sweep."""

    def __init__(self, outcome: "SweepOutcome") -> None:
        self.outcome = outcome

    def blocks(self) -> "Blocks":
        """Runs by state, and each of them."""
        from optimoe.report.words.runs.sweep import sweep_blocks

        return sweep_blocks(self.outcome.store, self.outcome.states, self.outcome.reckoning)

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The runs, one in a row."""
        from optimoe.report.records.runs.sweep import sweep_record
        from optimoe.report.tables.results import record_columns

        return record_columns(sweep_record(self.outcome.store, self.outcome.states).runs)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """Losses against FLOPs, and curves, of the runs that are over."""
        from optimoe.report.pages.sweep_page import curves_figure, losses_figure

        over = [
            one.record for one in self.outcome.states if one.record is not None and one.record.loss is not None
        ]
        return {"losses": lambda: losses_figure(over), "curves": lambda: curves_figure(over)}
