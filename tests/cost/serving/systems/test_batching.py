import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.serving.systems.batching import Rounds, StepSeconds, closed_system
from optimoe.cost.serving.workload import Workload

NO_FRONT = HostTimes(front_s=0.0)
QUICK = Engine(host=NO_FRONT)


def system(batch, engine=QUICK, workload=None, running=None, decode_s=0.01, prefill_s=0.05):
    workload = workload or Workload(output_tokens=100)
    running = batch if running is None else running
    step = StepSeconds(decode_s=decode_s, token_s=decode_s, prefill_s=prefill_s, stage_s=prefill_s)
    return closed_system(Rounds.of(engine, workload), step, batch=batch, running=running)


@given(batch=st.floats(1, 500), decode_s=st.floats(1e-4, 0.1), prefill_s=st.floats(1e-4, 10.0))
def test_whatever_the_order_a_round_reads_all_prompts_and_decodes_all_tokens(batch, decode_s, prefill_s):
    for engine in (QUICK, Engine(host=NO_FRONT, prefill_first=True)):
        for workload in (
            Workload(output_tokens=100),
            Workload(output_tokens=100, fixed_lengths=True),
            Workload(output_tokens=100, rounds=10.0),
        ):
            served = system(batch, engine, workload, decode_s=decode_s, prefill_s=prefill_s)
            assert served.e2e_s == pytest.approx(batch * prefill_s + 100 * decode_s)
            assert served.tpot_s >= decode_s
            assert served.ttft_s >= decode_s + prefill_s


def test_requests_in_step_wait_for_half_of_the_others():
    fixed = Workload(output_tokens=100, fixed_lengths=True)
    together = system(11, Engine(host=NO_FRONT, prefill_first=True), fixed)
    assert together.ttft_s == pytest.approx(0.01 + 6 * 0.05)
    assert together.stall_s == pytest.approx(5 * 0.05 / 99)
    assert system(11, QUICK, Workload(output_tokens=100, rounds=1.0)).ttft_s == pytest.approx(together.ttft_s)


def test_requests_that_drift_apart_wait_less_the_shorter_prompts_are():
    waits = [system(64, prefill_s=prefill_s).ttft_s / prefill_s for prefill_s in (1e-4, 0.05, 10.0)]
    assert waits[1] < 1 + 63 / 2
    assert waits[2] == pytest.approx(1 + 63 / 2, rel=0.1)
    steady, started = system(64), system(64, workload=Workload(output_tokens=100, rounds=10.0))
    assert steady.ttft_s < started.ttft_s


def test_requests_beyond_the_memory_queue():
    fits, queues = system(32), system(64, running=32)
    assert queues.tpot_s == fits.tpot_s
    assert queues.e2e_s == pytest.approx(2 * fits.e2e_s)
    assert queues.ttft_s == pytest.approx(fits.ttft_s + fits.e2e_s)


@given(batch=st.integers(1, 300), more=st.integers(1, 100), prefill_s=st.floats(1e-3, 1.0))
def test_more_requests_are_slower_each(batch, more, prefill_s):
    now, then = system(batch, prefill_s=prefill_s), system(batch + more, prefill_s=prefill_s)
    assert then.ttft_s >= now.ttft_s
    assert then.tpot_s >= now.tpot_s


def test_one_token_answers_have_no_tpot_stall_to_divide():
    served = system(4, workload=Workload(output_tokens=1))
    assert math.isfinite(served.tpot_s)
    assert served.e2e_s == served.ttft_s


def test_arrays_are_scalars_side_by_side():
    batches = np.array([1.0, 8.0, 100.0])
    assert system(batches).ttft_s == pytest.approx([system(batch).ttft_s for batch in batches])
