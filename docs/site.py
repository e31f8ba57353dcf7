"""Hooks for mkdocs: build the site from the pages in the repository, unchanged.

The README and other pages outside docs/ become pages of the site. A link to a file in
the repository becomes a link to a page that shows the file. So no link needs the
network.
"""

import html
import itertools
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# Pages outside docs/, by their names in the site.
PAGES = {
    "index.md": "README.md",
    "kyverno.md": "package/kyverno/README.md",
    "example.md": "example/README.md",
    "security.md": "SECURITY.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
_HERE = {source: name for name, source in PAGES.items()}
_LINK = re.compile(
    r"(?P<before>\]\(|^\[(?!\^)[^\]]+\]:\s+)(?P<to>[^\s)#]+)", re.MULTILINE
)
_PICTURE = re.compile(
    r'<picture>.*?srcset="(?P<dark>[^"]+)".*?alt="(?P<alt>[^"]*)"\s+'
    r'src="(?P<light>[^"]+)".*?</picture>',
    re.DOTALL,
)
# Badges, whose addresses are relative to the repository's page at GitHub.
_GITHUB_ONLY = re.compile(r"<!-- GitHub only -->.*?<!-- end -->\n", re.DOTALL)
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_HEADING = re.compile(r"<th[ >].*?</th>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_LANGUAGES = {"Makefile": "make", "Dockerfile": "docker", "run": "bash"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, and a page for each file that a page links to."""
    sources = {**PAGES}
    for file in files.documentation_pages():
        sources[file.src_uri] = f"docs/{file.src_uri}"
    shown: set[str] = set()
    for name, source in sources.items():
        text = _rewritten((ROOT / source).read_text(), source, name, shown)
        if name in PAGES:
            files.append(File.generated(config, name, content=text))
    for path in sorted(shown):
        name = _shown_at(path)
        files.append(File.generated(config, name, content=_show(path)))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Change the links of a page to pages of the site."""
    del config, files
    name = page.file.src_uri
    if name in PAGES or name.startswith("files/"):
        return markdown
    return _rewritten(markdown, f"docs/{name}", name, set())


def on_page_content(
    content: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Add the column heading to each table cell; style/tables.css shows it."""
    del page, config, files
    return _TABLE.sub(_labelled, content)


def _labelled(table: re.Match[str]) -> str:
    texts = (html.unescape(_TAG.sub("", h)) for h in _HEADING.findall(table[0]))
    headings = itertools.cycle([*texts])
    return re.sub(
        "<td(?=[ >])",
        lambda _: f'<td data-heading="{html.escape(next(headings))}"',
        table[0],
    )


def _rewritten(text: str, source: str, name: str, shown: set[str]) -> str:
    """Return the text of a page with links for the site; add files to `shown`."""
    text = _GITHUB_ONLY.sub("", text)
    text = _PICTURE.sub(
        r"![\g<alt>](\g<light>#only-light)![\g<alt>](\g<dark>#only-dark)", text
    )

    def lead(match: re.Match[str]) -> str:
        to = match["to"]
        if ":" in to or "<" in to:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), to))
        if (ROOT / path / "README.md").is_file() and f"{path}/README.md" in _HERE:
            path = f"{path}/README.md"
        if path in _HERE:
            there = _HERE[path]
        elif path.startswith("docs/"):
            there = path.removeprefix("docs/")
        elif (ROOT / path).exists():
            shown.add(path)
            there = _shown_at(path)
        else:
            return match[0]  # mkdocs reports the dead link
        return match["before"] + posixpath.relpath(
            there, posixpath.dirname(name) or "."
        )

    return _LINK.sub(lead, text)


def _shown_at(path: str) -> str:
    return f"files/{path}.md"


def _show(path: str) -> str:
    """Return a page that shows a file, or lists a folder."""
    file = ROOT / path
    head = f"---\nsearch:\n  exclude: true\n---\n\n# {path}\n\n"
    if file.is_dir():
        names = sorted(p.name + "/" * p.is_dir() for p in file.iterdir())
        return head + "\n".join(f"- `{n}`" for n in names if n != "__pycache__/") + "\n"
    language = _LANGUAGES.get(file.name, file.suffix.lstrip("."))
    return f"{head}`````{language}\n{file.read_text().rstrip()}\n`````\n"
