"""Runs that end: a static batch and a queue that is worked off, against a simulation event by event."""

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.cost.engines.engine import Engine, find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment, predict_serving
from optimoe.cost.serving.systems.batching import Rounds, StepSeconds
from optimoe.cost.serving.systems.runs import Queue, run_seconds
from optimoe.cost.serving.workload import Workload
from optimoe.inputs.cost import CostRequest
from optimoe.inputs.groups.hardware import Hardware
from tests.cost.serving.simulation import Replica, serve

OUTPUT = 128


def decode_s(batch):
    return 8e-3 + 6e-5 * batch


def simulated(number, batch, prompt_s, *, riding, spread, prompts=4, seed=0):
    rng = np.random.default_rng(seed)
    width = spread * np.sqrt(3)
    outputs = np.maximum(np.round(rng.uniform(1 - width, 1 + width, number) * OUTPUT), 1)
    replica = Replica(decode_s, prompt_s, places=batch, prefill_first=not riding, prompts=prompts)
    return serve(replica, None, outputs, closed=number).span_s


def formula(number, batch, prompt_s, *, riding, spread, prompts=4):
    running = min(batch, number)
    step = StepSeconds(decode_s=decode_s(running), token_s=decode_s(running), prefill_s=prompt_s, stage_s=prompt_s)
    queue = Queue(
        num_requests=float(number),
        running=float(running),
        least_s=decode_s(1),
        reading_steps=running / prompts,
        riding=riding,
    )
    return run_seconds(Rounds(output_tokens=OUTPUT, spread=spread), step, queue)


CASES = [(b, prompt_s) for b in (8, 32, 128) for prompt_s in (0.005, 0.02, 0.08)]


@pytest.mark.parametrize("riding", [True, False])
@pytest.mark.parametrize(("batch", "prompt_s"), CASES)
def test_a_static_batch_takes_the_sum_of_its_phases_as_simulated(batch, prompt_s, riding):
    prefill_s, total_s = formula(batch, batch, prompt_s, riding=riding, spread=0.0)
    assert total_s == pytest.approx(simulated(batch, batch, prompt_s, riding=riding, spread=0.0), rel=0.05)
    assert total_s - prefill_s == pytest.approx((OUTPUT - 1) * decode_s(batch))
    assert prefill_s >= batch * prompt_s


@pytest.mark.parametrize("riding", [True, False])
@pytest.mark.parametrize("spread", [0.06, 0.3])
@pytest.mark.parametrize("rounds", [1, 1.5, 3, 10.25])
@pytest.mark.parametrize(("batch", "prompt_s"), CASES[1::2])
def test_a_queue_is_worked_off_as_simulated(batch, prompt_s, rounds, spread, riding):
    number = int(batch * rounds)
    runs = [simulated(number, batch, prompt_s, riding=riding, spread=spread, seed=seed) for seed in range(5)]
    seen = np.mean(runs)
    assert formula(number, batch, prompt_s, riding=riding, spread=spread)[1] == pytest.approx(seen, rel=0.05)


def deployment(engine=None, **workload):
    return Deployment(
        cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=8),
        workload=Workload(**{"input_tokens": 1024, "output_tokens": 256} | workload),
        price=given_price(2.0),
        engine=engine or Engine(),
    )


LLAMA = find_model("llama-3.1-70b")


def served(concurrency=64.0, layout=None, **workload):
    return predict_serving(LLAMA, deployment(**workload), layout=layout or Layout(tp=8), concurrency=concurrency)


def test_many_rounds_tend_to_the_closed_system_and_one_to_the_static_batch():
    closed = served()
    rates = [
        served(arrivals="offline", num_requests=64 * rounds).tokens_per_s / closed.tokens_per_s
        for rounds in (2, 10, 1000)
    ]
    assert rates[2] == pytest.approx(1, rel=0.02)
    assert rates == sorted(rates)
    static = served(arrivals="static")
    once = served(arrivals="offline", num_requests=64, fixed_lengths=True)
    assert once.run.total_s == pytest.approx(static.run.total_s)


def test_a_static_batch_is_its_two_phases_and_says_all_its_rates():
    static = served(arrivals="static")
    run = static.run
    assert run.total_s == pytest.approx(run.prefill_s + run.decode_s)
    assert static.ttft_s == run.prefill_s
    assert static.tpot_s == pytest.approx(run.decode_s / 255)
    assert run.requests_per_s == pytest.approx(64 / run.total_s)
    assert run.output_tokens_per_s == pytest.approx(64 * 256 / run.total_s)
    assert run.total_tokens_per_s == pytest.approx(64 * (1024 + 256) / run.total_s)
    assert static.tokens_per_s == run.output_tokens_per_s
    assert static.parts["prefill_of_others_s"] == 0
    assert served().run is None


def test_ranks_with_a_queue_each_share_it_and_arrays_stand_side_by_side():
    layouts = Layout(tp=np.array([8, 4, 2]), dp=np.array([1, 2, 4]))
    runs = served(layout=layouts, arrivals="offline", num_requests=1000).run
    for at, (tp, dp) in enumerate(((8, 1), (4, 2), (2, 4))):
        one = served(layout=Layout(tp=tp, dp=dp), arrivals="offline", num_requests=1000).run
        assert runs.total_s[at] == pytest.approx(one.total_s)
    few = served(concurrency=512.0, arrivals="offline", num_requests=8)
    fewer = served(concurrency=8.0, arrivals="offline", num_requests=8)
    assert few.run.total_s == pytest.approx(fewer.run.total_s)


def test_ranks_that_share_experts_wait_in_a_queue_too():
    qwen = find_model("qwen3-235b-a22b")
    asked = deployment(find_engine("vllm", precision="fp8"), arrivals="offline", num_requests=4096)
    fixed = deployment(
        find_engine("vllm", precision="fp8"), arrivals="offline", num_requests=4096, fixed_lengths=True
    )
    shared = Layout(tp=1, dp=8, ep=8)
    drifting, alike = (predict_serving(qwen, one, layout=shared, concurrency=256.0).run for one in (asked, fixed))
    assert drifting.total_s > 1.1 * alike.total_s


def test_a_run_that_makes_no_sense_is_refused_in_one_line():
    with pytest.raises(ConfigError, match="num_requests: must be at least 1 in an offline run"):
        Workload(arrivals="offline")
    with pytest.raises(ConfigError, match="num_requests: must be left out unless offline"):
        Workload(arrivals="static", num_requests=5)
    asked = CostRequest("llama-3-8b", hardware=Hardware(gpus="1xh100-sxm"), arrivals="statik")
    with pytest.raises(UnknownNameError, match="statik"):
        asked.deployment()
