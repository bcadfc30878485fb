"""A real browser: Debian's Chromium, driven by playwright."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
REQUIRED = os.environ.get("NOTIFYAUDIT_REQUIRE_SERVICES") == "1"

# Headless in a container, and silent: a browser under test asks nobody on the internet anything.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(what: str) -> None:
    """Skip, saying why; fail where the services must be there."""
    if REQUIRED:
        pytest.fail(f"{what}, and NOTIFYAUDIT_REQUIRE_SERVICES=1 asks for it", pytrace=False)
    pytest.skip(what)


def violations(page: "Page", tags: list[str] | None = None) -> list[tuple[str, list[str]]]:
    """What axe finds on a page that keeps people out: the rule, and where. Tags say by which rules."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python is not installed")
    options = {"runOnly": {"type": "tag", "values": tags}} if tags else None
    found = Axe().run(page, options=options).response["violations"]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A running Chromium, for as long as the block lasts."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    if not CHROMIUM.exists():
        missing(f"there is no Chromium at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
