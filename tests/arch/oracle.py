"""The oracle: every causal language model of ``transformers``, built on the meta device, against our reading.

A configuration is *exact* where the parameters that we count are those that its class builds, *refused* where we
say so in one line, and *wrong* otherwise. Of a wrapper its decoder with the head is compared.
"""

import copy
import json
import random
import re
import warnings
from dataclasses import dataclass
from itertools import product

import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers.models.auto import modeling_auto as auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from optimoe.arch.hf import from_config
from optimoe.arch.hf.read import fields_read
from optimoe.arch.hf.types.wrappers import wrappers
from optimoe.arch.params import count_params
from optimoe.core.config import load_facts
from optimoe.core.errors import InputError
from tests.meta import of_language, without_storage

transformers.logging.set_verbosity_error()
warnings.filterwarnings("ignore", module="transformers")

CAUSAL = tuple(sorted(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))
"""Every type with a causal language model's class."""
_ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
_QSA = {
    "indexer_n_heads": 4, "indexer_kv_heads": 1, "indexer_head_dim": 256, "indexer_budget": 2048,
    "indexer_compress_ratio": 4,
}  # fmt: skip
_COMPASS = {"rope_parameters": {"full_attention": _ROPE, "sliding_attention": _ROPE}}
MINIMAL: dict[str, dict] = {
    "cohere_compass": {"text_config": _COMPASS},
    "cohere_compass_text": _COMPASS,
    "deepseek_v2": {"num_experts_per_tok": 6},
    "deepseek_ocr2": {"text_config": {"mlp_layer_types": ["dense"] + ["sparse"] * 11, "num_hidden_layers": 12}},
    "dots1": {"n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 2},
    "emu3": {"text_config": {}, "vocabulary_map": {"<image>": 1}},
    "gemma4_assistant": {
        "text_config": {
            "hidden_size_per_layer_input": 0,
            "vocab_size_per_layer_input": 0,
            "num_kv_shared_layers": 30,
            "model_type": "gemma4_text",
        }
    },
    "hunyuan_v1_dense": {"head_dim": 128},
    "hunyuan_v1_moe": {"head_dim": 128, "num_experts": 8, "moe_topk": 2},
    "hunyuan_vl": {"text_config": {"head_dim": 128}},
    "lfm2_moe": {"layer_types": (["conv", "conv", "full_attention", "conv"] * 8)},
    "ministral": {"head_dim": 128},
    "nemotron": {"num_key_value_heads": 8},
    "qwen4_exp": {"text_config": _QSA},
    "qwen4_exp_text": _QSA,
    "reformer": {"is_decoder": True},
}
"""Fields beside the defaults of a class that alone does not build, or leaves open what is active."""
UNCOUNTED = {
    "_name_or_path", "architectures", "bos_token_id", "chunk_size_feed_forward", "dtype", "eos_token_id",
    "id2label", "initializer_range", "is_encoder_decoder", "label2id", "model_type", "output_attentions",
    "output_hidden_states", "pad_token_id", "problem_type", "quantization_config", "return_dict", "torch_dtype",
    "transformers_version", "use_cache",
}  # fmt: skip
ACTS = ("silu", "gelu", "relu", "relu2")
CLASSES = (
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES", "MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES",
    "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_PRETRAINING_MAPPING_NAMES",
)  # fmt: skip
TRIES = 12
"""Mutations that are tried for each one that the class builds."""
FAILURES = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NotImplementedError, RuntimeError,
    StrictDataclassError, TypeError, ValueError,
)  # fmt: skip
"""What a class raises of a configuration that it does not build."""


@dataclass(frozen=True)
class Verdict:
    """What became of one configuration.

    Attributes:
        word: ``exact``, ``refused`` or ``wrong``, which a count of what no class builds is too.
        change: What was changed in the class's own configuration; empty where nothing was.
        built: Parameters that the class builds; 0 where it builds none.
        said: Our count, or the line of our refusal.
    """

    word: str
    change: str
    built: int
    said: str


def every_type():
    """Every type that is asked: causal classes, and wrappers of language models."""
    return sorted({*CAUSAL, *wrappers()})


