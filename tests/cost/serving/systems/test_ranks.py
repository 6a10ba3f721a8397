"""Attention ranks that end their steps together: the closed forms against a simulation, step by step."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.cost.engines.engine import Engine, find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment, evaluate_at, predict_serving, prepare
from optimoe.cost.serving.systems.batching import Rounds, StepSeconds, closed_system
from optimoe.cost.serving.systems.ranks import LockStep, drifted_share, stacked, waiting
from optimoe.cost.serving.workload import Limits, Workload
from tests.cost.serving.simulation import Ranks, serve_ranks

DECODE_S = 1.0
GRID = [  # ranks, requests of each, answer, seconds of a prompt, steps that it takes
    (2, 16, 512, 1.0, 1 / 8),
    (8, 64, 512, 1.0, 1 / 8),
    (8, 256, 512, 1.0, 1 / 8),
    (16, 64, 256, 0.125, 1 / 64),
    (8, 64, 512, 8.0, 1.0),
    (8, 16, 512, 8.0, 1.0),
    (8, 32, 1000, 20.0, 2.44),
    (8, 64, 400, 20.0, 2.44),
    (32, 64, 400, 4.0, 0.488),
    (8, 128, 64, 1.0, 1 / 8),
    (64, 8, 300, 2.0, 0.244),
    (4, 100, 256, 3.0, 0.366),
    (2, 64, 200, 8.0, 1.0),
]
MODES = {"riding": (False, False), "reading": (True, False), "stopping": (True, True)}


def formula(ranks, batch, output, prompt_s, chunks, mode="riding", own_share=1.0, align_steps=0, **runs):
    first, stop = MODES[mode]
    lock = LockStep(
        ranks=ranks,
        chunk_prompts=1 / chunks,
        own_share=own_share,
        first=first,
        stop=stop,
        align_steps=align_steps,
    )
    step = StepSeconds(decode_s=DECODE_S, token_s=DECODE_S, prefill_s=prompt_s, stage_s=prompt_s)
    return closed_system(Rounds(output_tokens=output, **runs), step, batch=batch, running=batch, ranks=lock)


def simulated(ranks, batch, output, prompt_s, chunks, mode="riding", own_share=1.0, align_steps=0, **runs):
    setup = Ranks(ranks, DECODE_S, prompt_s, chunks, own_share, mode, align_steps)
    return serve_ranks(setup, batch, output, **runs)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", GRID)
def test_ranks_wait_for_each_other_as_simulated(case, mode):
    seen = simulated(*case, mode=mode, steps=max(1500, 4 * case[2]) * (4 if mode == "stopping" else 1))
    ours = formula(*case, mode=mode)
    assert ours.e2e_s == pytest.approx(seen["e2e_s"], rel=0.05)
    assert ours.tpot_s == pytest.approx(seen["tpot_s"], rel=0.05)


@pytest.mark.parametrize("case", GRID[::3])
@pytest.mark.parametrize("mode", ["riding", "reading"])
def test_only_what_a_rank_does_alone_is_waited_for(case, mode):
    seen = simulated(*case, mode=mode, own_share=0.4, steps=2500)
    assert formula(*case, mode=mode, own_share=0.4).e2e_s == pytest.approx(seen["e2e_s"], rel=0.05)
    if mode == "riding":
        alone = formula(1, *case[1:])
        assert formula(*case, own_share=0.0).e2e_s == pytest.approx(alone.e2e_s)


@pytest.mark.parametrize("case", [case for case in GRID[1::2] if case[0] * case[1] <= 1024])
@pytest.mark.parametrize("align_steps", [20, 60])
def test_prompts_that_are_held_back_for_each_other_make_ranks_wait_less(case, align_steps):
    """Within 10 %, the first token within 40 % or five steps: the queue behind full chunks is only estimated."""
    seen = simulated(*case, align_steps=align_steps, steps=5000)
    ours = formula(*case, align_steps=align_steps)
    assert ours.e2e_s == pytest.approx(seen["e2e_s"], rel=0.1)
    assert ours.ttft_s == pytest.approx(seen["ttft_s"], rel=0.4, abs=5 * DECODE_S)
    assert ours.e2e_s < formula(*case).e2e_s


@pytest.mark.parametrize("spread", [0.06, 0.3])
@pytest.mark.parametrize("rounds", [1, 3, 10])
@pytest.mark.parametrize("case", [(8, 64, 512, 8.0, 1.0), (8, 64, 512, 1.0, 1 / 8)])
def test_runs_that_start_together_drift_apart_as_simulated(case, rounds, spread):
    seen = simulated(*case, spread=spread, rounds=rounds)
    ours = formula(*case, spread=spread, rounds=rounds)
    assert ours.e2e_s == pytest.approx(seen["e2e_s"], rel=0.15)


def test_requests_of_one_length_keep_the_ranks_alike():
    case = (8, 16, 128, 4.0, 0.5)
    seen = simulated(*case, spread=0.0, rounds=4)
    alone = formula(1, *case[1:], rounds=4.0)
    assert seen["e2e_s"] == pytest.approx(alone.e2e_s, rel=0.03)
    assert formula(*case, spread=0.0, rounds=4.0) == alone
    assert drifted_share(1.0, 0.3) == 0
    assert drifted_share(np.inf, 0.3) == 1


@given(
    batch=st.floats(1, 500),
    more=st.integers(1, 60),
    output=st.integers(2, 4000),
    prompt_s=st.floats(1e-3, 50),
    chunks=st.floats(1e-3, 30),
    mode=st.sampled_from(sorted(MODES)),
)
def test_more_ranks_wait_longer_and_one_not_at_all(batch, more, output, prompt_s, chunks, mode):
    times = [formula(ranks, batch, output, prompt_s, chunks, mode).e2e_s for ranks in (1, 2, 2 + more)]
    assert times[0] == pytest.approx(batch * prompt_s + output * DECODE_S)
    assert times[0] <= times[1] * (1 + 1e-9)
    assert times[1] <= times[2] * (1 + 1e-9)


def test_arrays_are_deployments_side_by_side():
    modes = list(MODES)
    locks = [
        LockStep(
            ranks=ranks, chunk_prompts=1 / chunks, first=MODES[mode][0], stop=MODES[mode][1], align_steps=align
        )
        for (ranks, _, _, _, chunks), mode, align in zip(GRID, modes * 5, [0, 20, 0, 60] * 4, strict=False)
    ]
    batch, output, prompt_s = (np.array([case[at] for case in GRID]) for at in (1, 2, 3))

    def waits(lock, *columns):
        return waiting(
            lock, running=columns[0], decode_steps=columns[1] - 1, decode_s=DECODE_S, prompt_s=columns[2]
        )

    all_s = waits(stacked(locks), batch, output, prompt_s)
    for at, lock in enumerate(locks):
        one = waits(lock, batch[at], output[at], prompt_s[at])
        assert all_s.stall_s[at] == pytest.approx(one.stall_s, rel=1e-6)
        assert all_s.held_s[at] == pytest.approx(one.held_s, rel=1e-6)


def deployment(engine=None, **workload):
    return Deployment(
        cluster=Cluster(accelerator=find_accelerator("h200-sxm"), num_gpus=8),
        workload=Workload(**{"input_tokens": 4096, "output_tokens": 512} | workload),
        price=given_price(2.0),
        engine=engine or Engine(),
    )


QWEN = find_model("qwen3-235b-a22b")
SHARED, REPLICAS = Layout(tp=1, dp=8, ep=8), Layout(tp=8)


def test_ranks_that_share_experts_wait_and_the_more_the_more_prompts_there_are():
    shares = []
    for tokens in (128, 1024, 8192):
        asked = deployment(find_engine("vllm", precision="fp8"), input_tokens=tokens)
        served = predict_serving(QWEN, asked, layout=SHARED, concurrency=np.array([8.0, 64.0, 256.0]))
        assert np.all(served.parts["wait_for_ranks_s"] > 0)
        shares.append(float(served.parts["wait_for_ranks_s"][1] / served.tpot_s[1]))
        assert 0 < prepare(QWEN, asked, SHARED).ranks.own_share < 1
    assert shares == sorted(shares)


@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm"])
@pytest.mark.parametrize("precision", ["bf16", "fp8"])
def test_what_ranks_share_of_a_prompt_is_its_experts_in_the_precision_that_is_served(engine, precision):
    """About the experts' part of the arithmetic, 66 % of a token's: attention and all else is the ranks' own."""
    ranks = prepare(QWEN, deployment(find_engine(engine, precision=precision)), SHARED).ranks
    assert 0.3 < ranks.own_share < 0.75


