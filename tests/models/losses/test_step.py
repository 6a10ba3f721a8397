"""A step is the same however it is cut: into micro-batches, into ranks, with unequal numbers of valid tokens."""

import pytest
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from optimoe.core.errors import ConfigError
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import Output, build
from optimoe.models.losses import IGNORED, Step, count_valid, training_loss
from optimoe.models.routers import TopK
from optimoe.models.routing import PolicyRouting
from tests.models.build import VOCAB, ids_of, make_arch
from tests.models.world import on_ranks, one_rank

WEIGHTS = {"balance": 0.5, "z": 0.1, "importance": 0.3, "logit_z": 0.01}
CUTS = {"1 x 16": [16], "4 x 4": [4] * 4, "uneven": [1, 5, 10]}


def make_step():
    """16 rows of ids, targets, documents: prompts without targets, padding on either side, two documents."""
    ids_BS = ids_of(16, 9)
    targets_BS, document_BS = ids_BS.roll(-1, 1), torch.zeros(16, 9, dtype=torch.int64)
    for row in range(16):
        targets_BS[row, : row // 2] = IGNORED
        document_BS[row, 5:] = row % 2
        document_BS[row, 9 - row % 4 :] = -1
    document_BS[3, :6] = -1
    document_BS[7] = -1  # a row of nothing
    return ids_BS, targets_BS, document_BS


def make_model(dtype=torch.float64):
    torch.manual_seed(0)
    return build(make_arch(), ModelConfig(router=TopK(normalised=False), init_std=0.3)).to(dtype)


def run(model, batch, sizes, scope, group=None):
    """Gradients and value of a step over micro-batches of so many rows."""
    batches = list(zip(*(part.split(sizes) for part in batch), strict=True))
    config = LossConfig(scope=scope, **WEIGHTS)
    step = Step([count_valid(targets, documents) for _, targets, documents in batches], group)
    if scope == "step":
        with step.looking():
            for ids, _, documents in batches:
                step.look(model(ids), documents)
    for ids, targets, documents in batches:
        loss = training_loss(model(ids), targets, config, step, document_BS=documents)
        loss.total.backward()
        step.add(loss)
    value = step.value()
    parts = [value.total, value.language, value.logit_z]
    parts += [part for losses in value.layers.values() for part in (losses.balance, losses.z, losses.importance)]
    return torch.cat([p.grad.reshape(-1) for p in model.parameters()]), torch.stack([p.double() for p in parts])


def distance(one, other):
    """Relative distance, in the norm of what is largest."""
    return float((one - other).abs().max() / other.abs().max())


@pytest.mark.parametrize("scope", ["sequence", "step"])
@pytest.mark.parametrize("cut", ["4 x 4", "uneven"])
def test_a_step_has_the_same_gradients_and_value_however_it_is_cut(scope, cut):
    whole_grad, whole_value = run(make_model(), make_step(), CUTS["1 x 16"], scope)
    grad, value = run(make_model(), make_step(), CUTS[cut], scope)
    assert distance(grad, whole_grad) < 1e-12 and distance(value, whole_value) < 1e-12


@pytest.mark.parametrize("scope", ["sequence", "step"])
def test_a_step_of_two_ranks_has_the_gradients_and_value_of_one_process(scope, tmp_path):
    """Micro-batches of 3 and 5 rows with other numbers of valid tokens, float32, gradients averaged by DDP."""
    want = run(make_model(torch.float32), make_step(), [16], scope)

    def work(rank, group):
        model = DistributedDataParallel(make_model(torch.float32))
        return run(model, [part[8 * rank : 8 * rank + 8] for part in make_step()], [3, 5], scope, group)

    for grad, value in on_ranks(work, tmp_path):
        assert distance(grad, want[0]) < 1e-6 and distance(value, want[1]) < 1e-6


def test_one_micro_batch_of_all_ranks_is_what_the_global_scope_balances(tmp_path):
    """On two ranks ``global`` is the ``batch`` of one process that has both ranks' rows."""
    want = run(make_model(torch.float32), make_step(), [16], "batch")

    def work(rank, group):
        model = DistributedDataParallel(make_model(torch.float32))
        return run(model, [part[8 * rank : 8 * rank + 8] for part in make_step()], [8], "global", group)

    for grad, value in on_ranks(work, tmp_path):
        assert distance(grad, want[0]) < 1e-6 and distance(value, want[1]) < 1e-6


def test_the_batch_scope_depends_on_the_cut_as_it_says():
    whole, cut = (run(make_model(), make_step(), CUTS[name], "batch") for name in ("1 x 16", "4 x 4"))
    assert distance(cut[0], whole[0]) > 1e-3
    torch.testing.assert_close(cut[1][1:3], whole[1][1:3])  # language and logit z do not


def test_the_value_of_a_whole_step_is_that_of_the_loss_without_a_step():
    ids, targets, documents = make_step()
    for scope in ("batch", "sequence", "step", "global"):
        _, value = run(make_model(), (ids, targets, documents), [16], scope)
        loss = training_loss(make_model()(ids), targets, LossConfig(scope=scope, **WEIGHTS), document_BS=documents)
        torch.testing.assert_close(value[0], loss.total.detach())


def test_the_policy_of_a_step_is_the_same_however_it_is_cut():
    """A sampled decision in slices of tokens, prompts among them."""
    torch.manual_seed(0)
    T, E = 24, 4
    leaf_TE, baseline_T, logits_TV = (
        torch.randn(*shape, dtype=torch.float64) for shape in ((T, E), (T,), (T, VOCAB))
    )
    targets_T = torch.randint(0, VOCAB, (T,)).where(torch.arange(T) % 5 != 0, IGNORED)
    expert_T1 = torch.randint(0, E, (T, 1))

    def run_in(sizes):
        leaves = [leaf_TE.clone().requires_grad_(), baseline_T.clone().requires_grad_()]
        slices = [slice(sum(sizes[:i]), sum(sizes[: i + 1])) for i in range(len(sizes))]
        step = Step([count_valid(targets_T[None, at]) for at in slices])
        for at in slices:
            log_policy_TE, chosen = leaves[0][at].log_softmax(1), expert_T1[at]
            routing = PolicyRouting(
                expert_TK=chosen,
                weight_TK=torch.ones_like(chosen, dtype=torch.float64),
                score_TE=log_policy_TE.exp(),
                logits_TE=log_policy_TE,
                kept_TK=torch.ones_like(chosen, dtype=torch.bool),
                log_prob_T=log_policy_TE.gather(1, chosen).squeeze(1),
                baseline_T=leaves[1][at],
            )
            output = Output(logits_BSV=logits_TV[None, at], routings={0: routing}, retrieved={})
            loss = training_loss(output, targets_T[None, at], LossConfig(), step)
            loss.total.backward()
            step.add(loss)
        losses = step.value().layers[0]
        return [leaf.grad for leaf in leaves], [losses.policy, losses.baseline, losses.entropy]

    for cut in ([8, 8, 8], [3, 21]):
        torch.testing.assert_close(run_in(cut), run_in([T]))


def test_looking_draws_the_noise_that_the_pass_with_gradients_draws():
    """The totals of the first pass are the loads that the second pass balances, of a router with noise."""
    torch.manual_seed(0)
    model = build(make_arch(), ModelConfig(router=TopK(noise=True), init_std=0.3))
    batches = list(ids_of(8, 8).split(4))
    step = Step([count_valid(ids) for ids in batches])
    with step.looking():
        for ids in batches:
            step.look(model(ids))
    outputs = [model(ids) for ids in batches]
    again = Step([count_valid(ids) for ids in batches])
    with again.looking():
        for output in outputs:
            again.look(output)
    for layer, sums in step.totals.items():
        assert torch.equal(sums.load_GE, again.totals[layer].load_GE) and sums.load_GE.sum() == 128


def test_a_step_counts_targets_tokens_and_documents():
    _, targets, documents = make_step()
    count = count_valid(targets, documents)
    pairs = {(row, int(d)) for row in range(16) for d in documents[row] if d >= 0}
    assert count.sequences == len(pairs) and count.tokens == (documents >= 0).sum()
    assert count.targets == ((documents >= 0) & (targets != IGNORED)).sum() < count.tokens
    plain = count_valid(targets)
    assert (plain.tokens, plain.sequences) == (144, 16) and plain.targets == (targets != IGNORED).sum()


def test_a_step_refuses_what_would_be_another_number(tmp_path, monkeypatch):
    model, ids = make_model(), ids_of()
    step, config = Step([count_valid(ids)]), LossConfig(scope="step", balance=0.1)
    with pytest.raises(ConfigError, match=r"call step\.look first"):
        training_loss(model(ids), ids, config, step)
    with pytest.raises(ConfigError, match="look: must be called inside"):
        step.look(model(ids))
    with pytest.raises(ConfigError, match="losses: must be added"):
        step.value()
    step.add(training_loss(model(ids[:1]), ids[:1], LossConfig(), step))
    with pytest.raises(ConfigError, match="targets: must be the 16 that were counted, got 8"):
        step.value()
    with pytest.raises(ConfigError, match="batches: must be one or more"):
        Step([])
    with one_rank(tmp_path):
        monkeypatch.setattr(distributed, "get_world_size", lambda group=None: 2)
        with pytest.raises(ConfigError, match="group: must be given for a step of several ranks"):
            Step([count_valid(ids)])
        for scope in ("global", "step"):
            with pytest.raises(ConfigError, match=f"group: must be given for the scope {scope}"):
                training_loss(model(ids), ids, LossConfig(scope=scope))
