"""Headers of GGUF files: what they say and hold, in bounded memory, or one line."""

import struct

import pytest

from optimoe.app.main import main
from optimoe.arch.checkpoint.gguf.header import BLOCKS, read_gguf
from optimoe.arch.checkpoint.gguf.held import gguf_files, gguf_model
from optimoe.arch.hf import from_config
from optimoe.core.errors import InputError, UnknownNameError
from tests.arch.checkpoint.files import gguf_bytes, gguf_text
from tests.arch.small_configs import small_config

F32, Q4 = (0, 1, 4), (2, 32, 18)
SAID = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.context_length": 128,
    "llama.expert_count": 4,
    "llama.expert_used_count": 2,
    "tokenizer.ggml.tokens": ["a", "bc", ""],
    "tokenizer.chat_template": "x" * 5000,
}
TENSORS = {
    "token_embd.weight": (*Q4, (64, 96)),
    "blk.0.attn_q.weight": (*F32, (64, 64)),
    "blk.0.attn_norm.weight": (*F32, (64,)),
    "blk.0.ffn_gate_inp.weight": (*F32, (64, 4)),
    "blk.0.ffn_up_exps.weight": (*Q4, (64, 32, 4)),
    "output_norm.weight": (*F32, (64,)),
    "rope_freqs.weight": (*F32, (8,)),
}


def written(folder, name="m.gguf", pairs=SAID, tensors=TENSORS, **how):
    (folder / name).write_bytes(gguf_bytes(pairs, tensors, **how))
    return folder / name


def test_a_header_says_the_model_and_its_tensors_and_keeps_no_lists(tmp_path):
    header = read_gguf(written(tmp_path))
    assert header.version == 3
    assert set(SAID) - set(header.pairs) == {"tokenizer.ggml.tokens", "tokenizer.chat_template"}
    first = header.tensors[0]
    assert (first.name, first.dtype, first.shape, first.num_bytes) == (
        "token_embd.weight",
        "Q4_0",
        (96, 64),
        96 * 2 * 18,
    )


def test_parameters_and_bytes_are_told_by_type_and_by_part(tmp_path):
    model = gguf_model(gguf_files(written(tmp_path)))
    assert (model.architecture, model.num_layers, model.d_model, model.num_experts, model.top_k) == (
        "llama",
        2,
        64,
        4,
        2,
    )
    assert model.types["Q4_0"].params == 96 * 64 + 64 * 32 * 4
    assert model.types["Q4_0"].num_bytes == model.types["Q4_0"].params // 32 * 18
    assert {name: part.params for name, part in model.parts.items()} == {
        "buffer": 8,
        "norms": 128,
        "embedding": 96 * 64,
        "router": 256,
        "routed_experts": 64 * 32 * 4,
        "mixers": 64 * 64,
    }
    assert model.params == sum(part.params for name, part in model.parts.items() if name != "buffer")


def test_pieces_are_one_model_and_a_missing_one_is_named(tmp_path):
    half = list(TENSORS.items())
    for number, some in ((1, half[:3]), (2, half[3:])):
        written(tmp_path, f"m-0000{number}-of-00002.gguf", tensors=dict(some))
    model = gguf_model(gguf_files(tmp_path))
    assert (model.name, model.num_files, model.num_tensors) == ("m", 2, len(TENSORS))
    (tmp_path / "m-00001-of-00002.gguf").unlink()
    with pytest.raises(InputError, match=r"is one of 2 pieces, m-00001-of-00002\.gguf missing"):
        gguf_files(tmp_path)


def test_a_folder_of_several_models_asks_for_a_name_and_leaves_encoders_out(tmp_path):
    written(tmp_path, "a.gguf")
    written(tmp_path, "mmproj-a.gguf")
    assert [path.name for path in gguf_files(tmp_path)] == ["a.gguf"]
    written(tmp_path, "b.gguf")
    with pytest.raises(InputError, match=r"several GGUF models, a\.gguf and b\.gguf: name one"):
        gguf_files(tmp_path)


def test_a_tied_embedding_that_stands_twice_is_a_copy(tmp_path):
    tensors = TENSORS | {"output.weight": (*F32, (64, 512))}
    tied = from_config(small_config("llama") | {"tie_word_embeddings": True}, "x")
    model = gguf_model([written(tmp_path, tensors=tensors)], tied)
    assert model.parts["copy"].params == 64 * 512
    assert "unembedding" not in model.parts


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: b"GGML" + file[4:], "must begin with GGUF"),
        (lambda file: file[:4] + struct.pack("<I", 1) + file[8:], "version: must be 2 or 3, got 1"),
        (lambda file: file[:4] + struct.pack(">I", 3) + file[8:], "version: must be 2 or 3"),
        (lambda file: file[:8] + struct.pack("<Q", 2**62) + file[16:], "tensors: must be at most 200000"),
        (lambda file: file[:16] + struct.pack("<Q", 2**40) + file[24:], "pairs: must be at most 100000"),
        (lambda file: file[:100], "is cut off"),
        (lambda file: file[:-4000], "must hold .* bytes of tensors"),
        (lambda file: file.replace(b"llama.block_count", b"llama.block_cou\xff\xfe"), "key: not UTF-8"),
        (lambda file: file.replace(b"blk.0.attn_norm.weight", b"blk.0.attn_norm.weighx"), ""),
        (lambda file: b"", "is cut off"),
    ],
)
def test_a_damaged_file_is_one_line(damage, words, tmp_path):
    path = written(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    if not words:
        assert read_gguf(path)
        return
    with pytest.raises(InputError, match=words) as caught:
        read_gguf(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_type_and_tensors_that_overlap_or_stand_twice_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="99"):
        read_gguf(written(tmp_path, tensors={"a": (99, 1, 4, (8,))}))
    with pytest.raises(InputError, match="whole blocks of 32 values in Q4_0"):
        read_gguf(written(tmp_path, tensors={"a": (*Q4, (33, 2))}))
    with pytest.raises(InputError, match="stands twice"):
        content = gguf_bytes({}, {"a": (*F32, (8,)), "b": (*F32, (8,))})
        (tmp_path / "t.gguf").write_bytes(content.replace(gguf_text("b"), gguf_text("a")))
        read_gguf(tmp_path / "t.gguf")
    with pytest.raises(InputError, match="b: must begin behind byte 32"):
        content = gguf_bytes({}, {"a": (*F32, (8,)), "b": (*F32, (8,))})
        at = content.index(gguf_text("b")) + len(gguf_text("b")) + 4 + 8 + 4
        (tmp_path / "t.gguf").write_bytes(content[:at] + struct.pack("<Q", 0) + content[at + 8 :])
        read_gguf(tmp_path / "t.gguf")


def test_types_are_those_of_the_package_that_writes_them():
    constants = pytest.importorskip("gguf.constants", reason="needs gguf, of the extra export")
    theirs = {kind.value: (kind.name, *size) for kind, size in constants.GGML_QUANT_SIZES.items()}
    assert {kind: theirs[kind] for kind in BLOCKS if kind in theirs} == BLOCKS


def test_arch_tells_a_file_and_refuses_it_beside_others(tmp_path, capsys):
    path = written(tmp_path)
    main(["arch", str(path)])
    out = " ".join(capsys.readouterr().out.split())
    assert "m: llama, 2 layers of 64, 4 experts, of which a token takes 2, 128 tokens" in out
    assert "without a config.json beside them nothing is compared" in out
    for words in (["arch", str(path), "mixtral-8x7b"], ["cost", str(path), "--gpus", "1xh100"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
