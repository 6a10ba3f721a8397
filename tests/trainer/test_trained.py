"""What a run leaves is used elsewhere: the same tokens from the same text, in our hands and in others'."""

import json
from dataclasses import replace

import pytest
import torch

from optimoe.app.main import main
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.inference.sampling import Sampling
from optimoe.trainer.corpus.tokenizers import ByteTokenizer, train_tokenizer
from optimoe.trainer.results.export import export
from optimoe.trainer.results.sample import sample_text
from optimoe.trainer.results.trained import load_run
from optimoe.trainer.train import train
from tests.models.convert.gguf.engine import greedy, served
from tests.trainer.test_setup import OWN
from tests.trainer.world import ARCHITECTURE, QUIET, WORDS, corpus_at, make_run, save_run

TEXT = "the router à la carte → 終\n\t sends  12345 tokens"
SOFTMAX = {"router": {"kind": "top_k"}, "losses": {"balance": 0.01}}
GREEDY = Sampling(max_new_tokens=64, temperature=0.0)


def learned(folder):
    return train_tokenizer([" ".join(WORDS)] * 9, 300, folder / "learned/tokenizer.json")


def test_the_newest_whole_checkpoint_is_read_back_without_corpora_and_optimiser(tmp_path):
    model = save_run(tmp_path / "run", steps=(4, 8, 12))
    (tmp_path / "run/checkpoints/step-00000012/progress.json").write_text("torn")
    found = load_run(tmp_path / "run")
    assert (found.step, load_run(tmp_path / "run", step=4).step) == (8, 4)
    assert "step-00000012: passed over, progress.json has another size" in found.passed_over[0]
    ours, theirs = found.model.state_dict(), model.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_model_of_its_own_parts_is_used_and_said_to_be_in_no_family(tmp_path):
    save_run(tmp_path, architecture=OWN)
    trained = load_run(tmp_path)
    assert sample_text(trained, "the", replace(GREEDY, max_new_tokens=8)).ids
    with pytest.raises(ConfigError, match=r"no family of transformers holds this shape of Attention, .*PEER"):
        export(trained, "hf", tmp_path / "hf")


def test_a_run_that_was_trained_is_found_with_its_tokenizer(tmp_path):
    for options in ({}, {"tokenizer": "bpe:300"}):
        corpus = corpus_at(tmp_path / f"of {len(options)}", **options)
        architecture = ARCHITECTURE | {"vocab_size": 300, "tie_word_embeddings": True}
        train(make_run(steps=2, architecture=architecture), tmp_path / f"run {len(options)}", [corpus], QUIET)
        found = load_run(tmp_path / f"run {len(options)}")
        assert found.tokenizer.encode([TEXT])[0].tolist() == corpus.tokenizer.encode([TEXT])[0].tolist()
        assert found.tokenizer.end_of_text == corpus.facts.end_of_text
        assert found.model.unembedding.weight is found.model.embedding.weight
    save_run(tmp_path / "bytes", architecture=architecture)
    with pytest.raises(ConfigError, match=r"tokenizer.json: must be the corpora's tokenizer, got another one"):
        train(make_run(init_std=0.3, architecture=architecture), tmp_path / "bytes", [corpus], QUIET)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # glm4_moe's shared expert of width 0
@pytest.mark.parametrize(
    ("family", "fields"), [("glm4_moe", {}), ("mixtral", SOFTMAX)], ids=["sigmoid, bytes", "softmax, learned"]
)
def test_an_export_says_in_transformers_what_the_run_says(tmp_path, family, fields):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = learned(tmp_path) if fields else ByteTokenizer()
    save_run(tmp_path / "run", tokenizer, architecture=ARCHITECTURE | {"vocab_size": 300}, **fields)
    trained = load_run(tmp_path / "run")
    assert export(trained, "hf", tmp_path / "hf").family == family
    theirs = AutoTokenizer.from_pretrained(tmp_path / "hf")
    ids = theirs(TEXT, return_tensors="pt")
    ours = sample_text(trained, TEXT, GREEDY)
    assert ids.input_ids[0].tolist() == [tokenizer.end_of_text, *tokenizer.encode([TEXT])[0]]
    assert theirs.eos_token_id == tokenizer.end_of_text
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    new = model.generate(**ids, max_length=None, max_new_tokens=64, do_sample=False, eos_token_id=None)
    assert new[0, ids.input_ids.shape[1] :].tolist() == list(ours.ids)
    assert len(set(ours.ids)) > 5


def test_an_export_says_in_llama_cpp_what_the_run_says(tmp_path):
    pytest.importorskip("gguf", reason="files for llama.cpp need it: pip install 'optimoe[export]'")
    architecture = ARCHITECTURE | {"vocab_size": 300, "max_position_embeddings": 256}
    save_run(tmp_path / "run", learned(tmp_path), architecture=architecture)
    trained = load_run(tmp_path / "run")
    assert export(trained, "gguf", tmp_path / "model.gguf").family == "glm4_moe"
    ours = sample_text(trained, TEXT, GREEDY)
    with served(tmp_path / "model.gguf") as ask:
        assert greedy(ask, TEXT, 64) == list(ours.ids)
    assert len(set(ours.ids)) > 5


def test_a_text_is_gone_on_with_from_the_command_line(tmp_path, capsys):
    save_run(tmp_path)

    def printed(*more):
        main(["sample", str(tmp_path), "--prompt", "the router ", "--temperature", "1", *more])
        return capsys.readouterr().out

    one, again, other = (
        json.loads(printed("--json", "--max-new-tokens", "9", "--seed", seed)) for seed in ("1", "1", "2")
    )
    assert one["ids"] == again["ids"] != other["ids"]
    assert len(one["log_probs"]) == len(one["ids"]) <= 9 and max(one["log_probs"]) < 0
    said = load_run(tmp_path).tokenizer.decode([*one["prompt_ids"], *one["ids"]])
    assert one["prompt"] + one["text"] == said == printed("--max-new-tokens", "9", "--seed", "1")[:-1]


def test_a_run_that_cannot_be_used_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_run(tmp_path / "hash", router={"kind": "hash"})
    save_run(tmp_path / "broken")
    next((tmp_path / "broken").rglob("*.distcp")).unlink()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter").write_text("mine")
    for words, line in (
        ("export hash out --to hf", "mixtral does not hold this model (kind: must be top_k in mixtral, got hash)"),
        ("export hash full --to hf", "full: must be empty or not there yet"),
        ("export hash out --to hf --step 5", "must hold a checkpoint of step 5 (there are 4)"),
        ("export broken out --to hf", "must hold a whole checkpoint; "),
        ("export hash full --to gguf", "full: must be a file that is not there yet"),
        ("export full out --to hf", "full: must be the folder of a run, holds no run.toml"),
        ("sample hash --top-p 2", "top_p: must be above 0 and at most 1, got 2.0"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(words.split())
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and line in said
    assert not (tmp_path / "out").exists()


def test_weights_of_another_model_are_refused(tmp_path):
    save_run(tmp_path / "one")
    save_run(tmp_path / "other", architecture=ARCHITECTURE | {"num_hidden_layers": 3})
    (tmp_path / "one/run.toml").write_bytes((tmp_path / "other/run.toml").read_bytes())
    with pytest.raises(InputError, match="must be of this run's model"):
        load_run(tmp_path / "one")
