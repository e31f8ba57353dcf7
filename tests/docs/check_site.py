"""Check the built site: no dead links, no broken pictures, no external resources.

Usage: python tests/docs/check_site.py DIRECTORY
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_SOURCES = {"img": "src", "script": "src", "link": "href", "source": "srcset"}


class PageParser(HTMLParser):
    """Collects the links, loaded resources, anchors and alt texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the attributes of a tag."""
        has = dict(attrs)
        if identity := has.get("id"):
            self.anchors.add(identity)
        if tag == "a" and has.get("href"):
            self.links.append(has["href"] or "")
        if (to := has.get(_SOURCES.get(tag, ""))) and has.get("rel") != "canonical":
            self.loads.append(to)
        if tag == "img" and not has.get("alt"):
            self.silent.append(has.get("src") or "")


def parse(page: Path) -> PageParser:
    """Parse a page."""
    parser = PageParser()
    parser.feed(page.read_text())
    return parser


def dead(page: Path, to: str, pages: dict[Path, PageParser]) -> str:
    """Return what is wrong with a link within the site, or an empty string."""
    parts = urlsplit(to)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return f"dead link: {to}"
    # Anchors of the theme begin with __: for its search and its colors.
    anchor = unquote(parts.fragment)
    known = pages[target].anchors if target in pages else {anchor}
    if anchor and not anchor.startswith("__") and anchor not in known:
        return f"no such anchor: {to}"
    return ""


def main(site: Path) -> int:
    """Print all problems; return the exit status."""
    pages = {page.resolve(): parse(page) for page in site.rglob("*.html")}
    wrong, links = [], 0
    for page, found in pages.items():
        if page.name == "404.html":
            continue  # its links are relative to the root
        said = [f"a picture without alt text: {src}" for src in found.silent]
        said += [f"loads from another server: {to}" for to in found.loads if "//" in to]
        inner = [to for to in found.links + found.loads if not urlsplit(to).scheme]
        links += len(inner)
        said += filter(None, (dead(page, to, pages) for to in inner))
        wrong += [f"{page.relative_to(site.resolve())}: {each}" for each in said]
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    print(f"{len(pages)} pages, {links} links, {len(wrong)} wrong")
    return 1 if wrong or not links else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
