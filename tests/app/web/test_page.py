"""What is served of the page: its own files with their headers, and nothing else."""

import hashlib
import posixpath
import re
from importlib.resources import files

import pytest
from starlette.testclient import TestClient

from optimoe.app.web.files import page_files
from optimoe.app.web.limits import WebLimits
from optimoe.app.web.site import site
from tests.app.web.test_site import HERE, client

OWN = sorted(path for path in page_files() if "/vendor/" not in path)
IMPORT = re.compile(r"""(?:from|import)\s*\(?["']([^"']+)["']""")
MOST_LINES = 300
MOST_BYTES = 1_500_000
"""Of all that a browser loads, before it is packed."""


def text(path):
    return page_files()[path].body.decode()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page/app.js", "text/javascript; charset=utf-8"),
        ("/page/style.css", "text/css; charset=utf-8"),
        ("/page/vendor/preact.mjs", "text/javascript; charset=utf-8"),
        ("/page/vendor/plotly-basic.min.js", "text/javascript; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
    ],
)
def test_each_file_is_served_as_what_it_is_under_the_strict_policy(path, kind):
    found = client().get(path)
    assert (found.status_code, found.headers["content-type"]) == (200, kind)
    assert "script-src 'self'" in found.headers["content-security-policy"]
    assert "unsafe" not in found.headers["content-security-policy"]
    assert found.content == page_files()[path].body  # as unpacked by the client


def test_a_browser_that_has_a_file_is_told_so_and_asks_again_the_next_time():
    first = client().get("/page/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client().get("/page/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client().get("/page/app.js", headers={"if-none-match": '"other"'}).status_code == 200
    plain = client().get("/page/app.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == first.content


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/index.html",
        "/page/../guard.py",
        "/page/%2e%2e/guard.py",
        "/page/..%2fguard.py",
        "/page/vendor/../../guard.py",
        "/page/vendor/README.md",
        "/page//etc/passwd",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/page/app.js/",
    ],
)
def test_nothing_else_on_the_disk_is_reached(path):
    found = client().get(path, follow_redirects=False)
    assert found.status_code in (307, 404) and b"def " not in found.content and b"root:" not in found.content


def test_the_page_needs_no_token_and_its_questions_do():
    asked = TestClient(site(WebLimits(host="0.0.0.0", token="secret")), base_url=HERE)
    assert asked.get("/").status_code == asked.get("/page/app.js").status_code == 200
    assert asked.get("/api/v1/openapi.json").status_code == 401
    assert asked.get("/page").status_code == 401


def test_every_file_that_a_module_or_the_page_loads_is_served():
    wanted = set(re.findall(r'(?:src|href)="(/[^"]*)"', text("/")))
    for path in page_files():
        if path.endswith(("js", "mjs")) and "plotly" not in path:
            wanted |= {
                posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
                for name in IMPORT.findall(text(path))
            }
    assert "/page/vendor/hooks.mjs" in wanted and "/page/app.js" in wanted
    assert wanted - set(page_files()) == set()


def test_a_short_key_of_the_address_stands_for_one_option_over_all_tabs():
    tabs = [path for path in OWN if re.fullmatch(r"/page/tabs/\w+\.js", path)]
    stated = [re.search(r"export const short = \{(.*?)\};", text(path), re.S)[1] for path in tabs]
    pairs = {pair for one in stated for pair in re.findall(r'(\w+): "(\w+)"', one)}
    options, keys = zip(*pairs, strict=True)
    assert len(tabs) == 4
    assert len(set(options)) == len(options) and len(set(keys)) == len(keys)


@pytest.mark.parametrize("path", OWN)
def test_no_file_of_the_page_names_another_host(path):
    hosts = set(re.findall(r"""(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}""", text(path)))
    assert hosts <= {"http://www.w3.org"}  # the namespace of SVG


def test_modules_stay_short_and_the_whole_small():
    long = {path: text(path).count("\n") for path in OWN if text(path).count("\n") > MOST_LINES}
    assert long == {}
    assert sum(len(one.body) for one in page_files().values()) < MOST_BYTES


@pytest.mark.parametrize("package", ["optimoe.app.web.page", "optimoe.report.pages"])
def test_libraries_of_others_are_what_was_taken_and_have_their_licence(package):
    folder = files(package.removesuffix(".page")) / ("page" if package.endswith(".page") else "") / "vendor"
    rows = re.findall(r"`([\w.-]+)` \|.*`([0-9a-f]{64})`", (folder / "README.md").read_text("utf-8"))
    assert rows
    for name, checksum in rows:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum
        assert (folder / f"{name.partition('.')[0].replace('hooks', 'preact')}.LICENSE").is_file()
