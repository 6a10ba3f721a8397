"""A corpus, a run and its options, so small that a test trains in a second."""

import os
import random
import socket
from dataclasses import replace

import torch
from torch import multiprocessing

from optimoe.core.errors import OptimoeError
from optimoe.core.provenance import utc_now
from optimoe.core.run import RunSpec, Schedule
from optimoe.trainer.checkpoints.state import Progress, load_state, save_state
from optimoe.trainer.corpus.make import make_corpus
from optimoe.trainer.corpus.tokenizers import ByteTokenizer
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.results.folder import open_run
from optimoe.trainer.setup import make_model
from optimoe.trainer.steps.optimizers import make_optimizers

WORDS = ("the", "router", "sends", "a", "token", "to", "experts", "and", "gates", "sum", "them", "in", "float32")
ARCHITECTURE = {
    "model_type": "mixtral",
    "vocab_size": 257,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "intermediate_size": 16,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "tie_word_embeddings": False,
}
HEADS = {"kind": "attention", "num_heads": 2, "num_kv_heads": 1, "head_dim": 8}
OWN = {
    "model_type": "optimoe",
    "vocab_size": 257,
    "d_model": 16,
    "num_positions": 32,
    "layers": [
        {"num_layers": 2, "mixer": HEADS, "ffn": {"kind": "moe", "num_experts": 4, "top_k": 2, "d_expert": 8}},
        {
            "num_layers": 1,
            "mixer": HEADS | {"qk_norm": "full"},
            "ffn": {"kind": "peer", "num_keys": 8, "num_heads": 2, "top_k": 2, "d_key": 8},
        },
    ],
    "model": {
        "layer_routers": [{"layers": [0], "router": {"kind": "top_k", "score": "softmax"}}],
        "norm_eps": 1e-5,
        "activation": "gelu",
    },
}
"""Routers of single layers, product keys, learned positions: what no family of ``config.json`` expresses."""
QUIET = TrainOptions(device="cpu", threads=1, evaluations=2, eval_tokens=600, checkpoint_steps=4)


def write_text(folder, num_files=40, seed=0):
    """Files of a few sentences each."""
    drawn = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num_files):
        text = " ".join(drawn.choices(WORDS, k=drawn.randint(20, 120)))
        (folder / f"{number:03}.txt").write_text(text, encoding="utf-8")
    return folder


def corpus_at(folder, **options):
    return make_corpus(folder / "corpus", [write_text(folder / "text")], held_out_share=0.1, **options)[0]


def make_run(steps=12, **fields):
    run = RunSpec(
        name="small",
        architecture=ARCHITECTURE,
        tokens=steps * 128,
        batch_tokens=128,
        seq_len=32,
        schedule=Schedule(peak_rate=3e-3, warmup_tokens=256),
        precision="fp32",
    )
    return replace(run, **fields)


def save_run(folder, tokenizer=None, steps=(4,), **fields):
    """A run's folder as training leaves it, with weights that say something different at every token."""
    tokenizer = tokenizer or ByteTokenizer()
    run = make_run(**{"init_std": 0.3} | fields)
    with open_run(folder, run, len(steps)) as place:
        place.keep_tokenizer(tokenizer)
        model = make_model(run, torch.device("cpu"), tokenizer.vocab_size)
        for name, buffer in model.named_buffers():
            if name.endswith("balance_bias_E"):
                buffer.normal_(std=0.3)
        optimizers = make_optimizers(model, run.optimizer)
        for step in steps:
            place.log({"step": step})
            with place.checkpoints.writing(step) as checkpoint:
                save_state(checkpoint, model, optimizers, None, Progress(started_utc=utc_now(), step=step))
    return model


def under_torchrun(function, folder, number=2):
    """What each of several processes made of a function of its rank: (value, error, exit status), by rank.

    Each has the environment that ``torchrun`` would give it.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        shared = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(number)}
    fork = multiprocessing.get_context("fork")
    outcomes = fork.SimpleQueue()

    def work(rank):
        os.environ |= shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        (folder / f"pid{rank}").write_text(str(os.getpid()))
        torch.set_num_threads(1)
        try:
            outcomes.put((rank, (function(rank), None, 0)))
        except OptimoeError as error:
            outcomes.put((rank, (None, str(error), error.exit_code)))
        except SystemExit as error:
            outcomes.put((rank, (None, None, error.code)))

    workers = [fork.Process(target=work, args=(rank,)) for rank in range(number)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)  # seconds: a rank that waits for a dead one would wait for ever
        if worker.is_alive():
            worker.kill()
    found = dict(outcomes.get() for _ in range(number) if not outcomes.empty())
    return [found.get(rank, (None, None, worker.exitcode)) for rank, worker in enumerate(workers)]


def state_of(folder, run, name="step-9"):
    """Weights and moments of the newest checkpoint, or of the newest up to a name."""
    model = make_model(run, torch.device("cpu"), 257)
    optimizers = make_optimizers(model, run.optimizer)
    newest = max(path for path in (folder / "checkpoints").iterdir() if path.name <= name)
    load_state(newest, model, optimizers, None)
    moments = [tensor for one in optimizers for state in one.state.values() for tensor in state.values()]
    return [*model.state_dict().values(), *moments]


class Stop(BaseException):
    """What a killed process does not survive."""


def stopped_after(steps):
    def watch(report):
        if report.step == steps:
            raise Stop

    return watch
