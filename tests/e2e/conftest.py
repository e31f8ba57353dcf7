"""The running system that all scenarios share, and the one on Crossplane v2's API."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

from system import ROOT, System, say
from system_v2 import SystemV2


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say at once what failed: the whole run takes long."""
    if report.failed:
        say(f"\n{report.nodeid}\n{report.longreprtext}")


@contextlib.contextmanager
def running(kind: type[System], request: pytest.FixtureRequest) -> Iterator[System]:
    """Run a system. Logs are kept where something failed."""
    system = kind("e2e")
    try:
        system.start()
        yield system
    finally:
        if request.session.testsfailed or sys.exc_info()[0]:
            kept = Path(tempfile.mkdtemp(prefix="function-ecr-repos-e2e-logs-"))
            for log in system.directory.glob("*.log"):
                shutil.copy(log, kept)
            say(f"logs are in {kept}")
        system.close()


@pytest.fixture(scope="session")
def bare(request: pytest.FixtureRequest) -> Iterator[System]:
    """The system without the policy."""
    with running(System, request) as system:
        yield system


@pytest.fixture(scope="module")
def bare_v2(request: pytest.FixtureRequest) -> Iterator[System]:
    """The system on Crossplane v2's API, without the policy."""
    with running(SystemV2, request) as system:
        yield system


@pytest.fixture(scope="session")
def installed(bare: System) -> System:
    """The system with the policy, installed by the commands of its README, once."""
    bare.install(ROOT / "package/kyverno/README.md", "Install")
    return bare


@pytest.fixture(scope="session")
def system(installed: System) -> System:
    """The installed system, whose background scan need not be waited for."""
    installed.scan_every("15s")
    return installed
