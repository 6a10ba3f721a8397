"""Cross-entropy in chunks of rows."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from optimoe.models.losses import language
from optimoe.models.losses.language import IGNORED, token_losses


def make_logits(dtype, num_tokens=37, vocab=50):
    torch.manual_seed(0)
    logits_TV = (torch.randn(num_tokens, vocab) * 4).to(dtype)
    target_T = torch.randint(0, vocab, (num_tokens,)).where(torch.arange(num_tokens) % 4 != 0, IGNORED)
    return logits_TV, target_T


def plain(logits_TV, target_T):
    wide_TV = logits_TV.to(torch.promote_types(logits_TV.dtype, torch.float32))
    loss_T = functional.cross_entropy(wide_TV, target_T, reduction="none", ignore_index=IGNORED)
    return loss_T, wide_TV.logsumexp(1).masked_fill(target_T == IGNORED, 0)


@pytest.mark.parametrize("rows", [1, 7, 64])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_values_and_gradients_are_those_of_the_plain_loss(dtype, rows, monkeypatch):
    monkeypatch.setattr(language, "CHUNK_ELEMENTS", rows * 50)
    logits_TV, target_T = make_logits(dtype)
    weight_T = torch.linspace(-1, 1, len(target_T), dtype=torch.promote_types(dtype, torch.float32))
    results = []
    for losses in (token_losses, plain):
        leaf_TV = logits_TV.clone().requires_grad_()
        loss_T, partition_T = losses(leaf_TV, target_T)
        ((loss_T + 0.1 * partition_T.square()) * weight_T).sum().backward()
        results.append((loss_T.detach(), partition_T.detach(), leaf_TV.grad))
    for ours, theirs in zip(*results, strict=True):
        assert ours.dtype == theirs.dtype
        tolerance = (
            {"rtol": 1e-6, "atol": 1e-6} if dtype != torch.bfloat16 else {}
        )  # a gradient in 16 bits is rounded
        torch.testing.assert_close(ours, theirs, **tolerance)


def test_rows_without_a_target_take_no_part_whatever_they_hold():
    logits_TV, target_T = make_logits(torch.float32)
    logits_TV[target_T == IGNORED] = torch.nan
    leaf_TV = logits_TV.requires_grad_()
    loss_T, partition_T = token_losses(leaf_TV, target_T)
    (loss_T.sum() + partition_T.square().sum()).backward()
    assert torch.isfinite(loss_T).all() and not loss_T[target_T == IGNORED].any()
    assert torch.isfinite(leaf_TV.grad).all() and not leaf_TV.grad[target_T == IGNORED].any()


class Largest(TorchDispatchMode):
    """Bytes of the largest tensors that operators return, by type."""

    def __init__(self):
        super().__init__()
        self.bytes = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not result._is_view():
            self.bytes[result.dtype] = max(self.bytes.get(result.dtype, 0), result.nbytes)
        return result


def test_no_float32_copy_of_all_logits_is_made(monkeypatch):
    """Beside the logits in 16 bits there is their gradient in 16 bits, and a chunk in 32."""
    monkeypatch.setattr(language, "CPU_CHUNK_ELEMENTS", 4096)
    logits_TV, target_T = make_logits(torch.bfloat16, 512, 256)
    sizes = []
    for losses in (token_losses, plain):
        leaf_TV = logits_TV.clone().requires_grad_()
        with Largest() as seen:
            losses(leaf_TV, target_T)[0].sum().backward()
        sizes.append(seen.bytes)
    ours, theirs = sizes
    assert ours[torch.bfloat16] == logits_TV.nbytes and ours[torch.float32] <= 4 * 4096
    assert theirs[torch.float32] == 2 * logits_TV.nbytes


def test_the_loss_works_under_function_transforms():
    logits_TV, target_T = make_logits(torch.float64)
    ours, theirs = (
        torch.func.grad(lambda logits, losses=losses: losses(logits, target_T)[0].sum())(logits_TV)
        for losses in (token_losses, plain)
    )
    torch.testing.assert_close(ours, theirs)
