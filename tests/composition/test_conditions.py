"""The condition of a claim."""

import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.composition.conditions import Condition, repositories_ready
from function.composition.repositories import ComposedRepository
from function.ecr.naming import RepositoryName
from function.ecr.ownership import Ownership
from function.ecr.provider_rights import Deletion
from function.ecr.repository import (
    DesiredRepository,
    ObservedRepository,
    ProviderConfig,
)
from function.providers.registry import DEFAULT
from tests.builders import CLASSIC, LIFECYCLE, POLICIES, live, live_policies, run


def test_a_claim_is_ready_when_its_policies_are_ready() -> None:
    found = live_policies(CLASSIC, POLICIES)
    rsp = run(CLASSIC, live(CLASSIC), repository=POLICIES)
    assert rsp.desired.resources[LIFECYCLE].ready != fnv1.READY_TRUE
    rsp = run(CLASSIC, live(CLASSIC), others=found, repository=POLICIES)
    assert {r.ready for r in rsp.desired.resources.values()} == {fnv1.READY_TRUE}
    found[LIFECYCLE]["status"]["conditions"] = [
        {"type": "Synced", "status": "False", "message": "AccessDenied"}
    ]
    rsp = run(CLASSIC, live(CLASSIC), others=found, repository=POLICIES)
    assert rsp.desired.resources[LIFECYCLE].ready != fnv1.READY_TRUE
    assert "AccessDenied" in rsp.conditions[0].message
    assert rsp.conditions[0].status == fnv1.STATUS_CONDITION_TRUE


NAMES = {"imagerepo": "p/a-b", "bundlerepo": "p/a-b-bundle"}
DENIED = "create failed: api error AccessDeniedException: not authorized"


def condition(observed: dict[str, ObservedRepository]) -> Condition:
    repositories = {}
    for key, name in NAMES.items():
        desired = DesiredRepository(
            RepositoryName(name), "eu-west-2", ProviderConfig("p")
        )
        repositories[key] = ComposedRepository(
            desired, desired, DEFAULT, observed[key], Ownership.CREATED
        )
    return repositories_ready(repositories, Deletion.ONLY_CREATED)


@pytest.mark.parametrize(
    ("image", "bundle", "said", "reason"),
    [
        (DENIED, DENIED, f': "{DENIED}". It retries', "one thing is said once"),
        (DENIED, "", f': "{DENIED}". It retries', "of one repository"),
        ("one", "two", ': "one", "two". It retries', "two things"),
        (
            "StatusCode: 400, RequestID: 3f1-a, api error X",
            "StatusCode: 400, RequestID: 77c-b, api error X",
            ': "StatusCode: 400, api error X". It retries',
            "another number at each attempt, and the condition would never rest",
        ),
        ("a\x1b[31m\nb", "", r': "a\u001b[31m\nb". It retries', "a terminal is safe"),
        ("x" * 9000, "", "x" * 400, "a long text is cut"),
    ],
    ids=["once", "of one", "two", "request IDs", "escapes", "long"],
)
@pytest.mark.parametrize("ready", [False, True])
def test_a_problem_is_in_the_condition(
    image: str, bundle: str, said: str, reason: str, *, ready: bool
) -> None:
    observed = {
        "imagerepo": ObservedRepository(ready=ready, problem=image),
        "bundlerepo": ObservedRepository(ready=ready, problem=bundle),
    }
    got = condition(observed)
    assert said in got.message, reason
    assert got.ready == ready
    assert len(got.message) < 1000


def test_a_condition_without_a_problem() -> None:
    got = condition(dict.fromkeys(NAMES, ObservedRepository(ready=True)))
    assert got.message == "Ready to push to: p/a-b, p/a-b-bundle"
