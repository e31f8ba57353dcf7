"""The documentation's code blocks, and how a console block is run.

A block of `console` is run as it stands, and what it shows is compared: `$ ` begins a
command, `> ` goes on with it, other lines are what it prints. `…` stands for any part
of a line, and alone for any lines. What only looks at a cluster looks again for a
while, as a reader would: Crossplane may show an older condition for a moment. An HTML
comment before a block says what is different:

    <!-- run: cluster -->            tests/e2e/test_docs.py runs it on the real programs
    <!-- run: FILE -->               FILE runs it: it names the page
    <!-- excerpt: FILE -->           it is no command; its lines stand in FILE, in order
    <!-- not run: why -->            nobody runs it, and the page says so by its context
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

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
_SECONDS = 180
_LOOKS = re.compile(r"kubectl (get|events) |crossplane resource trace ")
# Longer than Crossplane's circuit breaker holds an event back.
_LOOK_SECONDS = 60
_END = "--- end of a command: "
# A shell forgets a command's status with the marker's line: the next one has it again.
_SHELL = """
s=0
while IFS= read -r -d '' command <&{asked}; do
  (exit $s)
  eval "$command"
  s=$?
  echo "{end}$s"
done
"""


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


class _Shell:
    """A shell that is told one command after another, and ends with all it started."""

    def __init__(self, **env: str) -> None:
        asked, self._ask = os.pipe()
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", _SHELL.format(asked=asked, end=_END)],
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            pass_fds=[asked],
        )
        os.close(asked)
        self._timer = threading.Timer(_SECONDS, self._kill)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._kill()
        os.close(self._ask)
        self._process.communicate()

    def run(self, command: str) -> tuple[str, int]:
        """Return what a command prints, and its status: below 0 where it ended it."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._ask, command.encode() + b"\0")
        said = ""
        assert self._process.stdout
        for line in self._process.stdout:
            printed, end, status = line.partition(_END)
            said += printed
            if end:
                return said, int(status)
        return said, -abs(self._process.wait() or 1)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def run(block: Block, **env: str) -> None:
    """Run a block's commands in one shell, and compare what they print.

    Raises:
        AssertionError: A command fails that is not followed by `echo $?`, or prints
            something else.
    """
    commands = block.commands
    assert commands, f"{block}: no command in it"
    environment = {**os.environ, "NO_COLOR": "1", **env}
    ours = Path(sys.executable).parent
    environment["PATH"] = f"{ours}:{environment['PATH']}"
    # Of a make that runs the tests: another one would say that it is inside it.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environment.pop(name, None)
    with _Shell(**environment) as shell:
        for command, after in zip(commands, [*commands[1:], None], strict=True):
            said, status, right = _run(shell, command)
            print(f"$ {command.text}\n{said}", end="")
            about = f"{block}: $ {command.text}\nprinted:\n{said}"
            asked_for = after is not None and "echo $?" in after.text
            assert status == 0 or asked_for, f"{about}\nand ended with {status}"
            shown = "\n".join(command.output)
            assert right, f"{about}\nnot:\n{shown}"


def _run(shell: _Shell, command: Command) -> tuple[str, int, bool]:
    """Return what a command prints, its status, and whether that is what is shown."""
    until = time.monotonic() + _LOOK_SECONDS
    while True:
        said, status = shell.run(command.text)
        right = shows(command.output, said.splitlines())
        looks = _LOOKS.match(command.text) and time.monotonic() < until
        if (right and status == 0) or not looks:
            return said, status, right
        time.sleep(1)
