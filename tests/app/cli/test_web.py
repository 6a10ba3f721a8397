"""``optimoe web``: a server until Ctrl-C."""

import json
import signal
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from optimoe.app.cli.web import web
from optimoe.inputs.web import WebRequest
from tests.app.run import optimoe


def test_a_server_says_where_it_is_answers_and_ends_with_ctrl_c(tmp_path):
    words = [sys.executable, "-m", "optimoe", "web", "--port", "0", "--workers", "1"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as server:
        try:
            page, api = server.stdout.readline(), server.stdout.readline()
            with urlopen(page.split()[-1], timeout=60) as found:
                assert found.headers["content-type"].startswith("text/html")
            address = api.split()[1].rstrip(",")
            asked = Request(
                f"{address}/laws/show", b'{"law": "yun2024-loss"}', {"Content-Type": "application/json"}
            )
            with urlopen(asked, timeout=120) as found:
                assert json.load(found)["law"]["name"] == "yun2024-loss"
            server.send_signal(signal.SIGINT)
            _, said = server.communicate(timeout=60)
        finally:
            server.kill()
    assert (server.returncode, said) == (0, "")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--port", "70000"), "port: must be 0 to 65535, got 70000"),
        (("--workers", "-1"), "workers: must be positive, got -1"),
        (("--token-variable", "NO_SUCH"), "token_variable: NO_SUCH is not set in the environment"),
        (("--host", "203.0.113.1", "--port", "0"), "port: must be free at 203.0.113.1"),
    ],
)
def test_what_cannot_be_is_one_line(words, line):
    done = optimoe("web", *words)
    assert done.returncode == 2 and line in done.stderr and done.stderr.count("\n") == 1


def test_open_shows_the_page_with_the_token_that_it_needs(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    monkeypatch.setattr("optimoe.app.web.serve.serve", lambda limits, begun: begun("http://0.0.0.0:9000"))
    web(WebRequest(host="0.0.0.0", port=9000, open=True))
    web(WebRequest())
    printed = capsys.readouterr().out.split()
    assert len(shown) == 1 and shown[0] in printed and shown[0].startswith("http://0.0.0.0:9000/#token=")
