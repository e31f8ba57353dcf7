"""Run programs as plain processes, each in its own session with its own log."""

import itertools
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import TypeVar

from guard import Guard

T = TypeVar("T")


class NotReadyError(Exception):
    """A condition was not met in time, or a program ended unexpectedly."""


# Below 32768: Linux takes the ports of outgoing connections from there on, and can take
# that of a program while it is stopped. 500 for each process, so that those of parallel
# runs differ.
_FIRST_PORT = 15_000 + os.getpid() % 30 * 500
_ports = itertools.cycle(range(_FIRST_PORT, _FIRST_PORT + 500))


def free_port() -> int:
    """Return a port that nothing uses, which a restarted program finds free again."""
    return next(port for port in _ports if is_free(port))


def is_free(port: int) -> bool:
    """Whether a program can listen on a port of all interfaces."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("", port))
        except OSError:
            return False
    return True


def answers(url: str) -> bool:
    """Whether a URL returns success. Self-signed certificates are accepted."""
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, context=unverified, timeout=2):
            return True
    except OSError:
        return False


class Program:
    """One program that can be stopped and restarted."""

    def __init__(
        self,
        group: "Programs",
        name: str,
        command: list[object],
        env: Mapping[str, str],
        *,
        restart: bool,
    ) -> None:
        self.name = name
        self._restart = restart
        self.log = group.directory / f"{name}.log"
        self._group = group
        self._command = [str(part) for part in command]
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **env: str) -> None:
        """Start it with additional environment variables; append to its log."""
        self._env.update(env)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=self._group.guard.register,
            )

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait until it ends; send SIGKILL after ten seconds."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(with_signal)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._group.guard.ended(process.pid)

    def reap(self) -> None:
        """Wait for the process after it was killed from outside."""
        if self._process is not None:
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            NotReadyError: The program is not running.
        """
        if self._process is None:
            raise NotReadyError(f"{self.name} is not running")
        return self._process.pid

    def check(self) -> None:
        """Restart it if it ended unexpectedly and its Deployment would restart it.

        Raises:
            NotReadyError: It ended and must not be restarted.
        """
        if self._process and self._process.poll() is not None:
            if self._restart:
                self._group.guard.ended(self._process.pid)
                self.start()
                return
            raise NotReadyError(
                f"{self.name} ended with {self._process.returncode}:\n{self.tail()}"
            )

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of its log."""
        return "\n".join(
            self.log.read_text(errors="replace").splitlines()[-lines:]
            if self.log.exists()
            else []
        )


class Programs:
    """All programs of a run; they always end when the run ends.

    Attributes:
        directory: The temporary directory of the run; deleted with it.
    """

    def __init__(self, name: str) -> None:
        """Begin a run; `name` becomes part of the name of its directory."""
        self.guard = Guard()
        self.directory = self.guard.directory(f"function-ecr-repos-{name}-")
        self.started: dict[str, Program] = {}

    def start(
        self,
        name: str,
        *command: object,
        env: Mapping[str, str] | None = None,
        restart: bool = False,
    ) -> Program:
        """Start a program under a unique name.

        With `restart`, it is restarted if it ends unexpectedly. Crossplane and Kyverno
        exit on purpose if the API server is unreachable for long.
        """
        self.started[name] = Program(
            self, name, list(command), env or {}, restart=restart
        )
        self.started[name].start()
        return self.started[name]

    def wait(self, what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
        """Call the probe until it returns a true value, and return that value.

        Raises:
            NotReadyError: The time is over, or a program ended unexpectedly.
        """
        deadline = time.monotonic() + seconds
        while True:
            if result := probe():
                return result
            for program in list(self.started.values()):  # threads may add programs
                program.check()
            if time.monotonic() > deadline:
                tails = "\n".join(
                    f"--- {p.name}\n{p.tail(8)}" for p in self.started.values()
                )
                raise NotReadyError(f"not within {seconds:.0f} s: {what}\n{tails}")
            time.sleep(0.1)

    def close(self) -> None:
        """Kill all programs, so that no process is left after the run."""
        self.guard.close()
        for program in self.started.values():
            program.reap()
