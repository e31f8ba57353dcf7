"""The documentation's code blocks, and how a console block is run.

A block of `console` is run as it stands, and what it shows is compared: `$ ` begins a
command, `> ` goes on with it, other lines are what it prints. `…` stands for any part
of a line, and alone for any lines. An HTML comment before a block says what is
different:

    <!-- run: cluster -->            tests/e2e/test_docs.py runs it on the real programs
    <!-- run: FILE -->               FILE runs it: it names the page
    <!-- excerpt: FILE -->           it is no command; its lines stand in FILE, in order
    <!-- not run: why -->            nobody runs it, and the page says so by its context
"""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "example/*.md", "package/**/*.md")
    for path in ROOT.glob(pattern)
)
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_SECONDS = 120


@dataclass(frozen=True)
class Command:
    """A command of a block, and what the block shows of its output."""

    text: str
    output: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[Command]:
        """Return its commands.

        Raises:
            ValueError: It shows output before any command.
        """
        found: list[Command] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:]))
            elif line.startswith("> ") and found and not found[-1].output:
                found[-1] = Command(f"{found[-1].text}\n{line[2:]}")
            elif found:
                found[-1].output.append(line)
            elif line and not line.startswith("# "):
                raise ValueError(f"{self}: output before a command: {line}")
        return found


def blocks() -> list[Block]:
    """Return every block of every page."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text()
        for match in _BLOCK.finditer(text):
            indent = len(match["indent"])
            body = "".join(
                line[indent:] for line in match["text"].splitlines(keepends=True)
            )
            line = text.count("\n", 0, match.start("language")) + 1
            found.append(
                Block(page, line, match["language"], body, match["mark"] or "")
            )
    return found


def shows(expected: list[str], printed: list[str]) -> bool:
    """Whether lines are what a block shows, `…` standing for anything."""
    while expected and not expected[-1].strip():
        expected = expected[:-1]
    if not expected:
        return True
    parts = []
    for line in expected:
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            pieces = map(re.escape, line.rstrip().split("…"))
            parts.append(r"[^\n]*".join(pieces) + r"[^\S\n]*\n")
    text = "".join(f"{line}\n" for line in printed)
    return re.fullmatch("".join(parts) + r"\s*", text) is not None


def run(block: Block, **env: str) -> None:
    """Run a block's commands in one shell, and compare what they print.

    Raises:
        AssertionError: A command fails that is not followed by `echo $?`, or prints
            something else.
    """
    commands = block.commands
    assert commands, f"{block}: no command in it"
    end = "--- end of a command: "
    script = "".join(f'{c.text}\n(exit $?)\necho "{end}$?"\n' for c in commands)
    # A shell forgets the status with the marker's echo: it is given back.
    script = script.replace(f'echo "{end}$?"\n', f's=$?; echo "{end}$s"; (exit $s)\n')
    environment = {**os.environ, "NO_COLOR": "1", **env}
    ours = Path(sys.executable).parent
    environment["PATH"] = f"{ours}:{environment['PATH']}"
    # Of a make that runs the tests: another one would say that it is inside it.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environment.pop(name, None)
    process = subprocess.Popen(  # noqa: S603
        ["/bin/bash", "-c", script],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    pieces = re.split(rf"^{end}(\d+)\n", out, flags=re.MULTILINE)
    printed, statuses = pieces[0::2], pieces[1::2]
    for index, command in enumerate(commands):
        said = printed[index] if index < len(printed) else ""
        print(f"$ {command.text}\n{said}", end="")
        about = f"{block}: $ {command.text}\nprinted:\n{said}"
        asked_for = any("echo $?" in c.text for c in commands[index + 1 : index + 2])
        status = int(statuses[index]) if index < len(statuses) else -1
        assert status == 0 or asked_for, f"{about}\nand ended with {status}"
        shown = "\n".join(command.output)
        assert shows(command.output, said.splitlines()), f"{about}\nnot:\n{shown}"
