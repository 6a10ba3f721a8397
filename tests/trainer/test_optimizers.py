"""Muon of stacks is that of each matrix, and every parameter has one optimiser."""

import torch

from optimoe.core.run import Optimizer
from optimoe.trainer.setup import make_model
from optimoe.trainer.steps.optimizers import groups_of, make_optimizers
from optimoe.trainer.steps.stacked_muon import StackedMuon, orthogonal
from tests.trainer.world import make_run


def test_a_stack_moves_as_each_of_its_matrices_alone():
    torch.manual_seed(0)
    for shape in ((3, 8, 20), (3, 20, 8)):
        stack = torch.nn.Parameter(torch.randn(shape))
        alone = [torch.nn.Parameter(matrix.clone()) for matrix in stack.data]
        ours = StackedMuon([stack], lr=0.1, weight_decay=0.2)
        theirs = torch.optim.Muon(alone, lr=0.1, weight_decay=0.2, adjust_lr_fn="match_rms_adamw")
        for _ in range(3):
            stack.grad = torch.randn(shape)
            for one, grad in zip(alone, stack.grad, strict=True):
                one.grad = grad.clone()
            ours.step()
            theirs.step()
        torch.testing.assert_close(stack.data, torch.stack([one.data for one in alone]), rtol=0, atol=0.01)


def test_singular_values_come_near_one():
    values = torch.linalg.svdvals(orthogonal(torch.randn(4, 16, 40)).float())
    assert values.min() > 0.5 and values.max() < 1.4


def test_every_parameter_has_one_optimiser_and_muon_has_the_hidden_matrices():
    model = make_model(make_run(), torch.device("cpu"), 257)
    for name, kinds in (("adamw", ["AdamW"]), ("muon", ["AdamW", "Muon", "StackedMuon"])):
        optimizers = make_optimizers(model, Optimizer(name=name))
        assert [type(one).__name__ for one in optimizers] == kinds
        held = [id(p) for group in groups_of(optimizers) for p in group["params"]]
        assert sorted(held) == sorted(map(id, model.parameters()))
    assert {group["name"] for one in optimizers[1:] for group in one.param_groups} == {"matrices", "experts"}
