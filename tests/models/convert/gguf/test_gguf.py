"""GGUF files: llama.cpp says what the model says, or the file is refused."""

import json
import sys

import pytest

from optimoe.app.main import main
from optimoe.arch.checkpoint.gguf.held import gguf_files, gguf_model
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.convert.gguf.file import save_gguf
from optimoe.models.convert.gguf.tokens import token_fields
from optimoe.models.convert.hf import load_hf
from optimoe.models.inference.generate import generate
from optimoe.models.inference.sampling import Sampling
from optimoe.trainer.corpus.tokenizers import ByteTokenizer, train_tokenizer
from tests.models.convert import families
from tests.models.convert.gguf.engine import greedy, ids_of, served

pytest.importorskip("gguf", reason="files for llama.cpp need it: pip install 'optimoe[export]'")

VOCAB = {"vocab_size": 300}
MORE = {
    "mixtral with a head width of its own": families.LOCAL | {"head_dim": 8},
    "qwen3_moe not normalised": families.QWEN | {"norm_topk_prob": False},
    "olmoe": families.THEIRS["olmoe"] | {"num_key_value_heads": 4},
    "deepseek_v2 with groups": families.THEIRS["deepseek_v2 with groups"] | {"q_lora_rank": 5},
}
HELD = (
    "llama with biases", "llama tied", "qwen2", "qwen3", "mixtral with a head width of its own", "qwen2_moe",
    "qwen3_moe", "olmoe", "deepseek_v2", "deepseek_v3", "glm4_moe", "glm4_moe half turned",
    "minimax_m2 half turned", "granitemoe",
)  # fmt: skip
REFUSED = {
    "mixtral with windows": "window_tokens: must be left out in a GGUF of llama, got 3",
    "llama longer": "rotary: scaling: must be none in a GGUF of llama, got llama3",
    "llama gelu": "activation: must be silu in a GGUF of llama, got gelu_tanh",
    "qwen2_moe normalised": "layers: must be all dense or all routed in a GGUF of qwen2moe",
    "olmoe normalised": "num_kv_heads: must be the 4 of num_heads in a GGUF of olmoe, got 2",
    "qwen3_moe not normalised": "normalised: must be true in a GGUF of qwen3moe, got false",
    "deepseek_v2 with groups": "num_groups: must be 1 in a GGUF of deepseek2, got 4",
    "deepseek_v3 plain queries": "q_lora_rank: must be above 0 in a GGUF of deepseek2, got 0",
    "deepseek_v3 with biases": "GGUF of deepseek2: has no place for model.layers.0.self_attn.o_proj.bias",
    "gpt_oss": "family: must be one of llama, mistral",
}
TEXT = "the router à la carte → 終\n\t sends  12345 tokens, don't it?\r\n   "
TEXTS = (TEXT, TEXT[5:], "experts", "12")


def ours_like(name, folder, monkeypatch):
    """A model like theirs, of a vocabulary that has all bytes."""
    monkeypatch.setitem(families.THEIRS, name, (families.THEIRS | MORE)[name] | VOCAB)
    families.make_theirs(name).save_pretrained(folder / "theirs")
    return load_hf(folder / "theirs").eval()


@pytest.mark.parametrize("name", HELD)
def test_the_header_of_a_written_file_holds_what_the_model_counts(name, tmp_path, monkeypatch, tokenizer):
    model = ours_like(name, tmp_path, monkeypatch)
    model_type = json.loads((tmp_path / "theirs" / "config.json").read_text())["model_type"]
    save_gguf(model, tmp_path / "m.gguf", model_type, tokenizer, 256)
    held = gguf_model(gguf_files(tmp_path / "m.gguf"), model.arch)
    assert {part: one.params for part, one in held.parts.items() if part not in ("buffer", "copy", "mtp")} == {
        part: one.params_stated for part, one in held.parts.items() if one.params_stated and part != "mtp"
    }
    moe = model.arch.moe
    assert (held.num_experts, held.top_k) == ((moe.num_experts, moe.top_k) if moe else (0, 0))
    assert held.num_bytes == 4 * sum(one.params for one in held.parts.values())


