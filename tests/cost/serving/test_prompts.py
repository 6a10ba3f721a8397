"""A prompt's seconds: chunk by chunk, over pipeline stages, shared with others, beside requests that decode."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.prompts import PromptKernels, prompt_alone, prompt_work, prompts_together
from optimoe.cost.serving.step import decode_kernels, prefill_step
from optimoe.cost.serving.workload import Workload
from tests.cost.cases import FEW, LLAMA, MIXTRAL, machine

QUICK = HostTimes(front_s=0.0, step_s=0.0, request_s=0.0, launch_s=0.0, hidden=0.0)
MODELS = {model.name: model for model in (LLAMA, MIXTRAL, find_model("gpt-oss-20b"))}


def own_s(model, length, **how):
    return prompt_and_steps_s(model, length, **how)[0]


def prompt_and_steps_s(
    model, length, *, chunk=8192, layout=None, engine=None, running=None, context=None, **workload
):
    """The prompt's own seconds, and the decoding steps that they leave out.

    It rides on one, and is launched behind the one before.
    """
    engine = replace(engine or Engine(host=QUICK), chunk_tokens=chunk)
    asked, gpus = Workload(input_tokens=length, **workload), machine(layout or Layout())
    if running is None:
        return prompt_alone(gpus, engine, model, asked).own_s, 0.0
    decoding = decode_kernels(gpus, engine, model, running, context or asked.mean_context)
    own = prompt_work(gpus, engine, model, asked, running, decoding).seconds(engine).own_s
    return own, 0.0 if engine.prefill_first else 2 * engine.decode_scale * decoding.total_s


@FEW
@given(
    name=st.sampled_from(sorted(MODELS)),
    length=st.integers(1, 40_000),
    more=st.integers(1, 3),
    chunk=st.sampled_from([512, 2048, 8192]),
    pp=st.sampled_from([1, 2, 4, 8]),
    running=st.sampled_from([None, 1, 40]),
    prefill_first=st.booleans(),
)
def test_a_longer_prompt_never_arrives_sooner(name, length, more, chunk, pp, running, prefill_first):
    engine = replace(Engine(), prefill_first=prefill_first)
    how = {"chunk": chunk, "layout": Layout(pp=pp), "engine": engine, "running": running}
    how["context"] = 1536.0  # what others decode does not grow with this prompt
    now, then = (sum(prompt_and_steps_s(MODELS[name], tokens, **how)) for tokens in (length, length + more))
    assert then >= now * (1 - 1e-12)


@pytest.mark.parametrize("length", [8192, 16_384])
def test_a_token_beyond_whole_chunks_costs_what_a_short_chunk_takes_and_no_more(length):
    """Of equal chunks one token more would let a prompt arrive a third sooner."""
    whole, more = (own_s(LLAMA, tokens, layout=Layout(pp=4)) for tokens in (length, length + 1))
    assert 0 < more - whole < 0.2 * whole


def test_chunks_over_stages_take_the_makespan_of_a_pipeline():
    """Chunk j ends stage s at end[j, s] = max(end[j − 1, s], end[j, s − 1]) + t_j."""
    times = np.array([3.0, 4.0, 5.0, 1.0])
    for pp in (1, 2, 4):
        end = np.zeros((len(times) + 1, pp + 1))
        for chunk, seconds in enumerate(times):
            for stage in range(pp):
                end[chunk + 1, stage + 1] = max(end[chunk, stage + 1], end[chunk + 1, stage]) + seconds / pp
        kernels = PromptKernels(decoding_s=0.0, added_s=times, launches=0, together=1.0, pp=pp, mixed=False)
        seconds = kernels.seconds(Engine(host=QUICK))
        assert seconds.own_s == pytest.approx(end[-1, -1])
        assert seconds.stall_s == pytest.approx(times.sum() / pp)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_chunks_together_take_about_as_long_as_the_whole(name):
    gpus, engine = machine(Layout()), Engine(host=QUICK)
    whole = float(prefill_step(gpus, engine, MODELS[name], 32_768).total_s)
    assert own_s(MODELS[name], 32_768) == pytest.approx(whole, rel=0.1)
    assert own_s(MODELS[name], 32_768) > own_s(MODELS[name], 24_576) + own_s(MODELS[name], 8192)


def test_a_prompt_that_rides_on_a_decode_step_costs_less_than_one_alone_and_no_less_than_its_arithmetic():
    for name, model in MODELS.items():
        alone, riding = own_s(model, 256), own_s(model, 256, running=64, output_tokens=10_000)
        assert riding < alone, name
        assert riding > 0.2 * alone, name


def test_prompts_share_a_step_as_far_as_the_chunk_has_room():
    drawn, equal = Workload(input_tokens=1024, output_tokens=100), Workload(input_tokens=1024, fixed_lengths=True)
    engine = Engine(chunk_tokens=8192)
    assert prompts_together(engine, drawn, 1) == pytest.approx(1, abs=0.01)
    assert prompts_together(engine, drawn, 300) == pytest.approx(3 / (1 - np.exp(-3)))
    assert prompts_together(engine, drawn, 10_000) == 8
    assert prompts_together(replace(engine, prefill_first=True), equal, 64) == 8
    assert prompts_together(engine, replace(drawn, input_tokens=20_000), 10_000) == 1


def test_an_eager_step_is_no_faster_than_its_launches_but_for_those_behind_the_step_before_it():
    slow = replace(QUICK, launch_s=1e-3)
    kernels = PromptKernels(
        decoding_s=0.02, added_s=np.array([0.01]), launches=100, together=1.0, pp=1, mixed=True
    )
    assert kernels.seconds(Engine(host=slow)).stall_s == pytest.approx(0.1 - 0.02)
    ahead = Engine(host=replace(slow, hidden=1.0))
    assert kernels.seconds(ahead).stall_s == pytest.approx(0.1 - 0.02 - 0.02)
    assert kernels.seconds(Engine(host=QUICK)).stall_s == pytest.approx(0.01)


def test_a_grid_equals_its_scalars_chunk_by_chunk():
    batches, degrees, engine = np.array([1.0, 16.0, 200.0]), np.array([1, 2, 4]), Engine()
    workload = Workload(input_tokens=20_000, output_tokens=100)

    def seconds(batch, tp):
        gpus = Machine(gpu=find_accelerator("h100-sxm"), layout=Layout(tp=tp))
        decoding = decode_kernels(gpus, engine, LLAMA, batch, workload.mean_context)
        return prompt_work(gpus, engine, LLAMA, workload, batch, decoding).seconds(engine)

    grid = seconds(batches, degrees[:, None])
    for row, tp in enumerate(degrees):
        for column, batch in enumerate(batches):
            one = seconds(batch, int(tp))
            assert grid.own_s[row, column] == pytest.approx(one.own_s)
            assert grid.stall_s[row, column] == pytest.approx(one.stall_s)
