"""Programs as plain processes: each in its own session, with its own log."""

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
    """Something did not come about in time, or a program ended on its own."""


def free_port() -> int:
    """Return a port that was free just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a program can listen on a port of all interfaces."""
    with socket.socket(socket.AF_INET6) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("::", port))
        except OSError:
            return False
    return True


def answers(url: str) -> bool:
    """Whether a URL answers well. Certificates are not checked: each is its own."""
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, context=unverified, timeout=2):
            return True
    except OSError:
        return False


class Program:
    """One program, which can be killed and started again."""

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
        """Start it, with more in its environment; its log is continued."""
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
        """Send a signal, and wait until it has ended; SIGKILL after ten seconds."""
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
        """Take note that it was killed."""
        if self._process is not None:
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        """Its process number; it must run."""
        if self._process is None:
            raise NotReadyError(f"{self.name} does not run")
        return self._process.pid

    def check(self) -> None:
        """Start it again if it ended on its own, where a Deployment would.

        Raises:
            NotReadyError: It ended, and nothing would start it again.
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
        """Return the end of its log."""
        return "\n".join(
            self.log.read_text(errors="replace").splitlines()[-lines:]
            if self.log.exists()
            else []
        )


class Programs:
    """All programs of a run; they end with it, however it ends.

    Attributes:
        directory: The run's own, which goes with it.
    """

    def __init__(self, name: str) -> None:
        """Begin a run, whose directory's name begins with a name."""
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
        """Start a program under a name of its own.

        With `restart` it is started again when it ends on its own, as Crossplane and
        Kyverno do on purpose when they lose the API server for long.
        """
        self.started[name] = Program(
            self, name, list(command), env or {}, restart=restart
        )
        self.started[name].start()
        return self.started[name]

    def wait(self, what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
        """Return the probe's first true answer.

        Raises:
            NotReadyError: It has none in time, or a program ended meanwhile.
        """
        deadline = time.monotonic() + seconds
        while True:
            if answer := probe():
                return answer
            for program in list(self.started.values()):  # a thread may start one
                program.check()
            if time.monotonic() > deadline:
                tails = "\n".join(
                    f"--- {p.name}\n{p.tail(8)}" for p in self.started.values()
                )
                raise NotReadyError(f"not within {seconds:.0f} s: {what}\n{tails}")
            time.sleep(0.1)

    def close(self) -> None:
        """Kill the programs: nothing of theirs is to outlive the run."""
        self.guard.close()
        for program in self.started.values():
            program.reap()
