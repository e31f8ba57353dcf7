"""Ends the processes and removes the directories of a run that was killed.

The run holds a pipe to a guard process. However the run ends, kill -9 included, the
pipe closes, and the guard does what is left to do. It outlives Ctrl-C and SIGTERM.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


class Guard:
    """The run's end of the pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def process(self, pid: int) -> None:
        """Have the process group of a session leader killed at the end."""
        self._say("process", pid)

    def ended(self, pid: int) -> None:
        """Forget a process that was waited for: its number may be another's soon."""
        self._say("ended", pid)

    def directory(self, path: Path) -> None:
        """Have a directory removed at the end, after the processes are gone."""
        self._say("directory", path)

    def close(self) -> None:
        """End everything now, and wait until it is done."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait()

    def _say(self, what: str, which: object) -> None:
        if self._process.stdin is None:
            raise ValueError("the guard has no pipe")
        self._process.stdin.write(f"{what} {which}\n")
        self._process.stdin.flush()


def _main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    processes: list[int] = []
    directories: list[str] = []
    for line in sys.stdin:
        what, _, which = line.rstrip("\n").partition(" ")
        if what == "process":
            processes.append(int(which))
        elif what == "ended":
            processes.remove(int(which))
        else:
            directories.append(which)
    for pid in reversed(processes):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    for directory in directories:
        # A process that is dying may write once more.
        for _ in range(20):
            shutil.rmtree(directory, ignore_errors=True)
            if not Path(directory).exists():
                break


if __name__ == "__main__":
    _main()