def test_arch_compares_a_file_with_the_configuration_beside_it(tmp_path, monkeypatch, tokenizer, capsys):
    model = ours_like("mixtral with a head width of its own", tmp_path, monkeypatch)
    path = tmp_path / "theirs" / "m.gguf"
    save_gguf(model, path, "mixtral", tokenizer, 256)
    main(["arch", str(path)])
    assert (
        f"stated {count_params(model.arch).total:,}; all is as the configuration says" in capsys.readouterr().out
    )
    config = json.loads((tmp_path / "theirs" / "config.json").read_text())
    wider = config | {"intermediate_size": 2 * config["intermediate_size"]}
    (tmp_path / "theirs" / "config.json").write_text(json.dumps(wider))
    main(["arch", str(path)])
    out = capsys.readouterr().out
    assert "not all is as the configuration says" in out
    experts = count_params(model.arch).routed_experts
    assert f"routed experts: {experts:,} parameters, stated {2 * experts:,}" in out


@pytest.fixture
def tokenizer(tmp_path):
    ByteTokenizer().save(tmp_path)
    return json.loads((tmp_path / "tokenizer.json").read_text())


@pytest.mark.parametrize("name", HELD)
def test_llama_cpp_says_the_tokens_that_the_model_says(tmp_path, monkeypatch, tokenizer, name):
    model = ours_like(name, tmp_path, monkeypatch)
    save_gguf(model, tmp_path / "model.gguf", families.family_of(name), tokenizer, 256, max_positions=256)
    prompts = [[256, *text.encode()] for text in TEXTS]
    ours = generate(model, prompts, Sampling(max_new_tokens=64, temperature=0, stop_ids=(256,))).ids
    with served(tmp_path / "model.gguf") as ask:
        assert [greedy(ask, text, 64) for text in TEXTS] == ours
    assert len({token for row in ours for token in row}) > 5


@pytest.mark.parametrize("name", REFUSED)
def test_what_llama_cpp_computes_otherwise_is_refused_by_name(tmp_path, monkeypatch, tokenizer, name):
    model = ours_like(name, tmp_path, monkeypatch)
    with pytest.raises(ConfigError) as refused:
        save_gguf(model, tmp_path / "model.gguf", families.family_of(name), tokenizer, 256)
    assert REFUSED[name] in str(refused.value) and not (tmp_path / "model.gguf").exists()


@pytest.mark.parametrize("learned", [False, True], ids=["bytes", "learned"])
def test_llama_cpp_reads_a_text_as_the_tokenizer_does(tmp_path, monkeypatch, tokenizer, learned):
    known = ByteTokenizer()
    if learned:
        known = train_tokenizer([TEXT, "routers route tokens to experts " * 20], 300, tmp_path / "tokenizer.json")
        tokenizer = known.content
    model = ours_like("mixtral", tmp_path, monkeypatch)
    save_gguf(model, tmp_path / "model.gguf", "mixtral", tokenizer, known.end_of_text)
    texts = [*TEXTS, "".join(map(chr, range(1, 0x250))), "終 \U0010ffff"]
    with served(tmp_path / "model.gguf") as ask:
        for text, ids in zip(texts, known.encode(texts), strict=True):
            assert ids_of(ask, text) == [known.end_of_text, *ids]


def test_a_tokenizer_that_llama_cpp_would_cut_otherwise_is_refused(tokenizer):
    for change, words in (
        (
            {"model": tokenizer["model"] | {"type": "Unigram"}},
            "tokenizer: model: must be BPE in GGUF, got Unigram",
        ),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "tokenizer: pre_tokenizer: must be ByteLevel as GPT-2's"),
        ({"normalizer": {"type": "NFC"}}, "without a normalizer"),
    ):
        with pytest.raises(ConfigError, match=words):
            token_fields(tokenizer | change, 300, 256)


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, tokenizer):
    model = ours_like("mixtral", tmp_path, monkeypatch)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        save_gguf(model, tmp_path / "file/model.gguf", "mixtral", tokenizer, 256)
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(InputError, match=r"gguf: must be installed to write GGUF files \(pip install"):
        save_gguf(model, tmp_path / "model.gguf", "mixtral", tokenizer, 256)
    assert not list(tmp_path.glob("*gguf*"))
