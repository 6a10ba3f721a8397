"""The request of ``cost yun``: records that are as asked, and a model or a size."""

from dataclasses import replace

import pytest

from optimoe.core.errors import InputError, UnknownNameError
from optimoe.core.latency import save_latency_records
from optimoe.inputs.measured.calibration import YunRequest
from tests.cost.calibration.cases import blank


@pytest.fixture
def records(tmp_path):
    one = blank()
    save_latency_records(
        tmp_path / "records.jsonl",
        [one, replace(one, engine="sglang"), replace(one, output_tokens=64), replace(one, gpu="h200-sxm")],
    )
    return tmp_path / "records.jsonl"


def test_records_are_chosen_by_every_value_that_is_stated(records):
    assert len(YunRequest("mixtral-8x7b", records=records).chosen()) == 4
    (chosen,) = YunRequest("mixtral-8x7b", records=records, output_tokens=64).chosen()
    assert chosen.output_tokens == 64
    own = YunRequest("mixtral-8x7b", records=records, gpu="h100-sxm", engine="vllm", output_tokens=256)
    assert own.chosen() == [blank()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"engine": "trtllm"}, "--engine: unknown name 'trtllm'"),
        ({"output_tokens": 100}, "--output-tokens: unknown name '100'"),
        ({"engine": "sglang", "gpu": "h200-sxm"}, "--engine: unknown name 'sglang'"),
    ],
)
def test_a_value_that_no_record_has_is_refused(records, words, message):
    with pytest.raises(UnknownNameError, match=message):
        YunRequest("mixtral-8x7b", records=records, **words).chosen()


def test_a_model_or_a_size_is_stated_and_not_both(records):
    assert YunRequest("mixtral-8x7b", records=records).arch().name == "mixtral-8x7b"
    assert YunRequest(records=records, params=7e9).arch() is None
    for words in ({}, {"model": "mixtral-8x7b", "params": 7e9}):
        with pytest.raises(InputError, match="model: state it, or --params and --experts in its place"):
            YunRequest(records=records, **words).arch()
