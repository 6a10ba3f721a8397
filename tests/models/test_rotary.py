"""Rotary positions: shares and scalings against their definitions, and what is refused."""

import math

import pytest
import torch

from optimoe.arch.parts import Attention
from optimoe.core.config import to_table
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.models.attention.rope import LinearScaling, Llama3Scaling, RopeScaling, Rotary, YarnScaling, rotate
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from tests.models.build import ids_of, make_arch, make_dense
from tests.models.shapes import with_mixer

ORIGINAL = 64
SCALINGS = (
    RopeScaling(),
    LinearScaling(factor=4.0),
    Llama3Scaling(factor=8.0, original_positions=ORIGINAL),
    YarnScaling(factor=8.0, original_positions=ORIGINAL, mscale=0.7, mscale_all_dim=0.5, truncate=False),
)


def frequencies(scaling):
    """Of 16 channels, from the sines of position 1, before they are sharpened."""
    sharp = scaling.turned_factor
    cos, sin = Rotary(theta=500.0, scaling=scaling).angles(torch.tensor([1e-3]), 16, torch.float64)
    return torch.atan2(sin / sharp, cos / sharp)[0] * 1e3


def test_fast_channels_keep_their_frequency_and_slow_ones_are_divided():
    plain = frequencies(RopeScaling())
    assert torch.allclose(plain, 500.0 ** (-torch.arange(8, dtype=torch.float64) / 8))
    for scaling in SCALINGS[1:]:
        ratio = frequencies(scaling) / plain
        assert torch.isclose(ratio[-1], torch.tensor(1 / scaling.factor, dtype=torch.float64))
        assert scaling.kind == "linear" or ratio[0] == pytest.approx(1)
        assert (ratio.diff() <= 1e-12).all()


def test_half_of_a_llama3_frequency_is_kept_where_it_turns_half_way_between_its_bounds():
    turns = torch.tensor([0.5, 1.0, 2.5, 4.0, 9.0], dtype=torch.float64)
    kept = SCALINGS[2].kept_R(turns * 2 * math.pi / ORIGINAL, 16, 500.0)
    assert kept.tolist() == pytest.approx([0, 0, 0.5, 1, 1])


def test_yarn_sharpens_by_the_logarithm_of_the_factor():
    m = [0.1 * weight * math.log(8.0) + 1 for weight in (0.7, 0.5, 1)]
    assert SCALINGS[3].turned_factor == pytest.approx(m[0] / m[1])
    assert SCALINGS[3].latent_factor == pytest.approx(m[1] ** 2)
    plain = YarnScaling(factor=8.0, original_positions=ORIGINAL)
    assert (plain.turned_factor, plain.latent_factor) == (pytest.approx(m[2]), 1)
    assert YarnScaling(factor=8.0, original_positions=1, attention_factor=1.2).turned_factor == 1.2


def test_channels_beyond_the_share_know_no_position():
    rotary, x = Rotary(share=0.5), torch.randn(1, 1, 7, 8)
    turned = rotate(x, rotary.rope(torch.arange(7), rotary.turned(8), x.dtype))
    assert torch.equal(turned[..., 4:], x[..., 4:])
    assert not torch.isclose(turned[:, :, 1:, :4], x[:, :, 1:, :4]).all(-1).any()


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda scaling: scaling.kind)
def test_rotary_positions_come_back_from_their_table(scaling):
    config = ModelConfig(rotary=Rotary(theta=5e5, share=0.5, scaling=scaling))
    assert ModelConfig.from_table(to_table(config)) == config
    assert build(make_dense(), config)(ids_of(1, 5)).logits_BSV.isfinite().all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: build(with_mixer(Attention(num_heads=2, num_kv_heads=1, head_dim=3))), "head_dim, .* even .* 3"),
        (lambda: build(make_dense(), ModelConfig(rotary=Rotary(share=0.3))), "share of .* even"),
        (lambda: Rotary(theta=1.0), "theta: must be above 1"),
        (lambda: Rotary(share=0.0), "share: must be above 0"),
        (lambda: RopeScaling(factor=2.0), "factor: must be 1 without a kind"),
        (lambda: LinearScaling(factor=0.5), "factor: must be 1 or more"),
        (lambda: Llama3Scaling(original_positions=8, low_freq_factor=4.0), "high_freq_factor: must be more"),
        (lambda: YarnScaling(original_positions=8, beta_slow=40.0), "beta_fast: must be more than beta_slow = 40"),
        (lambda: ModelConfig.from_table({"rotary": {"scaling": {"kind": "yarns"}}}), "kind: .*nearest: yarn"),
        (lambda: ModelConfig.from_table({"rotary": {"theta": "1e4"}}), "theta"),
        (lambda: ModelConfig.from_table({"rotary": 1e4}), "rotary: must be a table"),
    ],
)
def test_positions_that_cannot_be_are_refused_in_one_line(make, words):
    with pytest.raises((ConfigError, UnknownNameError), match=words) as error:
        make()
    assert "\n" not in str(error.value)


def test_the_scaling_is_part_of_the_function():
    torch.manual_seed(0)
    ids_BS, seen = ids_of(1, 9), []
    for scaling in SCALINGS:
        torch.manual_seed(0)
        config = ModelConfig(rotary=Rotary(scaling=scaling), init_std=0.5)
        seen.append(build(make_arch(), config).eval()(ids_BS).logits_BSV)
    assert all(not torch.allclose(seen[0], other, atol=1e-3) for other in seen[1:])
