"""The page in a real browser: Chromium by Playwright, where both are installed."""

import csv
import json
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'optimoe[page-tests]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

SMALL = "train_days=7&tg=64xh100-sxm&rs=5&sg=8xh100-sxm&experts=1%2C8%2C32&top_k=2&max_width=4096"
"""A plan of a small space, answered in seconds."""

TABS = {
    "plan": SMALL,
    "compare": "m=mixtral-8x7b,llama-3.1-8b",
    "serve": "m=llama-3.1-8b&g=1xh100-sxm&rs=5",
    "laws": "",
}
"""Of the page, with what is asked; each is opened."""

DESIGN = {
    "model_type": "mixtral", "hidden_size": 2048, "intermediate_size": 2048, "num_hidden_layers": 24,
    "num_attention_heads": 16, "num_key_value_heads": 8, "num_local_experts": 16, "num_experts_per_tok": 2,
    "vocab_size": 131072,
}  # fmt: skip

PATIENCE_MS = 180_000


@pytest.fixture(scope="module")
def address():
    command = [sys.executable, "-m", "optimoe", "web", "--port", "0", "--answer-time", "170"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def page_of(browser, address, query, **others):
    """A page that must ask nobody else, and say nothing in the console but what the server refuses."""
    said, asked = [], []
    context = browser.new_context(**others)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}{query}")
    yield page
    assert [line for line in said if "status of 400" not in line] == []
    here = address.partition("?")[0]
    assert [url for url in asked if not url.startswith((here, "data:", "blob:"))] == []
    context.close()


def whole(page):
    """Wait for the whole answer."""
    page.locator(".progress", has_text="looked at").wait_for()
    page.locator(".figure .main-svg").first.wait_for()


def answered(page, tab):
    """Wait for all that a tab shows."""
    if tab == "plan":
        whole(page)
        return
    page.locator(".answer:not(.stale)").wait_for()
    page.locator(".figure .main-svg").first.wait_for()
    page.wait_for_function("() => document.querySelector('.progress').textContent === ''")


def sentence(page):
    """What the answer decides; how it stands against others depends on how far the search went."""
    return page.locator(".verdict h1").inner_text().partition(";")[0]


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_each_tab_loads_silently_alone_and_within_its_width(browser, address, tab, width, scheme):
    viewport = {"width": width, "height": 900}
    with page_of(browser, address, f"?tab={tab}&{TABS[tab]}", viewport=viewport, color_scheme=scheme) as page:
        page.locator("nav a[aria-current]").wait_for()
        page.wait_for_load_state("networkidle")
        answered(page, tab)
        root = page.locator("html")
        assert root.evaluate("it => it.scrollWidth") == width
        dark = page.locator("body").evaluate("it => getComputedStyle(it).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (scheme == "dark")


def points(page):
    """Where the marks of the front stand."""
    marks = page.locator(".figure").first.locator(".scatterlayer .point")
    return [marks.nth(i).get_attribute("transform") for i in range(marks.count())]


def test_a_slider_changes_the_front_and_the_sentence_and_a_shared_address_restores_them(browser, address):
    with page_of(browser, address, f"?tab=plan&{SMALL}") as page:
        whole(page)
        before, drawn = sentence(page), points(page)
        slider = page.get_by_label("Days, slider")
        slider.focus()
        for _ in range(30):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(600)
        whole(page)
        assert sentence(page) != before and points(page) != drawn
        shared, after = page.url, sentence(page)
        days = page.get_by_label("Days", exact=True).input_value()
        assert float(days) > 7 and f"td={days}" in shared
    with page_of(browser, shared, "") as page:
        whole(page)
        assert page.get_by_label("Days", exact=True).input_value() == days
        assert sentence(page) == after


def test_while_a_slider_is_dragged_one_question_is_underway_at_a_time(browser, address):
    with page_of(browser, address, f"?tab=plan&{SMALL}") as page:
        whole(page)
        asked, answered = [], []
        plan = f"{address}api/v1/plan"
        page.on("request", lambda one: one.url == plan and asked.append(one.post_data_json))
        page.on("response", lambda one: one.url == plan and answered.append(one.status))
        box = page.get_by_label("Days, slider").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        most = 0
        for step in range(40):
            page.mouse.move(box["x"] + box["width"] / 2 + step, box["y"] + box["height"] / 2)
            most = max(most, len(asked) - len(answered))
        assert asked and all(one["quick"] and one["brief"] for one in asked)  # nothing whole while it is held
        assert len(points(page)) > 3  # what stands beside the choice is that of the answer before
        assert most == 1 and len(asked) < 40
        page.mouse.up()
        page.wait_for_timeout(600)
        whole(page)
        assert len([one for one in asked if "quick" not in one]) == 1
        assert len([one for one in asked if "quick" in one and "brief" not in one]) == 1


def test_a_dropped_config_appears_scored_and_is_in_the_address(browser, address, tmp_path):
    (tmp_path / "ours.json").write_text(json.dumps(DESIGN))
    with page_of(browser, address, f"?tab=plan&{SMALL}") as page:
        whole(page)
        page.get_by_label("Drop a config.json").set_input_files(tmp_path / "ours.json")
        page.get_by_role("heading", name="Your own design").nth(1).wait_for()
        whole(page)
        assert page.get_by_text("ours: ").count() and page.get_by_role("rowheader", name="ours").count()
        shared = page.url
        (tmp_path / "bad.json").write_text("[1")
        page.get_by_label("Drop a config.json").set_input_files(tmp_path / "bad.json")
        page.get_by_text("bad.json: must be a config.json").wait_for()
        page.get_by_role("button", name="Remove ours").click()
        page.get_by_role("rowheader", name="ours").first.wait_for(state="detached")
        assert "score" not in page.url
    with page_of(browser, shared, "") as page:
        page.get_by_role("rowheader", name="ours").first.wait_for()


def moved(page, label, presses=12):
    """Moves a slider by the keyboard."""
    page.get_by_label(f"{label}, slider").focus()
    for _ in range(presses):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)


