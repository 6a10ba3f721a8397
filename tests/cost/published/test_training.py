"""Published training runs: sources, shapes as in their papers, and errors as printed."""

import numpy as np
import pytest

from optimoe.arch.params import count_params
from optimoe.cost.published.training import training_claims
from optimoe.cost.training.estimate import model_flops_per_token
from optimoe.cost.training.setup import training_range

CLAIMS = training_claims()
DENSE = np.array([not claim.routed for claim in CLAIMS])


def test_every_claim_brings_its_source():
    assert all(claim.source and claim.tokens_per_s > 0 and 0 < claim.mfu < 1 for claim in CLAIMS)


def test_published_and_predicted_speeds_agree():
    ratios = np.array([claim.predict().tokens_per_s / claim.tokens_per_s for claim in CLAIMS])
    low, high = training_range("mfu_error")
    assert np.median(np.abs(ratios - 1)) < 0.16
    assert np.mean((ratios > low) & (ratios < high)) > 0.85
    assert np.median(np.abs(ratios[DENSE] - 1)) < 0.15


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("gpt-1.7b", 1.7e9),
        ("gpt-7.5b", 7.5e9),
        ("gpt-146b", 145.6e9),
        ("gpt-530b", 529.6e9),
        ("gpt-1t", 1008e9),
        ("gpt-22b", 22e9),
        ("mpt-7b", 6_658_859_008),
        ("mpt-70b", 64_862_437_376),
        ("nemotron-340b", 340e9),
        ("llama-3.1-405b", 405.8e9),
    ],
)
def test_shapes_have_the_parameters_of_their_papers(model, params):
    arch = next(claim.arch for claim in CLAIMS if claim.model == model and claim.run.seq_len in (2048, 4096, 8192))
    assert count_params(arch).total == pytest.approx(params, rel=0.03)


@pytest.mark.parametrize(
    ("group", "model", "mfu"),
    [
        ("Megatron-LM 2022", "gpt-22b", 0.415),
        ("Megatron-LM 2022", "gpt-175b", 0.514),
        ("Megatron-LM 2022", "gpt-530b", 0.560),
        ("Megatron-LM 2022", "gpt-1t", 0.563),
        ("NeMo 24.07 fp8", "nemotron-340b", 678e12 / 1.978e15),
        ("NeMo 24.07 fp8", "gpt-20b", 750e12 / 1.978e15),
        ("llm-foundry A100", "mpt-70b", 0.5333),
        ("llm-foundry H100", "mpt-70b", 0.4257),
    ],
)
def test_their_mfu_follows_from_their_speed(group, model, mfu):
    claim = next(claim for claim in CLAIMS if (claim.group, claim.model) == (group, model))
    flops = model_flops_per_token(claim.arch, claim.run.seq_len, "whole_square")
    assert flops * claim.tokens_per_s / claim.run.peak_flops_per_s == pytest.approx(mfu, rel=0.01)
