"""What a run of the real programs leaves behind: nothing, however it ends."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# As e2e does it: programs in sessions of their own, with children of their own.
# What was started in the background of a script ignores Ctrl-C, and so would this.
RUN = """
import signal
from processes import Programs

signal.signal(signal.SIGINT, signal.default_int_handler)
programs = Programs("guarded")
directory = programs.directory
print(directory, flush=True)
for n in range(5):
    script = f"sleep 300 & echo $! > {n}.child; echo $$ > {n}.parent; wait"
    programs.start(str(n), "bash", "-c", f"cd {directory}; {script}")
    print(n, flush=True)
programs.wait("nothing, for long", lambda: None, 300)
"""


def alive(pid: int) -> bool:
    try:
        # A dead one that nobody waited for is still listed.
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_at_a_random_moment_leaves_nothing(
    sig: signal.Signals, attempt: int
) -> None:
    roots = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", RUN],
        env={**os.environ, "PYTHONPATH": f"{roots / 'conformance'}:{roots / 'e2e'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as run:
        assert run.stdout is not None
        directory = Path(run.stdout.readline().strip())
        for _ in range(random.Random(attempt).randint(1, 5)):
            assert run.stdout.readline()
        deadline = time.monotonic() + 20
        while not (started := _pids(directory)):
            assert time.monotonic() < deadline
        run.send_signal(sig)
        try:
            assert run.wait(20) != 0
        finally:
            run.kill()
    while directory.exists() or any(map(alive, started)):
        assert time.monotonic() < deadline, "something is left"


def _pids(directory: Path) -> list[int]:
    """Return the programs and their children that have said who they are."""
    found = [f.read_text() for f in directory.glob("?.*") if f.suffix != ".log"]
    return [int(text) for text in found if text.strip()]
