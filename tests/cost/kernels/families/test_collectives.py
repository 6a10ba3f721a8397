import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError
from optimoe.cost.facts import operator_table
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import AllReduce
from optimoe.cost.kernels.curve import find_row
from optimoe.cost.kernels.families.collectives import (
    PHASES,
    LinkCurve,
    all_reduce_s,
    collective_s,
    find_link_curve,
)

H100 = find_accelerator("h100-sxm")


def reduce_s(ranks, payload_bytes):
    return all_reduce_s(H100, AllReduce(ranks=ranks, payload_bytes=payload_bytes)).total_s


def test_inside_a_node_a_collective_is_launch_hops_and_wire():
    """Hand-worked: 8 H100, 1 GB: 2·7/8·1e9 bytes at half of 450 GB/s, 4 µs and 14 hops of 1 µs."""
    curve = LinkCurve(launch_s=4e-6, hop_s=1e-6, link_share=0.5, ramp_bytes=0.0)
    assert collective_s(H100, "all_reduce", 8, 1e9, curve) == pytest.approx(18e-6 + 1.75e9 / 225e9)
    assert collective_s(H100, "all_gather", 8, 1e9, curve) == pytest.approx(11e-6 + 0.875e9 / 225e9)


@pytest.mark.parametrize(
    ("ranks", "payload", "measured_s"),
    [(2, 16_384, 4.4e-6), (8, 262_144, 10.7e-6), (8, 16_777_216, 92.4e-6), (8, 268_435_456, 1089e-6)],
)
def test_an_all_reduce_takes_about_as_long_as_was_measured(ranks, payload, measured_s):
    """vLLM 0.19's kernel under CUDA graphs on H100 SXM (ai-dynamo/aiconfigurator@095f58a)."""
    assert reduce_s(ranks, payload) == pytest.approx(measured_s, rel=0.3)


def test_across_nodes_the_fastest_protocol_is_taken():
    """Hand-worked: 2 × 8 H100, nothing to send: LL, 2·(0.6·7 + 23·1) + 6.8 = 61.2 µs; 61.6 were measured."""
    assert reduce_s(16, 0) == pytest.approx(61.2e-6)
    large = 10e9
    ring_s = 2 * (2 * 7 / 16 * large / 450e9 + 1 / 16 * large / 50e9)
    assert reduce_s(16, large) == pytest.approx(2 * 28e-6 * (7 + 1) + ring_s)


@pytest.mark.parametrize("collective", PHASES)
@given(ranks=st.sampled_from([2, 4, 8]), payload=st.floats(1, 1e10), more=st.floats(1, 1e10))
def test_no_collective_beats_its_wire_and_each_grows_with_its_payload(collective, ranks, payload, more):
    now = collective_s(H100, collective, ranks, payload)
    assert now > PHASES[collective] * (ranks - 1) / ranks * payload / 450e9
    assert collective_s(H100, collective, ranks, payload + more) > now


@given(ranks=st.sampled_from([2, 4, 8, 16, 64]), payload=st.floats(1, 1e10))
def test_an_all_reduce_never_beats_its_wire(ranks, payload):
    assert reduce_s(ranks, payload) > 2 * (ranks - 1) / ranks * payload / 450e9


@pytest.mark.parametrize("collective", PHASES)
def test_one_rank_sends_nothing_and_a_grid_equals_its_scalars(collective):
    ranks = np.array([1, 2, 8, 16])
    grid = collective_s(H100, collective, ranks, 1e6)
    assert grid[0] == 0
    assert grid == pytest.approx([collective_s(H100, collective, int(one), 1e6) for one in ranks])


@pytest.mark.parametrize("collective", PHASES)
def test_every_link_curve_is_whole_and_carries_its_error(collective):
    """Over a bus that GPUs share, a number of GPUs that was left out is an extrapolation."""
    for architecture, row in operator_table("collective")[collective].items():
        engines = [name for name, own in row.items() if isinstance(own, dict)]
        for engine in ("", *engines):
            one = find_row("collective", collective, architecture, engine)
            assert 0 < one["link_share"] <= 1
            if architecture not in ("other", "bus"):
                assert 0 < one["median_error"] < (0.6 if "contention" in one else 0.2)


def test_gpus_over_a_bus_share_it_and_gpus_over_a_switch_do_not():
    """Measured with vLLM, 134 MB: 2 RTX PRO 6000 take 3.6 ms, 8 take 9.9 ms; 2 L40S 7.0 ms, 8 take 120 ms."""
    card, server = find_accelerator("rtx-pro-6000"), find_accelerator("l40s")
    for gpu, pair_s, eight_s in ((card, 3.6e-3, 9.9e-3), (server, 7.0e-3, 120e-3)):
        assert collective_s(gpu, "all_reduce", 2, 134e6, engine="vllm") == pytest.approx(pair_s, rel=0.25)
        assert collective_s(gpu, "all_reduce", 8, 134e6, engine="vllm") == pytest.approx(eight_s, rel=0.35)
    pair, eight = (collective_s(H100, "all_reduce", ranks, 134e6) for ranks in (2, 8))
    assert eight < 2 * pair


@pytest.mark.parametrize("collective", PHASES)
def test_a_card_over_pcie_takes_no_curve_of_a_switch(collective):
    a100, card = find_accelerator("a100-sxm"), find_accelerator("a10")
    assert a100.architecture == card.architecture
    assert find_link_curve(collective, a100).contention == 0
    assert find_link_curve(collective, card).contention > 0


@pytest.mark.parametrize(
    ("gpu", "engine", "ranks", "measured_s"),
    [
        ("b200-sxm", "vllm", 8, 8.2e-6),
        ("b200-sxm", "trtllm", 8, 6.1e-6),
        ("gb300", "trtllm", 16, 5.2e-6),
        ("gb300", "vllm", 16, 50e-6),
        ("h100-sxm", "vllm", 8, 5.6e-6),
        ("h100-sxm", "trtllm", 8, 3.8e-6),
    ],
)
def test_a_small_all_reduce_takes_what_it_takes_on_its_architecture_and_engine(gpu, engine, ranks, measured_s):
    """32 KB under CUDA graphs, operator tables of aiconfigurator-core."""
    small = AllReduce(ranks=ranks, payload_bytes=32_768)
    assert all_reduce_s(find_accelerator(gpu), small, engine).total_s == pytest.approx(measured_s, rel=0.25)


def test_a_share_above_the_link_is_refused():
    with pytest.raises(ConfigError):
        LinkCurve(launch_s=0.0, hop_s=0.0, link_share=1.1, ramp_bytes=0.0)
