"""Generation: by the cache as without it, as transformers generates, row by row."""

import pytest
import torch
from scipy.stats import chisquare

from optimoe.core.errors import ConfigError, InputError
from optimoe.models.convert.hf import load_hf
from optimoe.models.decoder import build
from optimoe.models.inference.generate import generate
from optimoe.models.inference.sampling import Sampling
from optimoe.models.routers import Base, ExpertChoice, PolicyGradient, TopK
from tests.models.build import ROUTERS, VOCAB, ids_of, make_arch
from tests.models.convert.families import make_theirs
from tests.models.shapes import ARCHS
from tests.models.test_documents import make_model, routed_model

PROMPTS = [[3, 1, 4, 1, 5], [9], [2, 6, 5]]
GREEDY = Sampling(max_new_tokens=8, temperature=0.0)


def without_cache(model, prompt, num_new):
    """Greedy tokens and their log-probabilities, by the whole sequence at each step."""
    ids, log_probs = list(prompt), []
    for _ in range(num_new):
        logits_V = model(torch.tensor([ids])).logits_BSV[0, -1]
        ids.append(int(logits_V.argmax()))
        log_probs.append(float(logits_V.log_softmax(0)[ids[-1]].detach()))
    return ids[len(prompt) :], log_probs


@pytest.mark.parametrize("name", ["several groups", "mixer window and sinks", "mixer chunks", "learned positions"])
def test_each_row_of_unequal_prompts_is_what_the_whole_sequence_gives_it_alone(name):
    model = make_model(ARCHS[name])
    made = generate(model, PROMPTS, GREEDY)
    for prompt, ids, log_probs in zip(PROMPTS, made.ids, made.log_probs, strict=True):
        want_ids, want_log_probs = without_cache(model, prompt, 8)
        assert ids == want_ids
        assert log_probs == pytest.approx(want_log_probs, rel=1e-9)
    assert made.stopped == ["max_new_tokens"] * 3
    assert generate(model, torch.tensor([PROMPTS[0], PROMPTS[0]]), GREEDY).ids == [made.ids[0]] * 2


@pytest.mark.parametrize(
    "name", ["llama", "mixtral with windows", "qwen3_moe", "deepseek_v3 longer", "gpt_oss longer", "granitemoe"]
)
@torch.no_grad()
def test_a_family_generates_what_transformers_does(name, tmp_path):
    """Token by token, alone and in a batch that is padded on the left."""
    theirs = make_theirs(name)
    theirs.save_pretrained(tmp_path)
    ours = load_hf(tmp_path)
    ids_BS = torch.tensor([[0] * (5 - len(prompt)) + prompt for prompt in PROMPTS])
    mask_BS = torch.tensor([[0] * (5 - len(prompt)) + [1] * len(prompt) for prompt in PROMPTS])
    options = {"max_new_tokens": 12, "do_sample": False, "pad_token_id": 0}
    want = theirs.generate(ids_BS, attention_mask=mask_BS, **options)[:, 5:].tolist()
    greedy = Sampling(max_new_tokens=12, temperature=0.0)
    assert generate(ours, PROMPTS, greedy).ids == want
    alone = theirs.generate(ids_BS[:1], attention_mask=mask_BS[:1], **options)[:, 5:].tolist()
    assert generate(ours, PROMPTS[:1], greedy).ids == alone


def test_a_sample_depends_on_the_seed_and_the_row_alone():
    model, sampling = make_model(ARCHS["several groups"]), Sampling(max_new_tokens=6, seed=5)
    one = generate(model, PROMPTS, sampling)
    assert generate(model, PROMPTS, sampling) == one
    others = [[7, 7, 7, 7, 7, 7, 7], PROMPTS[1], [1, 2]]
    assert generate(model, others, sampling).ids[1] == one.ids[1]
    assert generate(model, PROMPTS, Sampling(max_new_tokens=6, seed=6)).ids != one.ids
    same = generate(model, [PROMPTS[0]] * 4, sampling).ids
    assert len(set(map(tuple, same))) == 4


def test_what_is_sampled_is_as_frequent_as_it_is_probable():
    model, prompt = make_model(ARCHS["mixer grouped"]), [3, 1, 4]
    sampling = Sampling(max_new_tokens=1, temperature=0.7)
    with torch.no_grad():
        share_V = (model(torch.tensor([prompt])).logits_BSV[0, -1] / 0.7).softmax(0)
    first = torch.tensor(generate(model, [prompt] * 4000, sampling).ids)[:, 0]
    seen_V = torch.bincount(first, minlength=VOCAB)
    often_V = share_V * 4000 > 5
    rest = (seen_V[~often_V].sum(), share_V[~often_V].sum() * 4000)
    counts = [*seen_V[often_V].tolist(), int(rest[0])]
    expected = [*(share_V[often_V] * 4000).tolist(), float(rest[1])]
    assert chisquare(counts, expected).pvalue > 0.01


