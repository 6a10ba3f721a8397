"""The bias that balances without a loss."""

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from optimoe.core.errors import ConfigError
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from optimoe.models.losses import Balancer, QuantileBalancer
from optimoe.models.losses.biases import cosine_to_zero, linear_to_zero
from optimoe.models.routers import TopK
from optimoe.models.routing import report
from tests.models.build import ids_of, make_arch, make_layer
from tests.models.world import one_rank

HOW = {
    "sign": (lambda model: Balancer(model, linear_to_zero(0.04, 150)), 150),
    "quantile": (QuantileBalancer, 12),
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("score", ["softmax", "softmax_after", "sigmoid"])
def test_the_bias_balances_with_any_score_function(score, how):
    make, steps = HOW[how]
    torch.manual_seed(0)
    config = ModelConfig(router=TopK(score=score, balanced_by_bias=True))
    model = build(make_arch(num_layers=1), config)
    ids_BS = ids_of(16, 32)
    with torch.no_grad():
        model.embedding.weight.normal_()
        model.blocks[0].ffn.router.weight.normal_(std=0.3)
        model.blocks[0].ffn.router.weight[0] += 0.3
        before = report(model(ids_BS).routings[0]).load_imbalance
        balancer = make(model)
        for _ in range(steps):
            balancer.add(model(ids_BS))
            balancer.step()
        after = report(model(ids_BS).routings[0]).load_imbalance
    assert before > 1.15 and after < 1.06


def test_a_bias_keeps_its_precision_in_a_model_of_16_bits():
    router = make_layer(TopK(balanced_by_bias=True)).float().router
    router.balance_bias_E += torch.arange(router.num_experts) * 0.001234
    exact = router.balance_bias_E.clone()
    router.bfloat16()
    assert router.weight.dtype == torch.bfloat16
    assert torch.equal(router.balance_bias_E, exact)
    assert router.double().balance_bias_E.dtype == torch.float64
    assert router.to("meta").balance_bias_E.is_meta


def make_model(**router):
    torch.manual_seed(0)
    return build(make_arch(), ModelConfig(router=TopK(balanced_by_bias=True, **router), init_std=0.2))


def biases(model):
    return torch.stack([router.balance_bias_E for router in model.routers.values()])


def test_the_biases_move_once_by_the_loads_of_all_micro_batches():
    """Two micro-batches that disagree: the sign is that of their sum, and its mean is subtracted."""
    model = make_model()
    balancer = Balancer(model, 0.1)
    for load in ([8, 0, 0, 0], [0, 2, 3, 3]):
        balancer.add({0: torch.tensor(load), 1: torch.tensor(load)})
    assert not biases(model).any()
    balancer.step()
    want_E = torch.tensor([-0.1, 0.1, 0.1, 0.1]) - 0.05
    torch.testing.assert_close(biases(model), want_E.expand(2, 4))
    with pytest.raises(ConfigError, match="loads: must be added"):
        balancer.step()


def test_centred_biases_do_not_drift_and_choose_the_same_experts():
    models = [make_model(), make_model()]
    for model, centred in zip(models, (True, False), strict=True):
        balancer = Balancer(model, 0.05, centred=centred)
        for seed in range(60):
            balancer.add(model(ids_of(4, 8, seed % 7)))
            balancer.step()
    centred, free = (biases(model) for model in models)
    assert centred.mean(1).abs().max() < 1e-6 < 1e-2 < free.mean(1).abs().max()
    torch.testing.assert_close(centred, free - free.mean(1, keepdim=True), rtol=0, atol=1e-5)


def compiled(model):
    return torch.compile(model, backend="eager")


def test_the_biases_move_through_every_wrapper(tmp_path):
    model, ids_BS = make_model(), ids_of()
    with one_rank(tmp_path) as group:
        for wrap in (lambda m: m, compiled, DistributedDataParallel, nn.Sequential):
            before = biases(model).clone()
            balancer = Balancer(wrap(model), 0.1, group=group)
            balancer.add(model(ids_BS))
            balancer.step()
            assert (biases(model) - before).abs().max() > 0.01


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: Balancer(nn.Linear(2, 2), 0.1), "model: must be one Decoder.*got Linear"),
        (lambda: Balancer(build(make_arch()), 0.1), "balanced_by_bias: must be true"),
        (lambda: Balancer(make_model(), 0.1).add({5: torch.ones(4)}), r"layer: must be .*\[0, 1\], got 5"),
        (lambda: Balancer(make_model(), 0.1).add({0: torch.ones(3)}), r"loads of layer 0: must be 4 .*\(3,\)"),
        (lambda: Balancer(make_model(), 0.1).add(build(make_arch(num_layers=1))(ids_of())), "output: must be"),
        (lambda: QuantileBalancer(make_model(num_groups=2)), "num_groups: must be 1 for quantiles"),
        (
            lambda: QuantileBalancer(make_model()).add({0: torch.ones(4)}),
            "loads of layer 0: must be 2 × 4 numbers",
        ),
        (lambda: Balancer(make_model(), -0.1), "rate: must be zero or more"),
        (lambda: cosine_to_zero(float("nan"), 3), "rate: must be zero or more"),
        (lambda: linear_to_zero(0.1, 0), "num_steps: must be positive"),
    ],
)
def test_what_a_trainer_meets_first_is_refused_in_one_line(use, words):
    with pytest.raises(ConfigError, match=words):
        use()


