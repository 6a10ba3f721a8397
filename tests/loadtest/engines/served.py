"""Engines at hand, what they are asked, and what the process table says of those who are gone."""

import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

llamacpp = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None,
    reason="llama.cpp itself is needed: pip install 'optimoe[serve]'",
)
transformers = pytest.mark.skipif(
    importlib.util.find_spec("uvicorn") is None, reason="its server is needed: pip install 'transformers[serving]'"
)


def completed(url, model, prompt, num_tokens):
    """The text with which an engine goes on, most probable tokens only."""
    body = {"model": model, "prompt": prompt, "max_tokens": num_tokens, "temperature": 0}
    request = urllib.request.Request(
        f"{url}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["choices"][0]["text"]


def alive(word, within_s=0.0):
    """Processes whose command line holds a word, by number; those that end in so many seconds are waited for."""
    until = time.monotonic() + within_s
    while (found := _holding(word)) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def _holding(word):
    found = {}
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if word in line and int(place.parent.name) != os.getpid():
            found[int(place.parent.name)] = line
    return found


@contextmanager
def command(*words):
    """The command in a process of its own."""
    line = [sys.executable, "-m", "optimoe", *map(str, words)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()  # where a test failed before it ended
