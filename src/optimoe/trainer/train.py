"""The front door: a run is trained to its end, or to where it was stopped, and goes on from there."""

import math
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import torch

from optimoe.core.config import to_table
from optimoe.core.provenance import utc_now
from optimoe.core.run import CurvePoint, RunRecord, RunSpec, RunStatus
from optimoe.core.units import format_seconds
from optimoe.models.dense.products import product_library
from optimoe.models.experts.dispatch import kernels_used
from optimoe.trainer.batches.loader import Loader
from optimoe.trainer.batches.order import passes
from optimoe.trainer.checkpoints.room import checkpoint_bytes, require_room
from optimoe.trainer.checkpoints.saving import Saver, saving
from optimoe.trainer.checkpoints.state import Progress, load_state
from optimoe.trainer.corpus.store import Corpus
from optimoe.trainer.device import measured_peak_flops_per_s, so_many_threads
from optimoe.trainer.evaluate import HeldOutLoss, held_out_loss
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.parallel.layouts import layout_here, layout_line
from optimoe.trainer.parallel.ranks import Ranks, joined
from optimoe.trainer.results.folder import RunFolder, open_run
from optimoe.trainer.results.record import RunCounts, RunMachine, make_record
from optimoe.trainer.results.watching import StepReport, Watch
from optimoe.trainer.setup import rows_of_pass, seed_of, spelled_out, stage_of
from optimoe.trainer.signals import StopWish, stop_wish
from optimoe.trainer.stages.legs import Leg, begin_leg, make_legs
from optimoe.trainer.steps.schedule import rate_at
from optimoe.trainer.steps.step import DivergedError, Stepper, StepResult
from optimoe.trainer.trunks import find_trunk

SETTLED_STEPS = 5
"""After so many steps of a process the time of one tells that of the next."""


def train(
    run: RunSpec,
    folder: Path,
    corpora: Sequence[Corpus],
    how: TrainOptions | None = None,
    watch: Watch = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    trunks: Sequence[Path] = (),
) -> RunRecord:
    """Train a run, from its newest checkpoint where there is one.

    The same run comes to the same weights, bit by bit, however often it was interrupted: batches are a function of
    the step, random numbers of seed and step, and everything else is in the checkpoint.

    One process does it, or all that ``torchrun`` started (:mod:`optimoe.trainer.parallel`), each of which calls
    this alike: a step has the same sequences whatever their number, and any number goes on from a checkpoint of
    any other. Rank 0 alone writes and speaks; where a run fails, the others end by ``SystemExit``.

    Args:
        run: What to train.
        folder: Its own.
        corpora: The sources of ``run.data``, in its order.
        how: On this machine.
        watch: Is told after every step.
        say: Is told what a person should know, a line at a time.
        trunks: Folders of runs that may share this one's first steps (:mod:`optimoe.trainer.trunks`): it begins
            with the latest checkpoint that it would have had itself.

    Returns:
        What came of it. A run that is over is not done again.

    Raises:
        InputError: The folder is another run's or another process's, or cannot be written; a rank is gone.
        ConfigError: The run asks for what is not built, or its data does not fit.
        DivergedError: A loss is no finite number; the record says so too.
    """
    how = how or TrainOptions()
    with joined(how.device) as ranks, ExitStack() as opened, stop_wish() as wish, so_many_threads(how.threads):
        if ranks.rank:
            watch, say = (lambda _: None), (lambda _: None)

        def begin() -> tuple[RunFolder, RunRecord | None]:
            keep_steps = (*how.keep_steps, *(run.stage_ends if run.stages else ()))  # where stages begin
            place = opened.enter_context(open_run(folder, run, how.keep, keep_steps))
            if place.record is None:
                place.keep_data(corpora)
            return place, place.record

        place, over = ranks.first(begin)
        if over is not None:
            say(f"{folder}: is over, {over.status}")
            return over
        saver = opened.enter_context(saving(place.checkpoints, ranks, how.background_checkpoints))
        with ranks.together():
            training = _Training(run, place, corpora, how, watch, say, trunks, ranks, saver)
        return training.go(wish)


