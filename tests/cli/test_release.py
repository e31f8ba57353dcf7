"""Which managed resources are released, and how."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from function.cli.release import is_due, kinds, waiting_deletion
from function.main import cli
from tests.cli.api_server import ApiServer
from tests.cli.invocations import run

# As each of the real providers says it, shortened.
CLASSIC_SAYS = (
    "delete failed: failed to delete the repository resource: "
    "RepositoryNotEmptyException: The repository with name 'tap/shop' in registry with "
    "id '123456789012' cannot be deleted because it still contains images"
)
UPBOUND_SAYS = (
    "async delete failed: failed to delete the resource: [{0 ECR Repository (tap/shop) "
    "not empty, consider using force_delete: operation error ECR: DeleteRepository, "
    "https response error StatusCode: 400, RequestID: KDx9, "
    "RepositoryNotEmptyException: The repository with name 'tap/shop' in registry with "
    "id '123456789012' cannot be deleted because it still contains images  []}]"
)
ENDS = (
    "connect failed: cannot track ProviderConfig usage: cannot apply "
    "ProviderConfigUsage: unable to create new content in namespace team because it is "
    "being terminated"
)
CLASSIC, UPBOUND, NAMESPACED = (
    "ecr.aws.crossplane.io/v1beta1",
    "ecr.aws.upbound.io/v1beta2",
    "ecr.aws.m.upbound.io/v1beta1",
)
ORPHAN = {"deletionPolicy": "Orphan"}
OBSERVE = {"managementPolicies": ["Observe"]}
SAID = {CLASSIC: CLASSIC_SAYS, UPBOUND: UPBOUND_SAYS, NAMESPACED: UPBOUND_SAYS}
LABEL = "ecrrepos.fn.tap.vrabbi.cloud/repository"


def repository(api: str = CLASSIC, **changes: Any) -> dict[str, Any]:
    """Return a Repository that waits because it holds images."""
    metadata: dict[str, Any] = {
        "name": "shop",
        "uid": "u",
        "labels": {LABEL: "abc"},
        "annotations": {"crossplane.io/external-name": "tap/shop"},
        "deletionTimestamp": "2026-01-01T10:00:00Z",
    }
    spec: dict[str, Any] = {
        "deletionPolicy": "Delete",
        "managementPolicies": ["*"],
        "forProvider": {"region": "eu-west-2", "forceDelete": False},
        "providerConfigRef": {"name": "aws-provider"},
    }
    if api == NAMESPACED:
        metadata["namespace"] = "team"
        del spec["deletionPolicy"]
    kind = changes.pop("kind", "Repository")
    said = changes.pop("said", SAID[api])
    condition = changes.pop("condition", "Synced")
    for name, value in changes.items():
        where = (
            metadata if name in ("labels", "annotations", "deletionTimestamp") else spec
        )
        where[name] = value
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {k: v for k, v in metadata.items() if v is not None},
        "spec": {k: v for k, v in spec.items() if v is not None},
        "status": {
            "conditions": [{"type": condition, "status": "False", "message": said}]
        },
    }


@pytest.mark.parametrize(
    ("managed", "patch", "reason"),
    [
        (repository(CLASSIC), ORPHAN, "the classic provider knows only this field"),
        (
            repository(CLASSIC, managementPolicies=None),
            ORPHAN,
            "an older CRD has no management policies",
        ),
        (repository(UPBOUND), ORPHAN, "of the default policies, it decides alone"),
        (
            repository(UPBOUND, managementPolicies=["Observe", "Create", "Delete"]),
            ORPHAN | OBSERVE,
            "a Delete in the policies wins over Orphan",
        ),
        (
            repository(UPBOUND, condition="LastAsyncOperation"),
            ORPHAN,
            "the next attempt has started",
        ),
        (repository(NAMESPACED), OBSERVE, "there is no other field"),
    ],
)
def test_what_waits_loses_the_right_to_delete(
    managed: dict[str, Any], patch: dict[str, Any], reason: str
) -> None:
    waiting = waiting_deletion(managed)
    assert waiting, reason
    assert (waiting.repository, waiting.why) == ("tap/shop", "images")
    assert waiting.patch == patch, reason


@pytest.mark.parametrize(
    ("managed", "reason"),
    [
        (repository(deletionTimestamp=None), "it is not being deleted"),
        (repository(labels={}), "it is not ours"),
        (repository(said=""), "the provider reports nothing"),
        (repository(said="AccessDeniedException"), "someone can correct that"),
        (repository(deletionPolicy="Orphan"), "the provider lets go of it anyway"),
        (repository(NAMESPACED, **OBSERVE), "the provider lets go of it anyway"),
    ],
)
def test_nothing_else_is_released(managed: dict[str, Any], reason: str) -> None:
    assert waiting_deletion(managed) is None, reason


COMPOSED_AS = "crossplane.io/composition-resource-name"


@pytest.mark.parametrize(
    ("composed_as", "found"),
    [
        ("imagerepo-lifecycle", True),
        ("my-cacherepo-policy", True),
        ("imagerepo", False),
        ("database", False),
    ],
)
def test_policies_wait_in_a_namespace_that_is_being_deleted(
    composed_as: str, *, found: bool
) -> None:
    managed = repository(
        NAMESPACED,
        kind="LifecyclePolicy",
        said=ENDS,
        labels={"crossplane.io/composite": "shop"},
        annotations={COMPOSED_AS: composed_as, "crossplane.io/external-name": "x"},
        forProvider={"repository": "tap/shop"},
    )
    waiting = waiting_deletion(managed)
    assert bool(waiting) is found
    if waiting:
        assert waiting[1:] == ("tap/shop", "namespace", OBSERVE)


def test_repositories_wait_in_a_namespace_that_is_being_deleted() -> None:
    waiting = waiting_deletion(repository(NAMESPACED, said=ENDS))
    assert waiting
    assert waiting.why == "namespace"


@pytest.mark.parametrize(("hours", "due"), [(0, True), (2, True), (3, False)])
def test_older_than(hours: int, *, due: bool) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert is_due(repository(), timedelta(hours=hours), now) is due


def test_all_kinds_of_the_namespaced_api_are_read() -> None:
    found = [(kind.api_version, kind.plural) for kind, _ in kinds()]
    assert found == [
        (CLASSIC, "repositories"),
        (UPBOUND, "repositories"),
        (NAMESPACED, "repositories"),
        ("ecr.aws.m.upbound.io/v1beta1", "lifecyclepolicies"),
        ("ecr.aws.m.upbound.io/v1beta1", "repositorypolicies"),
    ]


def manifests(file: str) -> dict[str, dict[str, Any]]:
    """Return the manifests of a file of package/release, by kind."""
    text = (Path("package/release") / file).read_text()
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def test_the_cronjob_may_read_and_change_these_kinds_only() -> None:
    rules = manifests("rbac.yaml")["ClusterRole"]["rules"]
    allowed = {
        (group, plural, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for verb in rule["verbs"]
    }
    assert allowed == {
        (kind.api_version.partition("/")[0], kind.plural, verb)
        for kind, _ in kinds()
        for verb in ("list", "patch")
    }
    policy = manifests("admission.yaml")["ValidatingAdmissionPolicy"]["spec"]
    (limited,) = policy["matchConstraints"]["resourceRules"]
    assert {*limited["apiGroups"]} == {group for group, _, _ in allowed}


def test_the_cronjob_runs_the_command_of_the_image() -> None:
    pod = manifests("cronjob.yaml")["CronJob"]["spec"]["jobTemplate"]["spec"][
        "template"
    ]
    (container,) = pod["spec"]["containers"]
    program, command = container["command"]
    assert f'ENTRYPOINT ["{program}", "serve"]' in Path("Dockerfile").read_text()
    assert command in cli.list_commands(click.Context(cli))


def release(api_server: ApiServer, *args: str) -> tuple[int, str, str]:
    return run("release", "--server", api_server.url, *args)


def test_it_releases_what_waits(api_server: ApiServer) -> None:
    waits, alive = repository(NAMESPACED), repository(deletionTimestamp=None)
    api_server.resources = [waits, alive]
    assert release(api_server) == (
        0,
        "Released Repository team/shop: tap/shop holds images, and stays in ECR with "
        "them\n",
        "",
    )
    path = "/apis/ecr.aws.m.upbound.io/v1beta1/namespaces/team/repositories/shop"
    assert api_server.patches == [(path, {"metadata": {"uid": "u"}, "spec": OBSERVE})]


def test_a_dry_run_changes_nothing(api_server: ApiServer) -> None:
    api_server.resources = [repository()]
    status, out, err = release(api_server, "--dry-run", "-o", "json")
    assert (status, err, api_server.patches) == (0, "", [])
    assert json.loads(out) == [
        {
            "apiVersion": CLASSIC,
            "kind": "Repository",
            "namespace": "",
            "name": "shop",
            "repository": "tap/shop",
            "region": "eu-west-2",
            "providerConfig": "aws-provider",
            "deletionTimestamp": "2026-01-01T10:00:00Z",
            "reason": "images",
            "released": False,
        }
    ]
    assert release(api_server, "--dry-run")[1].startswith(
        "Would release Repository shop: "
    )


def test_nothing_waits(api_server: ApiServer) -> None:
    api_server.resources = [repository()]
    assert release(api_server, "--older-than", "999999d") == (0, "Nothing waits\n", "")
    api_server.resources = []
    assert release(api_server) == (0, "Nothing waits\n", "")
    assert release(api_server, "-o", "json") == (0, "[]\n", "")


def test_without_a_cluster_it_fails(api_server: ApiServer) -> None:
    api_server.refuses = {"GET": 403}
    status, out, err = release(api_server)
    assert (status, out) == (1, "")
    assert err == (
        "function-ecr-repos: cannot GET "
        "/apis/ecr.aws.crossplane.io/v1beta1/repositories: GET is refused\n"
    )


@pytest.mark.parametrize("text", ["5", "m5", "-5m", "1w", "5 m"])
def test_a_duration_has_a_unit(text: str) -> None:
    status, _, err = run("release", f"--older-than={text}")
    assert status == 2
    assert f"{text!r} is no duration such as 30s, 5m, 12h or 7d" in err
