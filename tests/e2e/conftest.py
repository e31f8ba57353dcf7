"""The running system that the scenarios of one provider API share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

import refusals
from apis import APIS, Api
from scenarios import ALONE, FULL_ONLY, NOT_ON, ORDER
from system import FULL, System, running, say


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --api, which selects the provider APIs to run on."""
    parser.addoption(
        "--api", action="append", choices=list(APIS), help="one API; all by default"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a scenario with every provider API that scenarios.py allows.

    All scenarios of one API run in one process, on one system: an xdist group. Those
    that start a system of their own are a group of their own.
    """
    if "api" not in metafunc.fixturenames:
        return
    module, test = metafunc.definition.path.stem, metafunc.function.__name__
    asked = metafunc.config.getoption("--api") or list(APIS)
    excepted = {**NOT_ON.get(module, {}), **NOT_ON.get(test, {})}
    metafunc.parametrize(
        "api",
        [
            pytest.param(
                api,
                id=name,
                marks=pytest.mark.xdist_group(test if test in ALONE else name),
            )
            for name, api in APIS.items()
            if name not in excepted and name in asked
        ],
        indirect=True,
        scope="session",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Sort by API, then in the order of scenarios.py.

    Tests that need no provider come last, and those with a system of their own: the
    first free process runs them.
    """
    apis = list(APIS)
    asked = config.getoption("--api") or apis
    left = [
        item
        for item in items
        if (getattr(item, "originalname", "") in FULL_ONLY and not FULL)
        # With none of the selected APIs, pytest would report it as skipped.
        or ("api" in getattr(item, "fixturenames", ()) and not _api(item))
        # Tests without a provider run only if the first API is selected.
        or ("api" not in getattr(item, "fixturenames", ()) and apis[0] not in asked)
    ]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]

    def position(item: pytest.Item) -> tuple[int, int]:
        api = _api(item)
        alone = getattr(item, "originalname", "") in ALONE
        of_api = apis.index(api.name) if api and not alone else len(apis)
        return of_api, ORDER.index(item.path.stem)

    items.sort(key=position)


def _api(item: pytest.Item) -> Api | None:
    called = getattr(item, "callspec", None)
    found = called.params.get("api") if called else None
    return found if isinstance(found, Api) else None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print a failure immediately, because the whole run takes long."""
    if report.failed:
        say(f"\n{report.nodeid}\n{report.longreprtext}")


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest) -> Api:
    """The provider API that a scenario runs on."""
    given: Api = request.param
    return given


@pytest.fixture(scope="session")
def bare(api: Api, request: pytest.FixtureRequest) -> Iterator[System]:
    """The running system before the Configuration and the policy are installed."""
    system = System("e2e", lambda s: say(f"{api.name}: {s}"), api=api)
    with running(system, lambda: bool(request.session.testsfailed)):
        yield system


@pytest.fixture(scope="session")
def installed(bare: System) -> System:
    """The system after the documented commands installed the policy, once."""
    bare.install_policy()
    return bare


@pytest.fixture(scope="session")
def system(installed: System) -> System:
    """The installed system; its Kyverno background scan runs every 15 seconds."""
    installed.scan_every("15s")
    return installed


@pytest.fixture(scope="session")
def refused(system: System) -> dict[str, str]:
    """The messages of claims whose requests ECR refused, by claim."""
    return refusals.refuse(system)
