import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError
from optimoe.cost.engines.engine import Engine
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import predict_serving
from optimoe.cost.serving.workload import Limits, Workload
from tests.cost.cases import FEW, MIXTRAL, deployment, points


def serve(concurrency, tp=2, gpus=2, **changes):
    layout = Layout(tp=tp, dp=gpus // tp)
    return predict_serving(MIXTRAL, deployment(gpus, **changes), layout=layout, concurrency=concurrency)


def test_mixtral_on_two_h100_is_where_calibrated_tools_put_it():
    """Two tools with measured kernels, without an engine's own time, say 6.1 and 6.2 ms alone, 18 to 21 at 16."""
    quiet, own_s = Workload(input_tokens=1, output_tokens=4096), Engine().host.step_s
    assert serve(1, workload=quiet).tpot_s - own_s == pytest.approx(6.15e-3, rel=0.2)
    assert serve(16, workload=quiet).tpot_s - own_s == pytest.approx(19.5e-3, rel=0.15)


def test_tpot_and_tokens_per_second_agree_with_little():
    estimate = serve(64)
    e2e_s = estimate.ttft_s + 1023 * estimate.tpot_s
    assert estimate.tokens_per_s == pytest.approx(64 * 1024 / e2e_s)
    assert estimate.usd_per_mtok == pytest.approx(2 * 2.0 / 3600 / estimate.tokens_per_s * 1e6)
    assert sum(estimate.parts.values()) == pytest.approx(estimate.tpot_s)


@FEW
@given(points(concurrency=st.integers(1, 200), more=st.integers(1, 200)))
def test_more_requests_are_slower_each(grid):
    concurrency, more = grid["concurrency"], grid["more"]
    now, then = serve(concurrency), serve(concurrency + more)
    assert (then.tpot_s >= now.tpot_s).all()
    assert (then.ttft_s >= now.ttft_s).all()


def test_answers_of_one_token_have_no_tpot_and_wait_for_all_prompts():
    """Nothing is decoded, so that a round of b requests is b prompts."""
    few, many = (serve(b, workload=Workload(input_tokens=2048, output_tokens=1)) for b in (8, 80))
    assert (few.tpot_s, many.tpot_s) == (0, 0)
    front_s = Engine().host.before_s(2048)
    assert many.ttft_s - front_s == pytest.approx(10 * (few.ttft_s - front_s), rel=0.1)
    assert many.tokens_per_s == pytest.approx(80 / many.ttft_s)
    with pytest.raises(ConfigError, match="tpot: must be left out where answers have one token"):
        serve(8, workload=Workload(output_tokens=1), limits=Limits(tpot_s=0.05))
