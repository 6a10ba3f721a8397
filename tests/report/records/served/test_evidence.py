import pytest

from optimoe.cost.serving.accuracy.evidence import evidence
from optimoe.report.records.served.evidence import evidence_record
from tests.cost.serving.accuracy.cases import MINE, asked


def test_a_record_says_of_each_side_how_it_stands_and_what_it_adds():
    found = evidence(*asked(gpu=MINE))
    record = evidence_record(found)
    assert not record.measured
    sides = {side.name: side for side in record.sides}
    assert sides["accelerator"].standing == "never"
    assert sides["accelerator"].widens["tpot"] == pytest.approx(found.unmeasured[0].width("tpot").up)
    assert sides["engine"].standing == "end_to_end"
    assert sides["engine"].widens == {"tpot": 0.0, "ttft": 0.0, "e2e": 0.0}
    assert record.nearest.gpu == "h100-sxm"


def test_a_record_of_what_was_measured_says_so():
    assert evidence_record(evidence(*asked())).measured
