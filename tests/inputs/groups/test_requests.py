"""Lengths of requests: means, percentiles, traces."""

import pytest

from optimoe.core.errors import InputError
from optimoe.inputs.groups.requests import Requests


def test_percentiles_stand_for_the_mean_of_their_lengths():
    workload = Requests(input_percentiles="50=800,90=3000", output_percentiles="50=200,90=600").workload()
    assert (workload.input_tokens, workload.output_tokens) == (1362, 289)


def test_a_trace_stands_for_its_mean(tmp_path):
    (tmp_path / "trace.csv").write_text("input_tokens,output_tokens\n100,50\n300,150\n")
    workload = Requests(trace=tmp_path / "trace.csv", prefix_hit=0.5).workload()
    assert (workload.input_tokens, workload.output_tokens, workload.prefix_hit) == (200, 100, 0.5)


def test_a_length_is_a_whole_number_of_tokens():
    with pytest.raises(InputError, match=r"input_tokens: must be a whole number, got 0.5"):
        Requests(input_tokens=0.5).workload()
    with pytest.raises(InputError, match="must look like 50=800,90=3000"):
        Requests(input_percentiles="50:800").workload()