class _Training:
    """A run in this process: what is built once, and the loop over steps."""

    def __init__(
        self,
        run: RunSpec,
        place: RunFolder,
        corpora: Sequence[Corpus],
        how: TrainOptions,
        watch: Watch,
        say: Callable[[str], None],
        trunks: Sequence[Path],
        ranks: Ranks,
        saver: Saver,
    ) -> None:
        self.run, self.place, self.how, self.watch = spelled_out(run), place, how, watch
        self.ranks, self.saver = ranks, saver
        weights = [source.weight for source in run.data.sources] or [1.0] * len(corpora)
        self.loader = Loader(corpora, weights, run.seq_len, run.data.seed)
        self.layout = layout_here(run.layout, ranks.number, how.ep)
        self.legs = make_legs(run, corpora, self.loader, self.layout.ep)
        self.vocab_size = corpora[0].facts.vocab_size
        self.counts = RunCounts.of(run)
        self.rows = how.micro_batch or rows_of_pass(run)
        self.held_out: HeldOutLoss | None = None
        self.kernels: set[str] = set()
        self.progress = self._resumed(say, trunks)
        self.say, self.first = say, self.progress.step
        if line := layout_line(run.layout, self.layout):
            say(line)
        if self.leg.start < self.progress.step:
            self.stepper.report.load_state_dict(self.progress.routing, ranks.device, mine=ranks.rank == 0)
        self.peak = self._measured_peak(self.stepper.autocast)

    def _begin(self, leg: Leg, resumes: int = 0) -> None:
        """Build what a leg trains: its model, and optimisers whose moments are zero, as its rate begins anew."""
        run, ranks, self.leg = self.run, self.ranks, leg
        begun = begin_leg(run, leg, self.place.checkpoints, self.vocab_size, resumes, ranks, self.layout)
        self.model = begun.model
        if self.how.compile:
            self.model.compile()
        self.stepper = Stepper.of(
            run, self.model, self.how, ranks.group, begun.reduce, begun.previous, leg.distillation
        )

    def _resumed(self, say: Callable[[str], None], trunks: Sequence[Path]) -> Progress:
        """Where the newest checkpoint left off, or another run that is this one so far, or a beginning."""
        found = self.ranks.first(self.place.checkpoints.newest)
        for line in found.broken:
            say(line)
        trunk = None if found.path else self.ranks.first(lambda: find_trunk(self.counts.run, trunks))
        path = found.path or (trunk.path if trunk else None)
        if path is None and found.broken:
            say("begins again from step 0: no checkpoint is whole")
        self.branches, step = trunk is not None, trunk.step if trunk else found.step
        self._begin(self.legs[stage_of(self.run, step)], resumes=step if path else 0)
        self.ranks.first(lambda: self._make_room(found.step))
        if path is None:
            return Progress(started_utc=utc_now())
        say(f"begins with {path}" if trunk else f"goes on from step {found.step}")
        progress = load_state(path, self.model, self.stepper.optimizers, self.stepper.balancer)
        if self.stepper.scaler is not None:
            self.stepper.scaler.load_state_dict(progress.scaling)
        return progress

    def _make_room(self, step: int) -> None:
        """Refuse a run whose checkpoints the disk cannot hold, and forget what was measured beyond a step.

        Raises:
            InputError: The disk holds fewer bytes than they take, or the folder cannot be written.
        """
        kept = {*self.how.keep_steps, *(self.run.stage_ends if self.run.stages else ())}
        number = self.how.keep + 1 + len(kept) - len(self.place.checkpoints.steps())
        require_room(self.place.path, checkpoint_bytes(self.model, self.stepper.optimizers), max(1, number))
        self.place.cut_metrics(step)

    def _measured_peak(self, dtype: torch.dtype) -> float:
        """The fastest products of this start, or of an earlier one on the same machine; of all ranks together."""
        where = f"{platform.node()}, {self.ranks.describe()}, {dtype}"
        seen = self.ranks.total(measured_peak_flops_per_s(self.ranks.device, dtype))
        self.progress.peaks[where] = max(self.progress.peaks.get(where, 0.0), seen)
        return self.progress.peaks[where]

    def go(self, wish: StopWish) -> RunRecord:
        """All steps that are left, and the record of what came of them."""
        every = max(1, -(-self.run.steps // self.how.evaluations)) if self.how.evaluations else self.run.steps
        saved = time.monotonic()
        if self.branches:  # a run is used, and its stages begin, from checkpoints of its own
            self._save()
        while self.progress.step < self.run.steps:
            if self.progress.step == self.leg.stop:
                self.saver.wait()  # the next begins where it ends
                del self.model, self.stepper  # room for the next
                with self.ranks.together():
                    self._begin(self.legs[self.leg.number + 1])
            try:
                if self.progress.step == 0:
                    self._evaluate()
                self._step()
                step = self.progress.step
                if step % every == 0 or step == self.leg.stop:
                    self._evaluate()
            except DivergedError:  # on all ranks
                self._end("diverged")
                raise
            due = time.monotonic() - saved > 60 * self.how.checkpoint_minutes
            due |= bool(self.how.checkpoint_steps) and step % self.how.checkpoint_steps == 0
            due |= step in self.how.keep_steps
            save, stop, broken = self.ranks.most(due, wish.signal, self.saver.failed)
            if broken:
                self.saver.wait()
            if save or stop or step == self.leg.stop:
                self._save()
                saved = time.monotonic()
            if stop and step < self.run.steps:
                self._end("stopped")
                raise SystemExit(128 + stop)
        return self._end("finished")

    def _step(self) -> None:
        """One optimiser step, measured and logged."""
        step, run = self.progress.step, self.run
        first, last = step * run.batch_tokens, min((step + 1) * run.batch_tokens, run.tokens)
        start, stop = first // run.seq_len, -(-last // run.seq_len)
        began = time.perf_counter()
        mine = passes(start, stop, self.rows, self.ranks.rank, self.ranks.number)
        batches = [self.leg.loader.sequences(some.start, len(some)).to(self.ranks.device) for some in mine]
        torch.manual_seed(seed_of(run.seed, step, self.ranks.rank))
        rate = rate_at(run.schedule, self.leg.tokens, (first + last) / 2 - self.leg.start * run.batch_tokens)
        with kernels_used() as used:
            result = self.stepper(batches, rate, f"step {step} (sequences {start} to {stop - 1})")
        self.kernels |= used
        self.progress.skipped_steps += result.skipped
        seconds = time.perf_counter() - began
        self.progress.seconds += seconds
        self.progress.step += 1
        self._tell_hours(seconds)
        self._tell(result, (stop - start) * run.seq_len / seconds, rate)

    def _tell_hours(self, seconds: float) -> None:
        """Say, after a few steps, how long those that are left take at the speed of the last."""
        left = self.run.steps - self.progress.step
        if self.progress.step == self.first + SETTLED_STEPS and left:
            self.say(f"{left} steps are left, about {format_seconds(left * seconds)} without evaluations")

    def _tell(self, result: StepResult, tokens_per_s: float, rate: float) -> None:
        if self.ranks.rank:
            return
        tokens = self.counts.tokens(self.progress.step)
        mfu = self.counts.flops_per_token[self.leg.number] * tokens_per_s / self.peak
        held_out = self.held_out.loss if self.held_out else None
        self.place.log(
            {
                "step": self.progress.step,
                "tokens": tokens,
                "seconds": self.progress.seconds,
                "loss": result.language,
                "total": result.total,
                "rate": rate,
                "tokens_per_s": tokens_per_s,
                "mfu": mfu,
                "grad_norm": result.grad_norms,
            }
            | ({"loss_scale": self.stepper.scaler.scale} if self.stepper.scaler else {})
        )
        self.watch(
            StepReport(
                step=self.progress.step,
                steps=self.run.steps,
                tokens=tokens,
                loss=result.language,
                held_out=held_out,
                tokens_per_s=tokens_per_s,
                mfu=mfu,
            )
        )

    def _evaluate(self) -> None:
        """The held-out loss, and a point of the curve.

        Raises:
            DivergedError: It is no finite number.
        """
        self.held_out = held_out_loss(
            self.model, self.loader, self.how.eval_tokens, self.rows, self.ranks, self.stepper.autocast
        )
        if not math.isfinite(self.held_out.loss):
            where = f"after step {self.progress.step - 1}" if self.progress.step else "before step 0"
            raise DivergedError(f"{where}: held-out loss must be finite, got {self.held_out.loss}")
        tokens = self.counts.tokens(self.progress.step)
        point = CurvePoint(
            tokens=tokens,
            flops=self.counts.flops(self.progress.step),
            seconds=self.progress.seconds,
            loss=self.held_out.loss,
        )
        before = [one for one in self.progress.curve if one.tokens < tokens]  # not one that is measured again
        self.progress.curve = [*before, point]
        ends = (0, *self.run.stage_ends)
        if self.run.stages and self.progress.step in ends:
            names = [source.name for source in self.run.data.sources]
            row = dict(zip(names, self.held_out.by_source, strict=True))
            self.progress.by_stage[ends.index(self.progress.step) :] = [row]

    def _save(self) -> None:
        self.progress.routing = self.stepper.report.state_dict()
        self.progress.scaling = self.stepper.scaler.state_dict() if self.stepper.scaler else {}
        self.saver.save(self.model, self.stepper.optimizers, self.stepper.balancer, self.progress)

    def _end(self, status: RunStatus) -> RunRecord:
        self.saver.wait()
        if status == "finished" and self.held_out is None:  # it was over but for its record
            self._evaluate()
        record = make_record(
            self.run,
            self.counts,
            self.progress,
            status,
            self.held_out,
            self._routing(),
            self._machine(),
            self.model,
            self.loader.corpora,
        )
        self.ranks.first(lambda: self.place.add_record(record))
        return record

    def _machine(self) -> RunMachine:
        scaler = self.stepper.scaler
        scaling = {"skipped_steps": self.progress.skipped_steps, "loss_scale": scaler.scale} if scaler else {}
        how = to_table(self.how) | {
            "micro_batch": self.rows,
            "threads": torch.get_num_threads(),
            "expert_kernels": sorted(self.kernels),
            "expert_products": product_library(self.ranks.device, self.stepper.autocast),
            **scaling,
        }
        return RunMachine(device=self.ranks.describe(), peak_flops_per_s=self.peak, how=how)

    def _routing(self) -> dict[str, float]:
        """Summaries of the routing in training and on the held-out text; none that is not finite."""
        held_out = self.held_out.routing if self.held_out else None
        seen = {
            "train": self.stepper.report.summary() if self.stepper.report.loads else None,
            "held_out": held_out,
        }
        return {
            f"{where}_{name}": float(value)
            for where, summary in seen.items()
            if summary is not None
            for name, value in asdict(summary).items()
            if name != "leaky_layers" and math.isfinite(value)
        }
