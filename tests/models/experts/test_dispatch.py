"""Every kernel of routed experts against a plain loop over tokens, in float64."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.models.experts.activations import find_activation
from optimoe.models.experts.dispatch import (
    TableRow,
    choose_kernel,
    imbalance,
    nearest_row,
    run_experts,
    table_rows,
)
from optimoe.models.experts.kernels import KERNELS, ExpertWeights
from optimoe.models.experts.layer import Experts
from optimoe.models.experts.shares import cut_shares, run_shares

TOLERANCE = 1e-10


def make_weights(E, D, F, gated=True, bias=False, activation="silu", dtype=torch.float64):
    M = (1 + gated) * F
    shapes = [(E, D, M), (E, F, D), *([(E, M), (E, D)] if bias else [])]
    tensors = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]
    w_in, w_out, b_in, b_out = tensors if bias else [*tensors, None, None]
    return ExpertWeights(w_in_EDM=w_in, w_out_EFD=w_out, b_in_EM=b_in, b_out_ED=b_out, activation=activation)


def reference(weights, x_TD, expert_TK, weight_TK):
    """Tokens one by one, slots one by one."""
    act, F = find_activation(weights.activation), weights.w_out_EFD.shape[1]
    rows = []
    for x_D, expert_K, weight_K in zip(x_TD, expert_TK, weight_TK, strict=True):
        y_D = torch.zeros_like(x_D)
        for e, weight in zip(expert_K.tolist(), weight_K, strict=True):
            if e < 0:
                continue
            h = x_D @ weights.w_in_EDM[e]
            if weights.b_in_EM is not None:
                h = h + weights.b_in_EM[e]
            a = act.function(h) if h.shape[0] == F else act.gated(h[:F], h[F:])
            out_D = a @ weights.w_out_EFD[e]
            if weights.b_out_ED is not None:
                out_D = out_D + weights.b_out_ED[e]
            y_D = y_D + weight * out_D
        rows.append(y_D)
    return torch.stack(rows) if rows else x_TD * 1


def gradients(run, weights, x_TD, expert_TK, weight_TK, seed=0):
    leaves = [p for p in weights.tensors() if p is not None]
    x_TD = x_TD.detach().requires_grad_()
    weight_TK = weight_TK.detach().requires_grad_()
    y_TD = run(weights, x_TD, expert_TK, weight_TK)
    torch.manual_seed(seed)
    grads = torch.autograd.grad(y_TD, [x_TD, weight_TK, *leaves], torch.randn_like(y_TD))
    return [y_TD.detach(), *grads]


def routing(name, T, K, E):
    if name == "random":
        return torch.randint(0, E, (T, K))
    if name == "one expert":
        return torch.full((T, K), E - 1)
    if name == "dropped":
        return torch.randint(-1, E, (T, K))
    if name == "all dropped":
        return torch.full((T, K), -1)
    return torch.randint(0, E, (T, 1)).expand(T, K)  # duplicates


ROUTINGS = ("random", "one expert", "dropped", "all dropped", "duplicates")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", ROUTINGS)
@pytest.mark.parametrize("T", [0, 1, 13])
def test_outputs_and_gradients_are_the_plain_loops(kernel, name, T):
    torch.manual_seed(1)
    E, K, D, F = 6, 3, 8, 8
    weights = make_weights(E, D, F)
    x_TD, weight_TK = torch.randn(T, D, dtype=torch.float64), torch.rand(T, K, dtype=torch.float64)
    expert_TK = routing(name, T, K, E)
    ours = gradients(KERNELS[kernel], weights, x_TD, expert_TK, weight_TK)
    if T == 0:
        assert [g.shape for g in ours[1:]] == [(0, D), (0, K), (E, D, 2 * F), (E, F, D)]
        assert all(not g.any() for g in ours)
        return
    if name == "all dropped":
        assert all(not g.any() for g in ours)
        return
    for got, want in zip(ours, gradients(reference, weights, x_TD, expert_TK, weight_TK), strict=True):
        torch.testing.assert_close(got, want, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("T", [0, 1, 5])
def test_outputs_without_gradients_are_the_same(kernel, bias, T):
    torch.manual_seed(3)
    weights, expert_TK = make_weights(4, 8, 8, bias=bias), routing("dropped", T, 2, 4)
    x_TD, weight_TK = torch.randn(T, 8, dtype=torch.float64), torch.rand(T, 2, dtype=torch.float64)
    with torch.no_grad():
        got = KERNELS[kernel](weights, x_TD, expert_TK, weight_TK)
    torch.testing.assert_close(got, reference(weights, x_TD, expert_TK, weight_TK), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_tanh", "relu", "relu_squared", "clamped_swiglu"])
def test_every_kind_of_expert_is_right_by_every_kernel(kernel, gated, bias, activation):
    if activation == "clamped_swiglu" and not gated:
        with pytest.raises(ConfigError, match="activation"):
            Experts(4, 8, 8, gated, activation)
        return
    torch.manual_seed(2)
    weights = make_weights(4, 8, 8, gated, bias, activation)
    with torch.no_grad():
        weights.w_in_EDM.mul_(3)  # so that some products lie beyond a clamp
    x_TD, weight_TK = torch.randn(9, 8, dtype=torch.float64), torch.rand(9, 2, dtype=torch.float64)
    expert_TK = routing("dropped", 9, 2, 4)
    ours = gradients(KERNELS[kernel], weights, x_TD, expert_TK, weight_TK)
    for got, want in zip(ours, gradients(reference, weights, x_TD, expert_TK, weight_TK), strict=True):
        torch.testing.assert_close(got, want, rtol=TOLERANCE, atol=TOLERANCE)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), T=st.integers(1, 12), K=st.integers(1, 4), E=st.integers(1, 6))
def test_any_routing_gives_the_same_by_every_kernel(data, T, K, E):
    expert = data.draw(st.lists(st.integers(-1, E - 1), min_size=T * K, max_size=T * K))
    torch.manual_seed(3)
    weights = make_weights(E, 4, 4)
    x_TD, weight_TK = torch.randn(T, 4, dtype=torch.float64), torch.randn(T, K, dtype=torch.float64)
    args = weights, x_TD, torch.tensor(expert).view(T, K), weight_TK
    first, *others = (gradients(kernel, *args) for kernel in KERNELS.values())
    for other in others:
        for got, want in zip(other, first, strict=True):
            torch.testing.assert_close(got, want, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("gated", [True, False])
def test_the_loops_own_backward_pass_passes_gradcheck(gated):
    torch.manual_seed(4)
    weights = make_weights(3, 4, 3, gated, bias=True)
    expert_TK = routing("dropped", 6, 2, 3)
    x_TD = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    weight_TK = torch.rand(6, 2, dtype=torch.float64, requires_grad=True)

    def run(x, weight, w_in, w_out, b_in, b_out):
        again = ExpertWeights(w_in_EDM=w_in, w_out_EFD=w_out, b_in_EM=b_in, b_out_ED=b_out, activation="silu")
        return KERNELS["loop"](again, x, expert_TK, weight)

    assert torch.autograd.gradcheck(run, (x_TD, weight_TK, *weights.tensors()))


@pytest.mark.parametrize("name", ROUTINGS)
@pytest.mark.parametrize(("threads", "tile", "rows"), [(2, 1, 3), (3, 2, 8), (1, 4, 8)])
def test_threads_that_share_an_expert_sum_its_gradients(name, threads, tile, rows, monkeypatch):
    """Rows in whole tiles, and several experts in a pass, change nothing."""
    monkeypatch.setattr("optimoe.models.experts.shares.SMALLEST_SHARE", 1)
    monkeypatch.setattr("optimoe.models.experts.loop.ROWS", rows)
    monkeypatch.setattr("optimoe.models.experts.loop.row_tile", lambda like: tile)
    before = torch.get_num_threads()
    torch.manual_seed(13)
    weights = make_weights(4, 8, 8, bias=True)
    x_TD, weight_TK = torch.randn(11, 8, dtype=torch.float64), torch.rand(11, 3, dtype=torch.float64)
    args = weights, x_TD, routing(name, 11, 3, 4), weight_TK
    torch.set_num_threads(threads)
    try:
        ours = gradients(KERNELS["loop"], *args)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for got, want in zip(ours, gradients(KERNELS["gather"], *args), strict=True):
        torch.testing.assert_close(got, want, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_failure_in_a_thread_is_raised_and_the_threads_are_restored(monkeypatch):
    monkeypatch.setattr("optimoe.models.experts.shares.SMALLEST_SHARE", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError):
            run_shares(lambda slices: 1 // (1 - slices[0].share), cut_shares([4, 8], 4, 1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=6), rows=st.integers(1, 5), threads=st.integers(1, 9)
)
def test_shares_hold_every_slot_once_and_equally_many(sizes, rows, threads):
    ends = torch.tensor(sizes).cumsum(0).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optimoe.models.experts.shares.SMALLEST_SHARE", 1)
        patch.setattr("torch.get_num_threads", lambda: threads)
        shares = cut_shares(ends, rows, 1)
    slots = [(part.expert, slot) for share in shares for part in share for slot in range(part.start, part.end)]
    assert slots == [(e, slot) for e, end in enumerate(ends) for slot in range(end - sizes[e], end)]
    counts = [sum(part.num_rows for part in share) for share in shares]
    assert max(counts) - min(counts) <= 1
    assert all(part.num_rows <= rows for share in shares for part in share)


@pytest.mark.parametrize("kernel", KERNELS)
def test_permuting_experts_changes_nothing(kernel):
    torch.manual_seed(5)
    E = 5
    weights = make_weights(E, 8, 8)
    x_TD, weight_TK = torch.randn(11, 8, dtype=torch.float64), torch.rand(11, 2, dtype=torch.float64)
    expert_TK, order_E = routing("random", 11, 2, E), torch.randperm(E)
    moved = ExpertWeights(
        w_in_EDM=weights.w_in_EDM[order_E],
        w_out_EFD=weights.w_out_EFD[order_E],
        b_in_EM=None,
        b_out_ED=None,
        activation="silu",
    )
    before = KERNELS[kernel](weights, x_TD, expert_TK, weight_TK)
    after = KERNELS[kernel](moved, x_TD, torch.argsort(order_E)[expert_TK], weight_TK)
    torch.testing.assert_close(after, before, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("frozen", ["w_in", "experts", "x", "weight"])
def test_frozen_parts_get_no_gradient_and_the_others_the_same(frozen):
    torch.manual_seed(6)
    expert_TK = routing("random", 10, 2, 4)

    def run(kernel, freeze):
        torch.manual_seed(7)
        weights = make_weights(4, 8, 8)
        x_TD = torch.randn(10, 8, dtype=torch.float64, requires_grad=True)
        weight_TK = torch.rand(10, 2, dtype=torch.float64, requires_grad=True)
        leaves = {"x": x_TD, "weight": weight_TK, "w_in": weights.w_in_EDM, "w_out": weights.w_out_EFD}
        for name in ("w_in", "w_out") if freeze == "experts" else (freeze,):
            leaves[name].requires_grad_(False)
        KERNELS[kernel](weights, x_TD, expert_TK, weight_TK).square().sum().backward()
        return [leaf.grad for leaf in leaves.values()]

    for got, want in zip(run("loop", frozen), run("gather", frozen), strict=True):
        assert (got is None) == (want is None)
        if got is not None:
            torch.testing.assert_close(got, want, rtol=TOLERANCE, atol=TOLERANCE)


def test_activation_checkpointing_changes_no_gradient():
    torch.manual_seed(8)
    weights = make_weights(4, 8, 8)
    x_TD, weight_TK = torch.randn(10, 8, dtype=torch.float64), torch.rand(10, 2, dtype=torch.float64)
    args = weights, x_TD, routing("random", 10, 2, 4), weight_TK

    def checkpointed(weights, *inputs):
        def run(*tensors):
            return KERNELS["loop"](weights, *tensors)

        return torch.utils.checkpoint.checkpoint(run, *inputs, use_reentrant=False)

    for got, want in zip(gradients(checkpointed, *args), gradients(KERNELS["loop"], *args), strict=True):
        assert torch.equal(got, want)


@pytest.mark.parametrize("kernel", KERNELS)
def test_low_precision_tokens_take_float32_gates(kernel):
    torch.manual_seed(9)
    weights = make_weights(4, 16, 16, dtype=torch.bfloat16)
    x_TD, weight_TK = torch.randn(10, 16, dtype=torch.bfloat16), torch.rand(10, 2)
    expert_TK = routing("dropped", 10, 2, 4)
    y_TD = KERNELS[kernel](weights, x_TD, expert_TK, weight_TK.requires_grad_())
    y_TD.float().square().sum().backward()
    assert y_TD.dtype == torch.bfloat16 and weight_TK.grad.dtype == torch.float32
    wide = ExpertWeights(
        **{k: getattr(weights, k).detach().double() for k in ("w_in_EDM", "w_out_EFD")},
        b_in_EM=None,
        b_out_ED=None,
        activation="silu",
    )
    want = reference(wide, x_TD.double(), expert_TK, weight_TK.detach().double())
    torch.testing.assert_close(y_TD.double(), want, rtol=0.05, atol=0.05 * float(want.abs().max()))


def test_the_loop_is_a_well_formed_operator():
    torch.manual_seed(10)
    weights = make_weights(3, 4, 4, bias=True)
    x_TD = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    args = (x_TD, routing("random", 5, 2, 3), torch.rand(5, 2, dtype=torch.float64), *weights.tensors())
    torch.library.opcheck(torch.ops.optimoe.expert_loop.default, (*args, "silu", True))


def test_the_whole_layer_is_one_graph_whatever_the_number_of_tokens():
    torch.manual_seed(11)
    weights = make_weights(4, 8, 8, dtype=torch.float32)
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(run_experts, backend=backend, fullgraph=True, dynamic=True)
    for T in (7, 12, 30):
        x_TD, weight_TK, expert_TK = torch.randn(T, 8), torch.rand(T, 2), routing("random", T, 2, 4)
        got = compiled(weights, x_TD, expert_TK, weight_TK)
        torch.testing.assert_close(got, run_experts(weights, x_TD, expert_TK, weight_TK))
    assert len(graphs) == 1


def test_padding_is_chosen_up_to_the_imbalance_that_was_measured(monkeypatch):
    weights = make_weights(8, 4, 4)
    row = TableRow(kernel="grouped", padded_up_to=1.5, shape=())
    monkeypatch.setattr("optimoe.models.experts.dispatch.nearest_row", lambda *_: row)
    even, skewed = torch.arange(400) % 8, torch.cat([torch.zeros(60, dtype=torch.long), torch.arange(340) % 8])
    assert imbalance(even, 8) == 1 and imbalance(skewed, 8) == 8 * 103 / 400
    x_TD = torch.randn(400, 4)
    assert [choose_kernel(weights, x_TD, each[:, None]) for each in (even, skewed)] == ["padded", "grouped"]
    assert imbalance(torch.full((5, 2), -1), 8) == 0


def test_an_unknown_way_is_refused():
    weights = make_weights(2, 4, 4)
    with pytest.raises(UnknownNameError, match="loop"):
        run_experts(weights, torch.randn(1, 4), torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1), "loops")


def test_the_table_names_only_ways_that_exist():
    rows = [row for rows in table_rows().values() for row in rows]
    assert {row.kernel for row in rows} <= set(KERNELS) - {"padded"}
    assert all(row.padded_up_to >= 1 for row in rows)


@pytest.mark.parametrize("train", [True, False])
def test_on_a_gpu_no_way_is_chosen_that_waits_for_the_host(train):
    for num_slots in (1, 64, 4096, 10**6):
        for num_experts in (1, 8, 64, 512):
            row = nearest_row("cuda", train, 1, num_slots, num_experts, 2048, 768)
            assert row.kernel in ("grouped", "gather") and row.padded_up_to == 1


@pytest.mark.parametrize("kernel", [None, *KERNELS])
@pytest.mark.parametrize("expert", [4, -2, 2**40])
def test_an_expert_that_there_is_not_is_refused_by_every_way(kernel, expert):
    weights, expert_TK = make_weights(4, 8, 8), routing("dropped", 6, 2, 4)
    expert_TK[2, 1] = expert
    with pytest.raises(InputError, match=rf"experts: must be in \[-1, 4\), got {expert}"):
        run_experts(weights, torch.randn(6, 8).double(), expert_TK, torch.rand(6, 2), kernel)


@pytest.mark.parametrize("kernel", [None, *KERNELS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.uint8])
def test_numbers_that_are_no_integers_are_refused_by_every_way(kernel, dtype):
    weights, expert_TK = make_weights(4, 8, 8), routing("random", 6, 2, 4).to(dtype)
    with pytest.raises(InputError, match=f"experts: must be int32 or int64, got {dtype}"):
        run_experts(weights, torch.randn(6, 8).double(), expert_TK, torch.rand(6, 2), kernel)


@pytest.mark.parametrize("kernel", KERNELS)
def test_experts_may_be_int32(kernel):
    weights, expert_TK = make_weights(4, 8, 8), routing("dropped", 6, 2, 4)
    x_TD, weight_TK = torch.randn(6, 8).double(), torch.rand(6, 2).double()
    want = run_experts(weights, x_TD, expert_TK, weight_TK, kernel)
    assert torch.equal(run_experts(weights, x_TD, expert_TK.int(), weight_TK, kernel), want)


def test_a_compiled_layer_refuses_experts_that_there_are_not():
    weights, expert_TK = make_weights(4, 8, 8, dtype=torch.float32), routing("random", 6, 2, 4)
    compiled = torch.compile(run_experts, backend="aot_eager", fullgraph=True)
    args = torch.randn(6, 8), torch.rand(6, 2)
    compiled(weights, args[0], expert_TK, args[1])
    expert_TK[0, 0] = 4
    with pytest.raises(RuntimeError, match="experts: must be in"):
        compiled(weights, args[0], expert_TK, args[1])


@pytest.mark.parametrize("kernel", KERNELS)
def test_odd_widths_are_computed_by_every_way(kernel):
    """PyTorch's grouped product wants rows that begin at multiples of 16 bytes."""
    weights = make_weights(3, 5, 7, dtype=torch.float32)
    args = torch.randn(6, 5), routing("dropped", 6, 2, 3), torch.rand(6, 2)
    torch.testing.assert_close(run_experts(weights, *args, kernel), reference(weights, *args))


