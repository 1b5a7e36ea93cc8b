"""The public site in a real browser: phone and desktop, light and dark, from the left and from the right."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio
from PIL import Image, PngImagePlugin

from node.testing import showcase
from node.testing.gatherings import gathering
from node.testing.showcase import CHARTER, PEOPLE, SECRET

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
VIEWS = (
    ("phone", 360, "light"),
    ("phone", 360, "dark"),
    ("desktop", 1_280, "light"),
    ("desktop", 1_280, "dark"),
)
COLOURS = {"light": "rgb(251, 250, 248)", "dark": "rgb(22, 23, 26)"}
LANGUAGES = ("de", "ar", "fa", "zh")
PATIENCE_MS = 60_000
MAX_LOOK_S = 280

MEASURES = """() => {
    const outside = [...document.querySelectorAll('main *, header *, footer *')].filter(each => {
        const box = each.getBoundingClientRect();
        return box.width && (box.left < -1 || box.right > innerWidth + 1);
    });
    const whole = document.documentElement;
    return [
        whole.scrollWidth - whole.clientWidth,
        outside.map(each => each.outerHTML.slice(0, 80)),
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(whole).direction,
        document.querySelector('header nav a').getBoundingClientRect().left / innerWidth,
    ];
}"""
"""In the order of `Seen`, from `overflow` to `first_link`."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


class Seen(NamedTuple):
    """What a browser saw of one page in one view."""

    page: str
    view: str
    scheme: str
    overflow: int
    outside: list[str]
    ground: str
    direction: str
    first_link: float
    violations: list[str]
    problems: list[str]
    requests: list[str]


def draw(colour: str, size: tuple[int, int]) -> bytes:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image = Image.blend(image, Image.new("RGB", size, colour), 0.6)
    notes, out = PngImagePlugin.PngInfo(), BytesIO()
    notes.add_text("Comment", SECRET)
    image.save(out, "PNG", pnginfo=notes)
    return out.getvalue()


async def build(base: Path) -> Path:
    """The site of a home with texts in many languages."""
    given, out = base / "given", base / "site"
    given.mkdir()
    async with gathering(CHARTER, *PEOPLE) as [alice, bob, carol]:
        await showcase.show(alice, bob, carol, given, draw)
        steps = alice.api.contacts.site_build(str(out), languages=[*LANGUAGES, "en"])
        async for _ in steps:
            pass
    return out


def pages_of(site: Path, view: str, scheme: str) -> list[str]:
    """Pages of every sort, from the left and from the right; in three of the views some of them."""
    [arabic] = (site / "de" / "documents").glob("programme*.ar.html")
    thread = max((site / "fa" / "posts").glob("*.html"), key=lambda path: path.stat().st_size)
    few = ["de/index.html", "ar/directory.html", f"ar/documents/{arabic.name}", f"fa/posts/{thread.name}"]
    if (view, scheme) != ("phone", "light"):
        return few if view == "phone" or scheme == "light" else few[:1]
    more = ["index.html", "zh/index.html", "de/posts.html", "de/documents.html", "de/files.html"]
    return [*few, *more, f"de/documents/{arabic.name}"]


def look(site: Path, shots: Path) -> Iterator[Seen]:
    """Open pages in each view and look at them; a picture of each is kept."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS.split(), timeout=PATIENCE_MS
        )
        for view, width, scheme in VIEWS:
            size: Any = {"width": width, "height": 800}
            context: Any = browser.new_context(viewport=size, color_scheme=scheme)
            context.set_default_timeout(PATIENCE_MS)
            for path in pages_of(site, view, scheme):
                shot = shots / f"{view}-{scheme}-{path.removesuffix('.html').replace('/', '_')}.png"
                yield Seen(path, view, scheme, *look_at(context.new_page(), (site / path).as_uri(), shot))
            context.close()
        browser.close()


def look_at(page: Any, address: str, shot: Path) -> tuple[Any, ...]:
    """Open one page: what `Seen` has after its first three values."""
    from axe_playwright_python.sync_playwright import Axe

    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    page.screenshot(path=shot, full_page=True)
    found, asked = list(problems), list(requests)
    measured = page.evaluate(MEASURES)
    rules = Axe().run(page, options={"preload": False}).response["violations"]
    page.close()
    violations = [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in rules]
    return (*measured, violations, found, asked)


def test_everybody_can_read_every_page(tmp_path: Path) -> None:
    site = trio.run(build, tmp_path)
    shots = tmp_path / "shots"
    shots.mkdir()
    with ThreadPoolExecutor(1) as aside:  # playwright wants a thread without an event loop
        seen = aside.submit(lambda: list(look(site, shots))).result(MAX_LOOK_S)
    assert len(seen) == sum(len(pages_of(site, view, scheme)) for view, _, scheme in VIEWS)
    for each in seen:
        where = f"{each.page} {each.view} {each.scheme}"
        assert (where, each.violations, each.problems) == (where, [], [])
        assert (where, each.overflow, each.outside) == (where, 0, [])
        assert all(url.startswith("file://") for url in each.requests), where
        assert each.requests, where
        is_rtl = each.page.startswith(("ar/", "fa/"))
        assert (each.direction == "rtl") is is_rtl, where
        assert (each.first_link > 0.5) is is_rtl, where
        assert each.ground == COLOURS[each.scheme], where
    assert len(list(shots.iterdir())) == len(seen)
