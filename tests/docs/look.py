"""Checks the built site in a real browser.

Every page at four widths, two of them in dark colors too: nothing is wider than the
window, no table is cut off, no image is broken, nothing is loaded from another server.
The search works.

Usage: python tests/docs/look.py DIRECTORY --chromium PROGRAM [--pictures DIRECTORY]
"""

import argparse
import functools
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

WIDTHS = {"phone": 360, "tablet": 768, "desktop": 1280, "wide": 1920}
# Colors do not depend on the width: two widths are enough in the dark.
SCHEMES = {"phone": ("light", "dark"), "desktop": ("light", "dark")}
HEIGHT = 800
SEARCHED = {"NameTaken": "troubleshooting", "no basic auth": "troubleshooting"}
# Code blocks may scroll within themselves.
STICKS_OUT = "document.scrollingElement.scrollWidth > window.innerWidth"
# The headings of each table of which a part cannot be seen without scrolling.
CUT_OFF = """[...document.querySelectorAll('.md-content table:not(.highlighttable)')]
  .filter(table => {
    const inside = table.closest('.md-typeset__scrollwrap') ?? table.parentElement;
    return table.scrollWidth > inside.clientWidth
      || [...table.querySelectorAll('td, th')].some(c => c.scrollWidth > c.clientWidth);
  })
  .map(table => [...table.rows[0].cells].map(c => c.textContent).join(' | '))"""
BROKEN = """[...document.images]
  .filter(i => getComputedStyle(i).display != 'none' && i.naturalWidth == 0)
  .map(i => i.src)"""


class Handler(SimpleHTTPRequestHandler):
    """Serves without logging requests."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve the site; yields its address."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def look(page: Page, address: str, path: str) -> Iterator[str]:
    """Yield what is wrong with a page."""
    elsewhere: list[str] = []

    def note(request: Any) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            elsewhere.append(request.url)

    page.on("request", note)
    page.goto(f"{address}/{path}", wait_until="load")
    if page.evaluate(STICKS_OUT):
        yield "wider than the window"
    for headings in page.evaluate(CUT_OFF):
        yield f"a table is cut off: {headings!r}"
    for source in page.evaluate(BROKEN):
        yield f"a broken image: {source}"
    for url in elsewhere:
        yield f"loads from another server: {url}"
    page.remove_listener("request", note)


def search(page: Page, address: str, words: str, found: str) -> Iterator[str]:
    """Yield what is wrong with a search, typed as a user does."""
    page.goto(f"{address}/index.html", wait_until="load")
    page.keyboard.press("/")
    page.keyboard.type(words)
    try:
        page.wait_for_selector(f".md-search-result a[href*='{found}']", timeout=10_000)
    except Exception as e:  # noqa: BLE001  # what the browser says
        yield f"the search for {words!r} does not find {found}: {e}"


def main() -> int:
    """Check all pages; print all problems, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--chromium", required=True)
    parser.add_argument("--pictures", type=Path, help="where to put screenshots")
    args = parser.parse_args()
    paths = sorted(str(p.relative_to(args.site)) for p in args.site.rglob("*.html"))
    paths.remove("404.html")
    wrong: list[str] = []
    looked = 0
    with served(args.site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=args.chromium, args=["--no-sandbox"]
        )
        for name, width in WIDTHS.items():
            for scheme in SCHEMES.get(name, ("light",)):
                context = browser.new_context(
                    viewport={"width": width, "height": HEIGHT},
                    color_scheme=scheme,
                )
                page = context.new_page()
                for path in paths:
                    looked += 1
                    about = f"{path}, {name}, {scheme}"
                    wrong += [f"{about}: {w}" for w in look(page, address, path)]
                    if args.pictures and "/" not in path:
                        args.pictures.mkdir(exist_ok=True)
                        file = f"{path.removesuffix('.html')}-{name}-{scheme}.png"
                        page.screenshot(path=args.pictures / file, full_page=True)
                if name == "desktop":
                    for words, found in SEARCHED.items():
                        wrong += search(page, address, words, found)
                context.close()
        browser.close()
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    print(f"{looked} looks, {len(SEARCHED) * 2} searches, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
