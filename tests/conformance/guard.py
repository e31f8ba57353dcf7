"""Kill the processes and remove the directories of a run, even if it was killed.

The run holds a pipe to a guard process. When the run ends in any way, including
SIGKILL, the pipe closes and the guard cleans up. The guard ignores Ctrl-C and SIGTERM.
Processes and directories are registered before they exist, so none can be missed.
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
    """The run's end of the pipe to the guard process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def register(self) -> None:
        """Register this process group to be killed at the end: Popen's preexec_fn.

        The child registers itself after it becomes the session leader and before it
        executes its program. Until then its own copy keeps the pipe open.
        """
        if self._process.stdin is None:
            raise ValueError("the guard has no pipe")
        os.write(self._process.stdin.fileno(), f"process {os.getpid()}\n".encode())

    def ended(self, pid: int) -> None:
        """Unregister a process that has ended, because its id may be reused."""
        self._say("ended", pid)

    def directory(self, prefix: str, parent: Path | None = None) -> Path:
        """Create a directory that is removed at the end, after all processes.

        Args:
            prefix: The prefix of its name.
            parent: Its parent; by default the directory for temporary files.
        """
        path = (parent or Path(tempfile.gettempdir())) / f"{prefix}{token_hex(8)}"
        self._say("directory", path)
        path.mkdir(mode=0o700)
        return path

    def close(self) -> None:
        """Clean up now, and wait until it is done."""
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
        # A dying process may still write files.
        for _ in range(20):
            shutil.rmtree(directory, ignore_errors=True)
            if not Path(directory).exists():
                break


if __name__ == "__main__":
    _main()
