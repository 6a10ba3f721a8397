"""llama.cpp in this process, where ``xllamacpp`` is installed."""

import json
import urllib.request
from contextlib import contextmanager

import pytest


@contextmanager
def served(path):
    """Answers of llama.cpp's server to requests on a file, in float32 throughout."""
    engine = pytest.importorskip("xllamacpp", reason="llama.cpp itself is needed: pip install xllamacpp")
    how = engine.CommonParams()
    how.model.path = str(path)
    how.n_ctx, how.n_parallel, how.warmup, how.verbosity = 256, 1, False, -1
    how.cpuparams.n_threads = 1
    how.cache_type_k = how.cache_type_v = engine.ggml_type.GGML_TYPE_F32
    how.flash_attn_type = engine.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = engine.Server(how)

    def ask(place, **request):
        body = json.dumps(request).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{server.listening_address}/{place}", body, headers)
        ) as answer:
            return json.load(answer)

    yield ask


def ids_of(ask, text):
    """The ids of a text, with what is put before it."""
    return ask("tokenize", content=text, add_special=True)["tokens"]


def greedy(ask, text, num_tokens):
    """The most probable tokens after a text, one by one."""
    return ask("completion", prompt=text, n_predict=num_tokens, temperature=0, return_tokens=True)["tokens"]