def test_rows_end_by_themselves_and_change_nothing_in_the_others():
    model = make_model(ARCHS["several groups"])
    free = generate(model, PROMPTS, GREEDY)
    ids = free.ids
    id_of_one = next(token for token in ids[0][1:] if token not in ids[2])
    pair = (ids[2][3], ids[2][4])
    stops = Sampling(max_new_tokens=8, temperature=0.0, stop_ids=(id_of_one, VOCAB + 5), stop_sequences=(pair,))
    made = generate(model, PROMPTS, stops)
    for row, (new, whole) in enumerate(zip(made.ids, ids, strict=True)):
        assert new == whole[: len(new)]
        assert made.log_probs[row] == pytest.approx(free.log_probs[row][: len(new)], rel=1e-9)
    assert made.ids[0][-1] == id_of_one and len(made.ids[0]) < 8
    assert tuple(made.ids[2][-2:]) == pair and len(made.ids[2]) < 8
    assert made.stopped[0] == "stop_id" and made.stopped[2] == "stop_sequence"


@pytest.mark.parametrize("name", [name for name, router in ROUTERS.items() if router.decides_alone])
def test_every_router_that_decides_alone_generates(name):
    model = routed_model(ROUTERS[name])
    assert generate(model, [PROMPTS[0]], GREEDY).ids[0] == without_cache(model, PROMPTS[0], 8)[0]


@pytest.mark.parametrize(
    "router",
    [
        TopK(eval_capacity_factor=1.0),
        TopK(capacity_factor=1.0, evaluation="as_trained"),
        ExpertChoice(choice_group="position"),
        Base(evaluation="as_trained"),
    ],
    ids=lambda router: f"{router.kind} {router.evaluation}",
)
def test_a_router_that_does_not_is_refused_before_anything_is_computed(router):
    with pytest.raises(ConfigError, match=f"router: {router.kind} of layer 0 .*; set ") as error:
        generate(routed_model(router), PROMPTS, GREEDY)
    assert "\n" not in str(error.value)


def test_16_bits_generate_and_what_trains_goes_on_training():
    model = build(ARCHS["several groups"]).to(torch.bfloat16).train()
    model.norm.eval()
    made = generate(model, PROMPTS, Sampling(max_new_tokens=5, top_k=4, top_p=0.9))
    assert [len(ids) for ids in made.ids] == [5, 5, 5] and max(map(max, made.log_probs)) <= 0
    assert model.training and model.blocks[0].training and not model.norm.training


def test_nothing_is_generated_for_no_prompts():
    assert generate(make_model(make_arch()), [], GREEDY).ids == []


def test_experts_that_are_sampled_are_sampled_while_generating_too():
    model = routed_model(PolicyGradient(evaluation="as_trained"))
    torch.manual_seed(0)
    assert len(generate(model, PROMPTS, GREEDY).ids) == 3


@pytest.mark.parametrize(
    ("prompts", "line"),
    [
        ([[1, 2], []], "prompts: must be of one token or more each, got none in row 1"),
        (torch.zeros(2, 0, dtype=torch.int64), "prompts: must be of one token or more each, got none in row 0"),
        ([[1, VOCAB]], f"prompts: must be from 0 to {VOCAB - 1}, got {VOCAB} in row 0"),
        ([[1], [-1]], f"prompts: must be from 0 to {VOCAB - 1}, got -1 in row 1"),
        ([1, 2, 3], r"prompts: must be token ids, row by row, got \[1, 2, 3\]"),
        ("text", "prompts: must be token ids, row by row, got 'text'"),
        (torch.rand(2, 3), "prompts: must be token ids, row by row"),
        ([[1] * 27], "max_new_tokens: must be at most 6, of 32 learned positions after a prompt of 27, got 8"),
        ([[1] * 40], "prompts: must be at most 32 tokens, as learned positions, got 40"),
    ],
)
def test_a_prompt_that_cannot_be_followed_is_one_line(prompts, line):
    with pytest.raises(InputError, match=line) as error:
        generate(make_model(ARCHS["learned positions"]), prompts, GREEDY)
    assert "\n" not in str(error.value)


def test_sampling_is_a_request():
    with pytest.raises(ConfigError, match=r"sampling: must be a Sampling, got \{\}"):
        generate(make_model(make_arch()), PROMPTS, {})


def test_learned_positions_are_used_to_the_last():
    model = make_model(ARCHS["learned positions"])
    assert len(generate(model, [[1] * 25], GREEDY).ids[0]) == 8


def test_logits_that_are_no_numbers_are_one_line():
    model = make_model(ARCHS["mixer grouped"])
    model.unembedding.weight.data[3] = torch.nan
    for temperature in (0.0, 1.0):
        with pytest.raises(InputError, match="model: must give logits that are numbers, got nan in row 0"):
            generate(model, ids_of(), Sampling(temperature=temperature))
