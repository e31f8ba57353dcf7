"""Disable each guard, and show the test that fails without it.

It is an error if no test fails. Arguments select guards by a part of their names.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from guards import GUARDS

ROOT = Path(__file__).parents[2]
# The slow ones come last. They run only if no faster test fails.
TESTS = (
    *("ecr/test_provider_rights.py", "ecr/test_ownership.py", "ecr/test_secondary.py"),
    *("ecr/test_immutable_fields.py", "ecr/test_repository.py"),
    *("ecr/test_adoption.py", "ecr/test_provider_additions.py"),
    *("composition/test_desired.py", "composition/test_repositories.py"),
    *("composition/test_observed.py", "composition/test_competitors.py"),
    "composition/test_required_settings.py",
    *("composition/test_reduced_rights.py", "ecr/test_policies.py"),
    *("api/test_parameters.py", "providers", "test_fn.py", "cli/test_release.py"),
    *("simulation/test_scenarios.py", "simulation/test_races.py"),
)


def main(chosen: list[str]) -> int:
    """Return the number of guards that can be disabled without a failing test."""
    numbers = [
        number
        for number, guard in enumerate(GUARDS)
        if not chosen or any(part in guard.name for part in chosen)
    ]
    missed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, failing in zip(
            numbers, pool.map(_first_failure, numbers), strict=True
        ):
            guard = GUARDS[number]
            missed += not failing
            name = guard.name.removeprefix("function.").replace(":", ".")
            print(f"{guard.says} ({name}): {failing or 'NO TEST FAILS'}", flush=True)
    return missed


def _first_failure(number: int) -> str:
    """Return the name of the first test that fails, or an empty string."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-x", "-q"),
            *("-p", "guards", "-p", "no:cacheprovider"),
            *(f"tests/{test}" for test in TESTS),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "GUARD": str(number),
            "PYTHONPATH": str(Path(__file__).parent),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    failing = r"^(?:FAILED|ERROR) \S+?/(\w+\.py.*?)(?: - .*)?$"
    if failed := re.search(failing, done.stdout, re.M):
        return failed[1]
    raise SystemExit(f"the tests cannot run:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