def kind(model_type, config):
    """``routed``, ``dense`` (decoders without experts) or ``others`` (encoders, halves of models, wrappers)."""
    facts = load_facts("optimoe.arch", "types.toml")
    if model_type in (*facts["encoders"], *facts["encoder_decoders"], *facts["wrappers"]):
        return "others"
    sizes = [value for name, value in config.items() if re.search("experts$|_experts_|^moe_num_experts", name)]
    return "routed" if any(isinstance(size, int) and size > 1 for size in sizes) else "dense"


def own_config(model_type):
    """The configuration of a class's own defaults, as its ``config.json`` would hold it."""
    made = CONFIG_MAPPING[model_type](**copy.deepcopy(MINIMAL.get(model_type, {})))
    return json.loads(made.to_json_string(use_diff=False)) | {"model_type": model_type}


def counted(config):
    """Our count, or the line with which we refuse."""
    try:
        return count_params(from_config(config, "x")).total
    except InputError as error:
        line = str(error)
        assert line
        assert "\n" not in line
        assert len(line) <= 300
        return line


def built(config):
    """Parameters of what the class of a configuration builds; of a wrapper those of its language model."""
    config = _numbers(copy.deepcopy(config))
    model_type = config.pop("model_type")
    made = CONFIG_MAPPING[model_type].from_dict(config)
    if model_type == "dbrx":  # its attention reads the RoPE base from a place that its configuration lacks
        made.attn_config.rope_theta, made.rope_parameters = _ROPE["rope_theta"], _ROPE
    text = made.get_text_config(decoder=True) if model_type in wrappers() else made
    for part in {id(made): made, id(text): text}.values():
        pad, vocab = getattr(part, "pad_token_id", None), getattr(part, "vocab_size", None)
        if isinstance(pad, int) and isinstance(vocab, int) and pad >= vocab:
            part.pad_token_id = None  # of which a small vocabulary has no row
    with without_storage():
        if model_type in wrappers():
            return _language(made, text, model_type)
        return trained([_class_of(model_type)(made)])


def _numbers(value):
    """A configuration with numbers that are none in JSON as Python has them."""
    if isinstance(value, dict):
        return float(value["__float__"]) if "__float__" in value else {k: _numbers(v) for k, v in value.items()}
    return [_numbers(item) for item in value] if isinstance(value, list) else value


def _class_of(model_type):
    for mapping in CLASSES:
        name = getattr(auto, mapping).get(model_type)
        name = name[0] if isinstance(name, tuple | list) else name
        if name and (model_type in wrappers() or "CAUSAL_LM" in mapping):
            return getattr(transformers, name)
    raise NotImplementedError(model_type)


def _language(made, text, model_type):
    """Parameters of a wrapper's decoder and its head; built alone where what is around it does not build."""
    names = ("language_model", "text_model")
    try:
        model = _class_of(model_type)(made)
    except FAILURES:
        inner = getattr(made, wrappers()[model_type].part)
        if getattr(inner, "model_type", "") in wrappers():  # a model of several around one of several
            return _language(inner, text, inner.model_type)
        tied = getattr(text if wrappers()[model_type].tie == "inner" else made, "tie_word_embeddings", False)
        decoder = transformers.AutoModel.from_config(text)
        return trained([decoder]) + (0 if tied else text.vocab_size * text.hidden_size)
    model = getattr(model, "thinker", model)
    found = [part for name, part in model.named_modules() if name.rpartition(".")[2] in names]
    head = model.get_output_embeddings()
    return trained([found[0] if found else model.get_decoder(), *([] if head is None else [head])])


def trained(modules):
    """What training moves of language models."""
    found = {id(one): one for module in modules for one in of_language(module)}
    inner = {id(one): one for module in modules for one in module.modules()}
    return sum(parameter.numel() for parameter in found.values()) - sum(map(_unread, inner.values()))


def _unread(module):
    """Rows that LongCat-Flash's class allots to choices without weights and never reads."""
    if type(module).__name__ != "LongcatFlashExperts" or module.gate_up_proj is None:
        return 0
    return module.gate_up_proj[module.num_routed_experts :].numel()


