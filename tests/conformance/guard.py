"""Ends the processes and removes the directories of a run that was killed.

The run holds a pipe to a guard process. However the run ends, kill -9 included, the
pipe closes, and the guard does what is left to do. It outlives Ctrl-C and SIGTERM.
What is to end is told before it begins: there is no moment to be killed between.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from secrets import token_hex


class Guard:
    """The run's end of the pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def register(self) -> None:
        """Have this process's group killed at the end: Popen's preexec_fn.

        A child says it itself, when it leads its session and is no other program yet.
        Until then its end of the pipe is open.
        """
        if self._process.stdin is None:
            raise ValueError("the guard has no pipe")
        os.write(self._process.stdin.fileno(), f"process {os.getpid()}\n".encode())

    def ended(self, pid: int) -> None:
        """Forget a process that was waited for: its number may be another's soon."""
        self._say("ended", pid)

    def directory(self, prefix: str, parent: Path | None = None) -> Path:
        """Make a directory that is removed at the end, after the processes are gone.

        Args:
            prefix: How its name begins.
            parent: Where it is; the directory for temporary files by default.
        """
        path = (parent or Path(tempfile.gettempdir())) / f"{prefix}{token_hex(8)}"
        self._say("directory", path)
        path.mkdir(mode=0o700)
        return path

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