@pytest.mark.parametrize("kernel", [None, *KERNELS])
@pytest.mark.parametrize("batched", [False, True])
def test_transforms_of_functions_give_the_same_gradients_or_name_the_way_that_does(kernel, batched):
    weights, expert_TK = make_weights(4, 8, 8), routing("dropped", 6, 2, 4)
    x_TD, weight_TK = torch.randn(6, 8).double(), torch.rand(6, 2).double()

    def loss(w_in, *args):
        return run_experts(replace(weights, w_in_EDM=w_in), *args, kernel).square().sum()

    def each(w_in, x_D, expert_K, weight_K):
        return loss(w_in, x_D[None], expert_K[None], weight_K[None])

    def transformed():
        if not batched:
            return torch.func.grad(loss)(weights.w_in_EDM, x_TD, expert_TK, weight_TK)
        grad = torch.func.vmap(torch.func.grad(each), in_dims=(None, 0, 0, 0))
        return grad(weights.w_in_EDM, x_TD, expert_TK, weight_TK).sum(0)

    if kernel == "loop" or (batched and kernel in ("grouped", "padded")):
        with pytest.raises(ConfigError, match=r"kernel: must be .*gather under torch\.func"):
            transformed()
        return
    w_in = weights.w_in_EDM.detach().requires_grad_()
    (want,) = torch.autograd.grad(loss(w_in, x_TD, expert_TK, weight_TK), w_in)
    torch.testing.assert_close(transformed(), want, rtol=TOLERANCE, atol=TOLERANCE)


