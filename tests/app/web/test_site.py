"""Who may ask, how much, and what stands around an answer."""

import http.client
import json
import threading
import time
from contextlib import closing

import pytest
import uvicorn
from starlette.testclient import TestClient

from optimoe.app.web import desk
from optimoe.app.web.limits import WebLimits
from optimoe.app.web.site import site
from optimoe.core.errors import ConfigError
from tests.app.web import slow

HERE = "http://127.0.0.1:8080"
QUICK = {"workers": 1, "waiting": 0}


def client(**limits):
    return TestClient(site(WebLimits(**limits)), base_url=HERE)


@pytest.fixture
def echo(monkeypatch):
    """Answers are what was asked, without a process."""

    async def run(function, name, body, **others):
        return slow.echoing(name, body)

    monkeypatch.setattr(desk.to_process, "run_sync", run)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST"])
def test_a_server_answers_under_its_own_names(echo, host):
    assert client().post("/api/v1/cost", json={}, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "line"),
    [
        ({"host": "evil.example"}, "host: must be 127.0.0.1 or localhost, got 'evil.example'"),
        ({"host": "evil.example:8080"}, "host: must be"),
        ({"host": "127.0.0.1.evil.example"}, "host: must be"),
        ({"host": "127.0.0.1:9"}, "host: must be"),
        ({"host": "127.0.0.1:x"}, "host: must be"),
        ({"host": ""}, "host: must be"),
        ({"origin": "http://evil.example"}, "origin: must be http://127.0.0.1:8080, got 'http://evil.example'"),
        ({"origin": "null"}, "origin: must be"),
        ({"origin": "https://127.0.0.1:8080"}, "origin: must be"),
    ],
)
def test_another_host_and_a_page_of_another_site_are_refused(echo, headers, line):
    found = client().post("/api/v1/cost", json={}, headers=headers)
    assert found.status_code == 403 and found.json()["error"].startswith(line)


def test_a_page_of_this_server_may_ask(echo):
    assert client().post("/api/v1/cost", json={}, headers={"origin": HERE}).status_code == 200


def test_elsewhere_than_on_this_machine_a_token_is_needed(echo):
    with pytest.raises(ConfigError, match="token: must be stated where other machines may ask"):
        WebLimits(host="0.0.0.0")
    asked = client(host="0.0.0.0", token="secret")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret"}):
        assert asked.post("/api/v1/cost", json={}, headers=headers).status_code == 401
    right = {"authorization": "Bearer secret", "host": "gpu-7.lab.example:8080"}
    assert asked.post("/api/v1/cost", json={}, headers=right).status_code == 200


def test_nothing_from_elsewhere_is_run_in_a_browser_and_no_other_site_reads_an_answer(echo):
    for found in (
        client().post("/api/v1/cost", json={}),
        client().get("/nothing"),
        client().get("/api/v1/openapi.json"),
    ):
        policy = found.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert "access-control-allow-origin" not in found.headers
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["content-type"].startswith("application/json")


def test_what_is_not_there_too_large_or_no_json_is_one_line(echo):
    asked = client(body_bytes=100)
    assert asked.get("/etc/passwd").json() == {"error": "/etc/passwd: not found"}
    assert asked.get("/api/v1/cost").status_code == 405
    assert asked.post("/api/v1/train", json={}).status_code == 404
    large = asked.post(
        "/api/v1/cost", content=b'{"a": "' + b"x" * 200 + b'"}', headers={"content-type": "application/json"}
    )
    assert (large.status_code, large.json()) == (413, {"error": "body: must be at most 100 bytes"})
    form = asked.post("/api/v1/cost", data={"gpus": "8xh100"})
    assert form.status_code == 415 and form.json() == {"error": "content-type: must be application/json"}


def test_a_question_is_answered_in_a_process_of_its_own():
    with client(**QUICK) as asked:
        found = asked.post("/api/v1/laws/show", json={"law": "yun2024-loss"})
    assert found.status_code == 200 and found.json()["law"]["name"] == "yun2024-loss"


def test_a_question_that_takes_too_long_is_given_up_and_the_next_one_answered(monkeypatch):
    with client(**QUICK, answer_s=0.5) as asked:
        monkeypatch.setattr(desk, "answered", slow.sleeping)
        found = asked.post("/api/v1/cost", json={})
        assert (found.status_code, found.json()["error"][:23]) == (504, "cost: took longer than ")
    with client(**QUICK) as asked:
        monkeypatch.setattr(desk, "answered", slow.echoing)
        assert asked.post("/api/v1/cost", json={"a": 1}).json() == {"a": 1}


def test_a_process_that_dies_is_told_and_replaced(monkeypatch):
    with client(**QUICK) as asked:
        monkeypatch.setattr(desk, "answered", slow.dying)
        assert asked.post("/api/v1/cost", json={}).status_code == 503
        monkeypatch.setattr(desk, "answered", slow.echoing)
        assert asked.post("/api/v1/cost", json={"a": 1}).status_code == 200


def test_a_fault_of_the_server_tells_nobody_its_traceback_and_is_in_its_log(monkeypatch):
    with client(**QUICK) as asked:
        monkeypatch.setattr(desk, "answered", slow.failing)
        with pytest.raises(ZeroDivisionError):  # as the server that runs it sees it, and logs it
            asked.post("/api/v1/cost", json={})
    with TestClient(asked.app, base_url=HERE, raise_server_exceptions=False) as asked:
        found = asked.post("/api/v1/cost", json={})
    assert (found.status_code, found.json()) == (500, {"error": "the server failed; its log says where"})
    assert "default-src 'none'" in found.headers["content-security-policy"]


@pytest.fixture
def listening():
    """The port of a server of one process that listens."""
    server = uvicorn.Server(uvicorn.Config(site(WebLimits(workers=1)), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def test_a_browser_that_closes_while_its_question_waits_is_not_answered(listening, monkeypatch, tmp_path):
    monkeypatch.setattr(desk, "answered", slow.noting)
    notes, go = tmp_path / "notes", tmp_path / "go"

    def asked(word):
        connection = http.client.HTTPConnection("127.0.0.1", listening, timeout=60)
        headers = {"Content-Type": "application/json", "Host": "localhost"}
        body = json.dumps({"notes": str(notes), "go": str(go), "word": word})
        connection.request("POST", "/api/v1/cost", body, headers)
        return closing(connection)

    with asked("a") as first:
        while not notes.exists():
            time.sleep(0.01)
        with asked("b"):
            time.sleep(0.1)
        with asked("c") as last:
            time.sleep(0.1)
            go.touch()
            assert (first.getresponse().status, last.getresponse().status) == (200, 200)
    assert notes.read_text() == "ac"


def test_more_questions_than_may_wait_are_refused(monkeypatch):
    monkeypatch.setattr(desk, "answered", slow.sleeping)
    with client(**QUICK, answer_s=3) as asked:
        first = threading.Thread(target=lambda: asked.post("/api/v1/cost", json={}))
        first.start()
        time.sleep(0.5)
        found = asked.post("/api/v1/cost", json={})
        first.join()
    assert found.status_code == 429 and found.headers["retry-after"] == "1"
    assert json.loads(found.text)["error"].startswith("busy: 1 questions")
