"""The page, in a browser without a window: where there is one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = pytest.mark.once

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Browser) -> Iterator[Callable[..., Page]]:
    """The page of a gateway; what goes wrong on it, or is fetched from elsewhere, fails the test."""
    contexts, wrong = [], []

    def told(kind: str, text: str, refused: str) -> None:
        if kind == "error" and refused not in text:
            wrong.append(text)

    def opened(base: str, refused: str = "never", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: told(said.type, said.text, refused))
        page.on("request", lambda asked: None if asked.url.startswith((base, "data:")) else wrong.append(asked.url))
        page.goto(base)
        expect(page.get_by_label("Model")).to_have_value("hash-1")
        return page

    expect.set_options(timeout=30_000)
    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def ink(page: Page) -> int:
    """Pixels of the chart that are drawn on."""
    drawn: int = page.evaluate(
        """() => {
            const canvas = document.querySelector("#chart canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.filter((value, at) => at % 4 === 3 && value > 0).length;
        }"""
    )
    return drawn


def test_an_answer_as_it_comes(gateway: Any, show: Callable[..., Page]) -> None:
    page = show(gateway.base)
    empty = ink(page)
    page.get_by_label("Most tokens").fill("8")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_have_text("Ended: as many tokens as were asked for.")
    assert len(page.locator("#answer").inner_text().split()) == 8
    assert page.locator("#tokens").inner_text() == "8"
    for figure in ("#ttft", "#median", "#longest"):
        assert re.fullmatch(r"[\d.]+ ms", page.locator(figure).inner_text())
    assert float(page.locator("#rate").inner_text()) > 0
    assert page.get_by_role("img", name="7 of them").is_visible()
    assert ink(page) > empty
    pools = page.get_by_role("listitem")
    expect(pools).to_have_count(2)
    assert re.search(r"new at revision 0\.6\.0", pools.nth(0).inner_text())
    assert re.search(r"\d+ allocated\s+\d+ cached\s+\d+ free ; 0 running", pools.nth(1).inner_text())


def test_what_is_refused_is_told(gateway: Any, show: Callable[..., Page]) -> None:
    page = show(gateway.base, refused="status of 400")
    page.evaluate("document.getElementById('ask').noValidate = true")
    page.get_by_label("Most tokens").fill("-1")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("max_tokens: must be")


def test_by_keyboard(start: Callable[..., Any], show: Callable[..., Page]) -> None:
    gateway = start("slow --token-ms=100")
    page = show(gateway.base)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Hi")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("there")
    expect(page.get_by_label("Prompt")).to_have_value("Hi\nthere")
    page.keyboard.press("Enter")
    expect(page.locator("#tokens")).to_have_text(re.compile("[2-9]"))
    expect(page.get_by_role("listitem")).to_contain_text("1 running")
    page.keyboard.press("Escape")
    expect(page.get_by_role("status")).to_have_text("Stopped.")
    expect(page.get_by_role("listitem")).to_contain_text("0 allocated")
    gateway.until_idle()
    for name in ("Model", "Most tokens"):
        page.keyboard.press("Tab")
        expect(page.get_by_label(name)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send")).to_be_focused()


def test_an_engine_that_dies(start: Callable[..., Any], show: Callable[..., Page]) -> None:
    gateway = start("slow --token-ms=100")
    page = show(gateway.base)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#tokens")).to_have_text(re.compile("[1-9]"))
    gateway.engines[0].kill()
    expect(page.get_by_role("status")).to_have_text("the engine went away")
    expect(page.get_by_role("listitem")).to_contain_text("is away")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_on_any_screen(gateway: Any, show: Callable[..., Page], width: int, scheme: Any) -> None:
    page = show(gateway.base, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_have_text(re.compile("Ended"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(page.get_by_role("button", name=name).bounding_box()["height"] >= 44 for name in ("Send", "Stop"))
    shades = [
        page.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).slice(0, 3).reduce((a, b) => +a + +b, 0)")
        for name in ("color", "backgroundColor")
    ]
    assert (shades[0] < shades[1]) is (scheme == "light")