def test_the_choice_is_a_way():
    weights = make_weights(2, 4, 4)
    assert choose_kernel(weights, torch.randn(1, 4), torch.zeros(1, 1, dtype=torch.long)) in KERNELS


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kernel", ["grouped", "gather"])
def test_on_a_gpu_nothing_waits_for_the_host(kernel):
    torch.manual_seed(12)
    weights = make_weights(4, 16, 16, dtype=torch.bfloat16)
    tensors = [None if p is None else p.detach().cuda().requires_grad_() for p in weights.tensors()]
    weights = ExpertWeights(**dict(zip(weights.__dict__, [*tensors, "silu"], strict=True)))
    x_TD = torch.randn(32, 16, dtype=torch.bfloat16, device="cuda", requires_grad=True)
    expert_TK, weight_TK = routing("dropped", 32, 2, 4).cuda(), torch.rand(32, 2, device="cuda")
    KERNELS[kernel](weights, x_TD, expert_TK, weight_TK).sum().backward()
    torch.cuda.set_sync_debug_mode("error")
    try:
        KERNELS[kernel](weights, x_TD, expert_TK, weight_TK).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.fixture
def memory_full_of_nan():
    """Fresh memory that holds NaN, which is what memory may hold."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


@pytest.mark.usefixtures("memory_full_of_nan")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_memory_that_nobody_wrote_reaches_no_output_and_no_gradient(kernel, bias):
    torch.manual_seed(0)
    for num_tokens in (1, 3, 32):
        weights = make_weights(4, 16, 8, bias=bias, dtype=torch.float32)
        expert_TK = torch.randint(-1, 4, (num_tokens, 2))
        expert_TK[0] = torch.tensor([-1, 2])
        x_TD = torch.randn(num_tokens, 16, requires_grad=True)
        weight_TK = (torch.rand(num_tokens, 2) * (expert_TK >= 0)).requires_grad_()
        y_TD = run_experts(weights, x_TD, expert_TK, weight_TK, kernel)
        y_TD.square().sum().backward()
        assert torch.isfinite(y_TD).all()
        for tensor in (x_TD, weight_TK, *weights.tensors()):
            assert tensor is None or torch.isfinite(tensor.grad).all()