def drawn(page, number=0):
    """The lines and marks of a figure."""
    return page.locator(".figure").nth(number).locator(".main-svg").first.inner_html()


def test_a_config_dropped_into_a_comparison_stands_beside_the_others(browser, address, tmp_path):
    (tmp_path / "ours.json").write_text(json.dumps(DESIGN))
    with page_of(browser, address, f"?tab=compare&{TABS['compare']}") as page:
        answered(page, "compare")
        page.get_by_label("Drop a config.json").set_input_files(tmp_path / "ours.json")
        page.get_by_role("columnheader", name="ours").first.wait_for()
        answered(page, "compare")
        shared, found = page.url, sentence(page)
    with page_of(browser, shared, "") as page:
        answered(page, "compare")
        assert page.get_by_role("columnheader", name="ours").count() and sentence(page) == found


def test_a_slider_of_serving_moves_the_front_and_a_load_shows_fleets(browser, address):
    with page_of(browser, address, f"?tab=serve&{TABS['serve']}") as page:
        answered(page, "serve")
        assert page.get_by_role("rowheader", name="h100-sxm").count()
        before, said = drawn(page), sentence(page)
        moved(page, "Prompt")
        answered(page, "serve")
        assert drawn(page) != before and sentence(page) != said
        page.get_by_label("GPUs", exact=True).fill("1xnothing")
        page.keyboard.press("Tab")
        page.locator(".field .error", has_text="nothing").wait_for()


def test_a_slider_of_a_law_s_variable_answers_while_it_is_dragged(browser, address):
    with page_of(browser, address, "?tab=laws&l=besiroglu2024&x=N") as page:
        answered(page, "laws")
        before, url = drawn(page), page.url
        box = page.get_by_label("D, slider").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=5)
        page.wait_for_function("it => document.querySelector('.figure .main-svg').innerHTML !== it", arg=before)
        assert page.url == url  # the address follows when the hand rests
        page.mouse.up()
        page.wait_for_function("it => location.href !== it && location.search.includes('v_D=')", arg=url)


def test_dropped_runs_are_fitted_and_a_law_is_brought_to_their_level(browser, address, tmp_path):
    rows = [
        f"{size:g},{ratio * size:g},{1.8 + 480 / size**0.348 + 2085 / (ratio * size) ** 0.366:.5f}"
        for size in (2e7, 5e7, 1e8, 3e8, 1e9)
        for ratio in (5, 10, 20, 40, 80)
    ]
    (tmp_path / "runs.csv").write_text("\n".join(["N,D,loss", *rows]))
    with page_of(browser, address, "?tab=laws&ask=runs") as page:
        page.get_by_label("Drop a table of runs").set_input_files(tmp_path / "runs.csv")
        answered(page, "laws")
        assert "describes 25 runs" in page.locator("h1").inner_text()
        assert page.get_by_role("rowheader", name="alpha").count()
        along = page.locator("figure", has_text="L along N")
        along.locator(".main-svg path").first.wait_for(state="attached")
        page.get_by_label("Along", exact=True).select_option("D")
        page.locator("figure", has_text="L along D").locator(".main-svg path").first.wait_for(state="attached")
        page.get_by_label("bring a law to their level").check()
        page.get_by_label("Law", exact=True).select_option("besiroglu2024")
        page.locator("h1", has_text="besiroglu2024-anchored: 25 runs").wait_for()


