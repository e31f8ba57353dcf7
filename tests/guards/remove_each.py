"""Removes each guard in turn, and shows the test that fails without it.

A guard that no test misses is a failure. What is removed is in a copy.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TESTS = (
    "test_ownership.py",
    "test_fn.py",
    "test_providers.py",
    "test_options.py",
    "test_safety.py",
)


class Guard(NamedTuple):
    """What a guard says, and the code that it is and would not be."""

    says: str
    file: str
    code: str
    without: str


GUARDS = (
    Guard(
        "the right to delete is earned by creating",
        "ownership.py",
        "if its is Standing.CREATED or (",
        "if True or (",
    ),
    Guard(
        "what is another's is never deleted",
        "ownership.py",
        "its is Standing.ADOPTED and deletion is Deletion.ALWAYS",
        "its is not Standing.FREE and deletion is Deletion.ALWAYS",
    ),
    Guard(
        "deletion: Never",
        "ownership.py",
        "return Rights.KEEP if deletion is Deletion.NEVER else Rights.ALL",
        "return Rights.ALL",
    ),
    Guard(
        "what is adopted or another's is only observed",
        "ownership.py",
        "if its in (Standing.ADOPTED, Standing.TAKEN):",
        "if False:",
    ),
    Guard(
        "options are not written onto what was there before",
        "ownership.py",
        "return earned or creates_only",
        "return True",
    ),
    Guard(
        "a bundle earns nothing before its image is decided",
        "ownership.py",
        "return image_is_ours or earned_before",
        "return True",
    ),
    Guard(
        "a bundle that may be made right now is not let go",
        "ownership.py",
        "return attempted and not problem",
        "return False",
    ),
    Guard(
        "a bundle is let go without force",
        "ownership.py",
        "options=repository.options._replace(force_delete=False),\n    )",
        ")",
    ),
    Guard(
        "created means recorded by the managed reconciler",
        "ownership.py",
        "return None not in times",
        "return True",
    ),
    Guard(
        "a newer attempt outdates the record",
        "ownership.py",
        "return began <= succeeded",
        "return True",
    ),
    Guard(
        "a newer repository is not the recorded one",
        "ownership.py",
        "return created - succeeded <= _SKEW",
        "return True",
    ),
    Guard(
        "an older repository is not the recorded one",
        "ownership.py",
        "return began - created <= _SKEW",
        "return True",
    ),
    Guard(
        "a restored record is another composite's",
        "ownership.py",
        'return recorded_uid in ("", composite_uid)',
        "return True",
    ),
    Guard(
        "a new claim yields to a contender",
        "ownership.py",
        "return Standing.TAKEN if rivals else Standing.FREE",
        "return Standing.FREE",
    ),
    Guard(
        "a live one yields to who created it",
        "ownership.py",
        "if any(rival.created_it for rival in rivals):",
        "if False:",
    ),
    Guard(
        "a claim that a namespaced XR names is not read",
        "ownership.py",
        'if text(claim, "name") and not text(ours, "namespace"):',
        'if text(claim, "name"):',
    ),
    Guard(
        "of those that found it there, the first has it",
        "ownership.py",
        "if any(rival.since < own.since for rival in rivals):",
        "if False:",
    ),
    Guard(
        "another composite's resource is a rival",
        "ownership.py",
        'return controller != text(ours, "uid")',
        "return False",
    ),
    Guard(
        "what another claim left behind is a rival",
        "ownership.py",
        ') != (text(claim, "namespace"), text(claim, "name"))',
        ") == ()",
    ),
    Guard(
        "one name in two namespaces is two",
        "ownership.py",
        'text(ours, "namespace"),\n        text(ours, "name"),',
        'text(theirs, "namespace"),\n        text(ours, "name"),',
    ),
    Guard(
        "one repository is one object's name",
        "repository.py",
        'return f"{readable}-{identified}"',
        'return f"{readable}-{id(repository)}"',
    ),
    Guard(
        "accounts, regions and names are told apart",
        "repository.py",
        "join((api, *place))",
        "join((api, place[2]))",
    ),
    Guard(
        "a live resource keeps its external name",
        "composed.py",
        "observed.external_name or wanted.name",
        "wanted.name",
    ),
    Guard(
        "a live resource keeps its region",
        "composed.py",
        "observed.region or wanted.region",
        "wanted.region",
    ),
    Guard(
        "a live resource keeps its provider config",
        "composed.py",
        "live.name or config.name, live.kind or config.kind",
        "config.name, live.kind or config.kind",
    ),
    Guard(
        "and the kind of it",
        "composed.py",
        "live.name or config.name, live.kind or config.kind",
        "live.name or config.name, config.kind",
    ),
    Guard(
        "a live resource keeps its provider",
        "seen.py",
        "provider = _BY_GROUP.get(group, DEFAULT)",
        "provider = DEFAULT",
    ),
    Guard(
        "a live repository keeps its encryption",
        "composed.py",
        "if options.encryption and observed.encryption:",
        "if False:",
    ),
    Guard(
        "a live bundle stays",
        "answer.py",
        "if settings.bundle or BUNDLE in live:",
        "if settings.bundle:",
    ),
    Guard(
        "a loser composes nothing",
        "answer.py",
        "if not taken or each.facts:  # both or none",
        "if True:",
    ),
    Guard(
        "a loser is not ready",
        "answer.py",
        "rsp.desired.composite.ready = fnv1.READY_FALSE",
        "pass",
    ),
    Guard(
        "a loser learns nothing of the winner's",
        "composed.py",
        "if self.facts is None or self.standing is Standing.TAKEN:",
        "if self.facts is None:",
    ),
    Guard(
        "to observe is no more than that",
        "providers/managed.py",
        'Rights.OBSERVE: ("Observe",)',
        'Rights.OBSERVE: ("*",)',
    ),
    Guard(
        "to create is no right to change or delete",
        "providers/managed.py",
        'Rights.CREATE: ("Observe", "Create")',
        'Rights.CREATE: ("*",)',
    ),
    Guard(
        "to keep is no right to delete",
        "providers/managed.py",
        '("Observe", "Create", "Update", "LateInitialize")',
        '("*",)',
    ),
    Guard(
        "the status of what is gone is a past one",
        "providers/managed.py",
        "return problem.endswith(_GONE)",
        "return False",
    ),
    Guard(
        "what has another's signature was not created",
        "ownership.py",
        "return bool(signature) and signature == composite_uid",
        "return True",
    ),
    Guard(
        "a signature that the provider may have written proves nothing",
        "providers/upbound.py",
        " and CREATED_BY_TAG not in tags.fields",
        "",
    ),
    Guard(
        "what is not there yet was not created",
        "providers/upbound.py",
        "created_it=bool(arn) and",
        "created_it=",
    ),
    Guard(
        "a tenant may ask for what is allowed alone",
        "composite.py",
        "if globs is None or any(",
        "if True or any(",
    ),
    Guard(
        "a provider looks again at what it was killed over",
        "providers/managed.py",
        "(CREATE_FAILED, CREATE_ABANDONED), repository.abandoned",
        "(CREATE_FAILED,), repository.abandoned",
    ),
)


def main() -> int:
    """Return how many guards no test misses."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="function-ecr-repos-guards-") as directory:
        copy = Path(directory)
        for folder in (
            "function",
            *(f"tests/{part}" for part in ("unit", "goldens", "facts")),
            "package",
            "example",
        ):
            shutil.copytree(ROOT / folder, copy / folder)
        shutil.copy(ROOT / "pyproject.toml", copy)
        if failing := _first_failure(copy):
            raise SystemExit(f"with every guard in place: {failing} fails")
        for guard in GUARDS:
            file = copy / "function" / guard.file
            whole = file.read_text()
            if whole.count(guard.code) != 1:
                raise SystemExit(f"{guard.file} has not one {guard.code!r}: say anew")
            file.write_text(whole.replace(guard.code, guard.without))
            failing = _first_failure(copy)
            file.write_text(whole)
            missed += not failing
            print(f"{guard.says}: {failing or 'NO TEST FAILS'}", flush=True)
    return missed


def _first_failure(directory: Path) -> str:
    """Return the first failing test's name, or nothing."""
    done = subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider"),
            *(f"tests/unit/{test}" for test in TESTS),
        ],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    if not (failed := re.search(r"^FAILED \S+?/(\w+\.py::\S+)", done.stdout, re.M)):
        raise SystemExit(f"the tests cannot run:\n{done.stdout}{done.stderr}")
    return failed[1]


if __name__ == "__main__":
    sys.exit(min(main(), 1))
