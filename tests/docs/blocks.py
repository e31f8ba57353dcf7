"""Read the code blocks of the documentation, and run the console blocks.

A `sh` block is a script to copy, and has no output. Its comment says what runs it.
A `console` block is run, and its output is compared with the page. `$ ` begins a
command, `> ` continues it, and all other lines are expected output. `…` matches any
part of a line, or any number of lines if it is alone on a line. Commands that only read
from a cluster are repeated for a while, because Crossplane may briefly show an older
condition. An HTML comment before a block changes how it is checked:

    <!-- run: cluster -->            tests/e2e/test_docs.py runs it on the real programs
    <!-- run: FILE -->               FILE runs it; FILE contains the name of the page
    <!-- excerpt: FILE -->           not a command: FILE contains its lines, in order
    <!-- not run: why -->            not run at all, for the reason given
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
# Longer than Crossplane's circuit breaker delays an event.
_LOOK_SECONDS = 60
_END = "--- end of a command: "
# Printing the marker overwrites $?, so each command starts with the previous status.
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
    """A command in a block, and its expected output."""

    text: str
    output: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """One fenced code block of a page."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[Command]:
        """Return the commands of the block; a script counts as one command.

        Raises:
            ValueError: The block has output before its first command.
        """
        if self.language == "sh":
            return [Command(self.text.rstrip())]
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
    """Whether printed lines match the expected output, where `…` matches anything."""
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
    """A shell that runs one command at a time; closing it kills all it started."""

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
        """Return output and exit status of a command; negative if the shell ended."""
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
    """Run the commands of a block in one shell, and compare their output.

    Raises:
        AssertionError: The output differs, or a command fails and the next one is not
            `echo $?`.
    """
    commands = block.commands
    assert commands, f"{block}: it has no command"
    environment = {**os.environ, "NO_COLOR": "1", **env}
    ours = Path(sys.executable).parent
    environment["PATH"] = f"{ours}:{environment['PATH']}"
    # Set if make runs the tests; a make in a block would then print its level.
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
    """Return output and exit status of a command, and whether the output matches."""
    until = time.monotonic() + _LOOK_SECONDS
    while True:
        said, status = shell.run(command.text)
        right = shows(command.output, said.splitlines())
        looks = _LOOKS.match(command.text) and time.monotonic() < until
        if (right and status == 0) or not looks:
            return said, status, right
        time.sleep(1)