def mutated(config, chance):
    """A configuration with one to three fields changed, and what was."""
    changed = copy.deepcopy(config)
    part = wrappers()[config["model_type"]].part if config["model_type"] in wrappers() else ""
    words = []
    for _ in range(chance.randint(1, 3)):
        inside = part and isinstance(changed.get(part), dict)
        table = changed[part] if inside and chance.random() < 0.9 else changed
        if table is changed and part:
            name = "tie_word_embeddings"
        else:
            name = chance.choice([key for key in table if key not in UNCOUNTED])
        if table is not changed and isinstance(table.get("text_config"), dict):
            table = table["text_config"]
            name = chance.choice([key for key in table if key not in UNCOUNTED])
        old = table.get(name)
        if chance.random() < 0.15 and name in table:
            del table[name]
            words.append(f"{name} absent")
            continue
        options = [value for value in _others(name, old) if value != old or type(value) is not type(old)]
        if options:
            table[name] = chance.choice(options)
            words.append(f"{name} {old} → {table[name]}")
    return changed, "; ".join(words)


def _others(name, value):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value * 2, value + 1, max(1, value // 2), None] if value else [1, 2, 8]
    if value is None:
        return [True, 1, 4, 64]
    if isinstance(value, str):
        return list(ACTS) if "act" in name else []
    if isinstance(value, list) and value:
        return [value[::-1], value[:1] * len(value), value[-1:] * len(value)]
    return []


def verdict(config, change, number):
    """Our count of a configuration, against what its class builds."""
    ours = counted(config)
    return Verdict(word(ours, number), change, number, str(ours))


def word(ours, number):
    """What a count or a refusal is, where a number of parameters is built."""
    return "refused" if isinstance(ours, str) else "exact" if ours == number else "wrong"


def verdicts(model_type, mutants, seed=0):
    """The verdict on a class's own configuration, and on seeded mutations of it that the class builds.

    A mutation that the class does not build says nothing, and another takes its place.
    """
    config = own_config(model_type)
    try:
        found = [verdict(config, "", built(config))]
    except FAILURES:
        return [verdict(config, "", 0)]
    chance = random.Random(f"{model_type} {seed}")
    for _ in range(mutants * TRIES):
        if len(found) > mutants:
            break
        other, change = mutated(config, chance)
        if not change:
            continue
        try:
            number = built(other)
        except FAILURES:
            continue
        found.append(verdict(other, change, number))
    return found


def verdicts_on_tying(model_type):
    """The verdicts on a wrapper that says of its head what its language model's table says, or the opposite."""
    found, part = [], wrappers()[model_type].part
    for outer, inner in product((False, True), repeat=2):
        config = own_config(model_type) | {"tie_word_embeddings": outer}
        if isinstance(config.get(part), dict):
            config[part] = config[part] | {"tie_word_embeddings": inner}
        try:
            found.append(verdict(config, f"tied: {outer}, in the table: {inner}", built(config)))
        except FAILURES:
            continue
    return found


def result(model_type, mutants=3, seed=0):
    """What becomes of a type, as the table of families keeps it."""
    found = verdicts(model_type, mutants, seed)
    own, config = found[0], own_config(model_type)
    line = own.said.partition(" (")[0] if own.word == "refused" else ""
    return {
        "kind": kind(model_type, config),
        "own": own.word,
        "built": own.built,
        "refusal": line,
        "fields": sorted(name for name in fields_read(config) if _states(config, name)) if not line else [],
        "mutants": [one.word for one in found[1:]],
        "wrong": [
            f"{one.change}: {one.built:,} built, {one.said} counted" for one in found if one.word == "wrong"
        ],
    }


def _states(config, name):
    """Whether a configuration, or the table of its language model, has a field."""
    part = wrappers()[config["model_type"]].part if config["model_type"] in wrappers() else ""
    inner = config.get(part) if part else config
    if isinstance(inner, dict) and isinstance(inner.get("text_config"), dict):
        inner = inner["text_config"]
    return isinstance(inner, dict) and inner.get(name.partition(".")[0]) is not None
