"""The loss on held-out data: over all targets, each document by itself, of a model that sees no later token."""

import pytest
import torch

from optimoe.core.errors import ConfigError
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from optimoe.models.evaluation import Evaluation, evaluate
from optimoe.models.losses import IGNORED, RunningReport
from optimoe.models.routers import ExpertChoice, TopK
from tests.models.build import ids_of, make_arch
from tests.models.world import on_ranks


def make_model(router=None):
    torch.manual_seed(0)
    return build(make_arch(), ModelConfig(router=router or TopK(noise=True), init_std=0.3))


def rows():
    """Six rows of ids and next ids, of which the last rows have few targets."""
    ids_BS, targets_BS = ids_of(6, 8, 1), ids_of(6, 8, 2)
    targets_BS[3:, 2:] = IGNORED
    return ids_BS, targets_BS


@pytest.mark.parametrize("sizes", [(6,), (1, 5), (3, 3), (2, 2, 2)])
def test_a_loss_is_the_mean_over_all_targets_however_the_rows_are_cut(sizes):
    model, (ids_BS, targets_BS) = make_model(), rows()
    cut = zip(ids_BS.split(sizes), targets_BS.split(sizes), strict=True)
    logits_BSV = make_model().eval()(ids_BS).logits_BSV
    want = torch.nn.functional.cross_entropy(logits_BSV.flatten(0, 1), targets_BS.flatten())
    routed = RunningReport()
    seen = evaluate(model, cut, routed=routed)
    assert seen == Evaluation(loss=pytest.approx(want.item(), rel=1e-6), targets=3 * 8 + 3 * 2)
    assert routed.loads[0].sum() == 6 * 8 * 2 and routed.summary().leaky_layers == ()


def test_a_pack_of_documents_has_the_loss_of_its_documents():
    model = make_model()
    ids_BS, targets_BS = ids_of(1, 7, 1), ids_of(1, 7, 2)
    document_BS = torch.tensor([[0, 0, 0, -1, 1, 1, -1]])
    packed = evaluate(model, [(ids_BS, targets_BS, document_BS)])
    alone = evaluate(model, [(ids_BS[:, at], targets_BS[:, at]) for at in (slice(0, 3), slice(4, 6))])
    assert packed == Evaluation(loss=pytest.approx(alone.loss, rel=1e-6), targets=5)


def test_every_part_of_the_model_evaluates_and_is_left_in_its_mode():
    model, seen = make_model(), []
    model.blocks[0].eval()
    modes = [module.training for module in model.modules()]
    model.register_forward_hook(lambda module, *_: seen.append(any(part.training for part in module.modules())))
    evaluate(model, [rows()])
    assert seen == [False] and [module.training for module in model.modules()] == modes
    with pytest.raises(ConfigError, match="ids"):
        evaluate(model, [(ids_of()[0], ids_of())])
    assert [module.training for module in model.modules()] == modes


def test_what_has_no_loss_of_a_language_model_is_refused_in_one_line():
    ids_BS, targets_BS = rows()
    for model, batches, words in (
        (make_model(ExpertChoice()), [(ids_BS, targets_BS)], "expert_choice of layer 0 sees later tokens"),
        (make_model(), [], "batches: must be one or more"),
        (make_model(), [(ids_BS, torch.full_like(ids_BS, IGNORED))], "targets: must be one or more, got 0"),
    ):
        with pytest.raises(ConfigError, match=words):
            evaluate(model, batches)


def test_ranks_have_the_loss_of_all_their_batches(tmp_path):
    model, (ids_BS, targets_BS) = make_model(), rows()
    want = evaluate(model, [(ids_BS, targets_BS)])

    def work(rank, group):
        mine = slice(0, 4) if rank == 0 else slice(4, 6)
        return evaluate(model, [(ids_BS[mine], targets_BS[mine])], group=group)

    assert on_ranks(work, tmp_path) == [Evaluation(loss=pytest.approx(want.loss, rel=1e-6), targets=30)] * 2
