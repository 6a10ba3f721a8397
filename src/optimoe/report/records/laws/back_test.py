"""JSON of ``optimoe laws back-test``: laws against runs that they have not seen."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.laws.fitting.anchoring import BackTest, BackTests
from optimoe.laws.fitting.anchoring.back_test import Way


@dataclass(frozen=True, kw_only=True)
class PredictedRunRecord:
    """A run that was held out, and what a law says of it.

    Attributes:
        run: Its name.
        measured: Its loss, nats per token.
        predicted: That of the law; over several choices of runs, of the middle one.
    """

    run: str
    measured: float
    predicted: float


@dataclass(frozen=True, kw_only=True)
class BackTestRecord:
    """A law against runs that it has not seen.

    Attributes:
        law: Its name, or the family that was fitted.
        way: ``as published``; ``offset``, moved by the mean error on all runs that are not held out; ``anchored``,
            on the level of so many of them; ``prior``, all coefficients fitted to so many with the law as prior;
            ``fitted``, the family alone to all of them.
        runs: Of those that are not held out, how many were used.
        held: Runs that were predicted: those held out that the law may rank.
        median: Median of the absolute errors, nats per token; over several choices of runs, their median.
        unlucky: 90 % point of that median over the choices.
        worst: The largest error by size, of the middle choice.
        bias: Mean error, the law's loss less the run's; over several choices their median.
        decades: How far the farthest of the runs lies outside what the law was fitted on, |log10| summed over
            variables.
        remark: The verdict of a fit that is not sound, or that the law is read by assumption.
        predicted: Each of the runs.
        source: Where the law is from.
    """

    law: str
    way: Way
    runs: int
    held: int
    median: float
    unlucky: float
    worst: float
    bias: float
    decades: float
    remark: str
    predicted: tuple[PredictedRunRecord, ...]
    source: str


@dataclass(frozen=True, kw_only=True)
class BackTestsRecord:
    """Laws and families against the same runs.

    Attributes:
        rule: Which runs were held out.
        seen: How many were not.
        held: How many were.
        seed_spread: Standard deviation of runs that differ in the seed alone, nats per token; null without such.
        source: Where the runs are from.
        tests: The least median error first.
        silent: Laws, and ways of bringing them to runs, that could not be tested, with the reason.
    """

    rule: str
    seen: int
    held: int
    seed_spread: float | None
    source: str
    tests: tuple[BackTestRecord, ...]
    silent: dict[str, str]


def back_tests_record(found: BackTests) -> BackTestsRecord:
    """What a back-test found."""
    return same_fields(BackTestsRecord, found, tests=tuple(map(_test, found.tests)))


def _test(test: BackTest) -> BackTestRecord:
    predicted = tuple(same_fields(PredictedRunRecord, one) for one in test.predicted)
    return same_fields(BackTestRecord, test, predicted=predicted)