def test_replicas_tensor_parallel_ranks_and_ranks_without_prompts_do_not_wait():
    mixtral = find_model("mixtral-8x7b")
    cached = predict_serving(QWEN, deployment(prefix_hit=1.0), layout=SHARED, concurrency=256.0)
    assert cached.parts["wait_for_ranks_s"] == 0
    for layout in (Layout(tp=8), Layout(tp=2, dp=4), Layout(tp=8, ep=8)):
        served = predict_serving(mixtral, deployment(), layout=layout, concurrency=256.0)
        assert served.parts["wait_for_ranks_s"] == 0
    both = predict_serving(
        mixtral,
        deployment(),
        layout=Layout(tp=np.array([2, 1]), dp=np.array([4, 8]), ep=np.array([1, 8])),
        concurrency=256.0,
    )
    alone = predict_serving(mixtral, deployment(), layout=Layout(tp=2, dp=4), concurrency=256.0)
    assert both.tpot_s[0] == alone.tpot_s
    assert both.parts["wait_for_ranks_s"][1] > 0


def test_one_request_waits_for_nobody_and_open_arrivals_do():
    asked = deployment(find_engine("vllm", precision="fp8"))
    alone = predict_serving(QWEN, asked, layout=SHARED, concurrency=1.0)
    assert alone.parts["wait_for_ranks_s"] == 0
    loaded = replace(asked, limits=Limits(ttft_percentile=0.9, tpot_percentile=0.9))
    ready, busy = prepare(QWEN, loaded, SHARED), 32.0 * SHARED.dp
    waits = evaluate_at(ready, loaded, busy)
    free = evaluate_at(replace(ready, ranks=LockStep()), loaded, busy)
    assert waits.tokens_per_s < free.tokens_per_s
    assert waits.tpot_s > free.tpot_s
