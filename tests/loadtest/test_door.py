"""``optimoe.measure``, and how what it gives shows itself."""

import asyncio
import subprocess
import sys
from dataclasses import replace

import pytest

import optimoe
from optimoe.loadtest.client.events import StreamedAnswer
from optimoe.loadtest.load.course import Course
from optimoe.loadtest.results.records import ServedModel
from tests.loadtest.endpoint import model

WORDS = {"output_tokens": 4, "requests": 6, "served_model": model(first_s=0.01, gap_s=0.01)}


@pytest.fixture(scope="module")
def found(url):
    return optimoe.measure(url, concurrency=[1, 2], **WORDS)


def test_the_door_takes_the_words_of_the_command_and_gives_every_level(found):
    assert [level.load.concurrency for level in found.levels] == [1, 2]
    served = ServedModel(model="mixtral-8x7b", gpu="h100-sxm", engine="vllm", engine_version="0.0")
    assert [record.concurrency for record in found.records(served)] == [1, 2]
    assert found.best.output_throughput == max(level.output_throughput for level in found.levels)


def test_levels_that_have_a_record_are_told_from_those_that_have_none(found):
    served = ServedModel(model="mixtral-8x7b", gpu="h100-sxm", engine="vllm", engine_version="0.0")
    silent = replace(found.levels[0], completed=0)
    records, faults = replace(found, levels=(silent, *found.levels, silent)).records_and_faults(served)
    assert records == found.records(served)
    assert faults == ("out: no request of a level was answered, so that there is no latency to record",)


def test_a_measurement_shows_itself(found):
    assert "levels, up to" in repr(found)
    assert len(repr(found)) <= 200
    assert "Medians of each level" in found.summary()
    assert "Medians of each level" in found._repr_html_()
    frame = found.to_frame("dict")
    assert frame["completed"] == [6, 6]
    assert frame["ttft_s.p50"] == [level.ttft.median for level in found.levels]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ({"concurency": 3}, "option: unknown name 'concurency' (nearest: concurrency"),
        ({"input_tokens": [1, 2]}, "input_tokens: '1,2' is not a quantity"),
        ({"api": "chatt"}, "api"),
    ],
)
def test_a_fault_in_words_is_one_line(url, words, line):
    with pytest.raises(optimoe.InputError) as caught:
        optimoe.measure(url, **WORDS | words)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_is_measured_where_a_loop_runs_already_as_in_a_notebook(url):

    async def cell():
        return optimoe.measure(url, **WORDS)

    assert asyncio.run(cell()).levels[0].completed == 6

    async def wrong():
        return optimoe.measure("http://127.0.0.1:1", **WORDS)

    with pytest.raises(optimoe.InputError, match="cannot be reached"):
        asyncio.run(wrong())


def test_what_was_measured_is_read_where_the_client_is_not_installed(tmp_path):
    code = (
        "import sys\n"
        "sys.modules['httptools'] = None\n"
        "import optimoe, optimoe.report.records.served.measured, optimoe.report.tables.results\n"
        "from optimoe.loadtest.results.files import load_requests\n"
        "try:\n"
        "    optimoe.measure('http://127.0.0.1:1')\n"
        "except optimoe.InputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("measure: needs httptools (pip install 'optimoe[measure]')\n", "")


def test_a_bug_in_what_reads_an_answer_ends_the_measurement_and_keeps_its_traceback(url, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(StreamedAnswer, "add", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        optimoe.measure(url, **WORDS)


def test_a_bug_in_what_sends_ends_the_measurement_and_keeps_its_traceback(url, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Course, "phase", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        optimoe.measure(url, **WORDS)