def test_the_quantile_is_that_of_real_tokens_and_micro_batches_weigh_by_theirs():
    """Of 6 tokens 3 are an even share of 2 in 4: the new bias is what the third nearest lacks to its cutoff."""
    model = make_model(score="sigmoid")
    router, ids_BS = model.routers[0], ids_of(2, 6)
    document_BS = torch.tensor([[0] * 6, [0, 0] + [-1] * 4])
    router.balance_bias_E[:] = torch.tensor([0.3, 0.0, 0.0, -0.3])
    wants = []
    for row, tokens in ((0, 6), (1, 2)):
        output = model(ids_BS[row : row + 1], document_BS=document_BS[row : row + 1])
        score_TE = output.routings[0].logits_TE.sigmoid()[:tokens]
        cutoff_T = (score_TE + router.balance_bias_E).sort(dim=1, descending=True).values[:, 2]
        wants.append((cutoff_T[:, None] - score_TE).sort(dim=0).values[tokens // 2 - 1])
    want_E = (6 * wants[0] + 2 * wants[1]) / 8
    balancer = QuantileBalancer(model)
    for at in (slice(0, 1), slice(1, 2)):
        balancer.add(model(ids_BS[at], document_BS=document_BS[at]))
    balancer.step()
    torch.testing.assert_close(router.balance_bias_E, want_E - want_E.mean())


def test_a_balancer_by_quantiles_goes_on_where_it_was_saved_and_takes_no_padding():
    models = [make_model(), make_model()]
    whole, first = QuantileBalancer(models[0], 0.5), QuantileBalancer(models[1], 0.5)
    for balancer, model in ((whole, models[0]), (first, models[1])):
        balancer.add(model(ids_of()))
    second = QuantileBalancer(models[1], 0.5)
    second.load_state_dict(first.state_dict())
    second.add(models[1](ids_of(), document_BS=torch.full((2, 8), -1)))
    second.add(models[1](ids_of()[:0]))
    for balancer in (whole, second):
        balancer.step()
    assert torch.equal(biases(models[0]), biases(models[1])) and biases(models[0]).any()


def test_rates_fall_to_zero():
    assert [round(linear_to_zero(0.4, 4)(step), 6) for step in (0, 1, 3, 4, 9)] == [0.4, 0.3, 0.1, 0, 0]
    assert [round(cosine_to_zero(0.4, 4)(step), 6) for step in (0, 2, 4, 9)] == [0.4, 0.2, 0, 0]


def test_a_balancer_goes_on_where_it_was_saved():
    """In the middle of a step, with a schedule: loads so far and the number of steps come back."""
    models = [make_model(), make_model()]
    whole = Balancer(models[0], linear_to_zero(0.1, 10))
    first = Balancer(models[1], linear_to_zero(0.1, 10))
    for balancer, model in ((whole, models[0]), (first, models[1])):
        balancer.add(model(ids_of()))
        balancer.step()
        balancer.add(model(ids_of(seed=1)))
    second = Balancer(models[1], linear_to_zero(0.1, 10))
    second.load_state_dict(first.state_dict())
    for balancer in (whole, second):
        balancer.add({layer: torch.arange(4) for layer in (0, 1)})
        balancer.step()
    assert torch.equal(biases(models[0]), biases(models[1])) and second.num_steps == 2
