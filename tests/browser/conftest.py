"""A browser for the tests of the page: Chromium with software WebGL, no network of its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from tests.environment import NODE_MODULES, ROOT, chromium

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
# Machines that run tests are busy.
expect.set_options(timeout=30_000)

#: Pictures that the tests take.
SHOTS = ROOT / "var/shots"
AXE = NODE_MODULES / "axe-core/axe.min.js"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
]


def pixels_of(element: Locator) -> np.ndarray:
    """What an element looks like, uint8[height, width, 3]."""
    image = element.screenshot()
    with warnings.catch_warnings(), MemoryFile(image) as file:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a picture, not a map sheet
        with file.open() as source:
            return np.moveaxis(source.read([1, 2, 3]), 0, -1)


@dataclass
class Visit:
    """One page in one browser context, and all that it said and asked for."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        # A new document even when only the part after # differs.
        self.page.goto("about:blank")
        self.page.goto(self.url + path)

    def drawn(self) -> None:
        """Wait until the map has drawn all that it asked for."""
        self.page.wait_for_selector('.map[data-state="ready"]', timeout=60_000)
        self.page.wait_for_timeout(400)

    def pixels(self) -> np.ndarray:
        """The map as uint8[height, width, 3]."""
        return pixels_of(self.page.locator(".map-canvas"))

    def shot(self, name: str) -> None:
        """Keep a picture of the page, as an artefact of the run (var/shots, not in git)."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        width = (self.page.viewport_size or DESK)["width"]
        self.page.screenshot(path=SHOTS / f"{name}-{width}.png")

    def faults(self, within: str = "body") -> list[str]:
        """What axe-core calls serious or worse in a part of the page."""
        if not self.page.evaluate("'axe' in window"):
            # By the debugger: the page's content policy lets no script in.
            self.page.evaluate(AXE.read_text(encoding="utf-8") + ";null")
        found = self.page.evaluate(
            "within => axe.run(within, {resultTypes: ['violations']})", within
        )
        return [
            f"{fault['id']}: {node['html'][:160]} {node['failureSummary']}"
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    def sign_in(self, token: str) -> None:
        """Open pages as this person, from the next `open` on."""
        keep = f"sessionStorage.setItem('liangtian.token', '{token}')"
        self.page.add_init_script(f"if (location.protocol.startsWith('http')) {keep}")

    @property
    def strangers(self) -> list[str]:
        """Requests to anybody but the service."""
        own = (self.url + "/", "blob:", "data:", "about:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One a file: while it is open its thread has a running event loop, which others need."""
    path = chromium()
    if path is None:
        pytest.skip("Chromium is missing: apt-get install -y chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, server) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def start(viewport: dict[str, int] = DESK, **options: object) -> Visit:
        context = browser.new_context(viewport=viewport, locale="zh-CN", **options)
        contexts.append(context)
        page = context.new_page()
        visit = Visit(page, server.url.rstrip("/"))
        page.on("request", lambda request: visit.requests.append(request.url))
        page.on("pageerror", lambda error: visit.errors.append(str(error)))
        page.on(
            "console",
            lambda message: visit.errors.append(message.text) if message.type == "error" else None,
        )
        return visit

    yield start
    for context in contexts:
        context.close()