def test_what_is_wrong_stands_beside_the_field_that_it_names(browser, address):
    with page_of(browser, address, f"?tab=plan&{SMALL}") as page:
        whole(page)
        box, field = page.get_by_label("Prompt tokens", exact=True), page.locator(".field.wrong")
        box.fill("many")
        box.press("Enter")
        field.wait_for()
        assert "input_tokens" in field.locator(".error").inner_text()
        assert box.get_attribute("aria-invalid") == "true"
        box.fill("2048")
        box.press("Enter")
        field.wait_for(state="detached")


def test_the_keyboard_alone_reaches_and_moves_everything(browser, address):
    with page_of(browser, address, f"?tab=plan&{SMALL}") as page:
        whole(page)
        reached = []
        for _ in range(150):
            page.keyboard.press("Tab")
            found = page.evaluate(
                "() => { const it = document.activeElement, style = getComputedStyle(it);"
                " return [it.tagName, it.name || it.textContent.slice(0, 40), style.outlineStyle]; }"
            )
            if found[0] == "BODY":
                break
            reached.append(found)
        names = {name for _, name, _ in reached}
        assert {"To the answer", "Dark", "train_days", "serve_gpus", "law", "Report (HTML)"} <= names
        assert [one for one in reached if one[2] == "none"] == []  # each shows where it is


def exported(page, button):
    with page.expect_download() as found:
        button.click()
    return found.value.path().read_bytes(), found.value.suggested_filename


def test_exports_are_valid_files(browser, address):
    with page_of(browser, address, f"?tab=plan&{SMALL}") as page:
        whole(page)
        record, name = exported(page, page.get_by_role("button", name="Record (JSON)"))
        assert name == "plan.json" and json.loads(record)["choice"]["loss"] > 0
        report, name = exported(page, page.get_by_role("button", name="Report (HTML)"))
        assert name == "plan.html" and report.lower().startswith(b"<!doctype html>")
        picture, name = exported(page, page.get_by_role("button", name="PNG of Loss against dollars"))
        assert name == "front.png" and picture.startswith(b"\x89PNG\r\n") and len(picture) > 10_000
        table, name = exported(page, page.get_by_role("button", name="CSV of At the same loss"))
        rows = list(csv.reader(table.decode().splitlines()))
        assert name == "instead.csv" and len({len(row) for row in rows}) == 1
        assert [row[0] for row in rows[:2]] == ["name", "the choice"] and float(rows[1][1]) > 1e6


def test_a_server_with_a_token_takes_it_from_the_address_once(browser, monkeypatch):
    monkeypatch.setenv("PAGE_TOKEN", "secret-of-a-test")
    command = [sys.executable, "-m", "optimoe", "web", "--port", "0", "--token-variable", "PAGE_TOKEN"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().split()[-1]
            with page_of(browser, address, f"?tab=plan&{SMALL}#token=secret-of-a-test") as page:
                whole(page)
                assert "token" not in page.url
                page.reload()
                whole(page)
            page = browser.new_page()
            page.goto(address)
            page.get_by_text("#token=").wait_for()
            page.close()
        finally:
            server.terminate()


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(browser, address, tab, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # axe is put into the page
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}?tab={tab}&{TABS[tab]}")
    page.locator("nav a[aria-current]").wait_for()
    answered(page, tab)
    found = axe.Axe().run(page).response["violations"]
    serious = [
        f"{one['id']}: {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    context.close()
    assert serious == []


@pytest.mark.parametrize(("tab", "name"), [("compare", "compare"), ("serve", "fleet"), ("laws", "optimoe2026")])
def test_the_report_of_a_tab_is_a_page_to_keep(browser, address, tab, name, tmp_path):
    with page_of(browser, address, f"?tab={tab}&{TABS[tab]}") as page:
        answered(page, tab)
        button = page.get_by_role("button", name=f"{name}, report (HTML)")
        button.wait_for()
        with page.expect_download() as kept:
            button.click()
        kept.value.save_as(tmp_path / "report.html")
        assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
