"""What new settings change: the function itself decides."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.cli.composites import run_function
from function.providers.crossplane_runtime import REPOSITORY_ID
from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    NAMESPACED,
    OBSERVE_ONLY,
    ORPHAN_ON_DELETE,
    Json,
)
from tests.cli.invocations import composition, run, settings
from tests.clusters import REVISION, listed, managed, tenants

NAME = "tap/shop-team"


def revision(name: str, **step_input: Any) -> Json:
    """Return a revision of the Composition, with fields in its input."""
    manifest = yaml.safe_load(composition(**step_input))
    return {**manifest, "kind": "CompositionRevision", "metadata": {"name": name}}


def changed(
    tmp_path: Path,
    objects: list[Json],
    provider: str,
    more: tuple[str, ...] = (),
    *,
    revisions: tuple[Json, ...] | None = None,
    **data: Any,
) -> tuple[int, dict[str, tuple[str, str]], str]:
    """Return the exit status, the outcomes before and after, and standard error."""
    objects_file, new = tmp_path / "objects.json", tmp_path / "settings.yaml"
    revisions = (revision(REVISION),) if revisions is None else revisions
    objects_file.write_text(json.dumps(listed(*objects, *revisions)))
    new.write_text(settings(provider=provider, bundle=False, **data))
    code, out, err = run(
        *("impact", "settings", "--settings", str(new), "-f", str(objects_file)),
        *("-o", "json", *more),
    )
    found = json.loads(out)["repositories"] if out else []
    return code, {r["name"]: (r["before"], r["outcome"]) for r in found}, err


def cluster(provider: str, **repository: Any) -> list[Json]:
    return [*tenants(provider), managed(provider, NAME, **repository)]


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("repository", "data", "code", "change"),
    [
        ({}, {}, 0, None),
        ({}, {"deletion": "OnlyCreated"}, 0, None),
        ({}, {"deletion": "Never"}, 0, ("deleted", "kept")),
        ({"rights": ORPHAN_ON_DELETE}, {"deletion": "Never"}, 0, None),
        ({"rights": ORPHAN_ON_DELETE}, {}, 3, ("kept", "deleted")),
        ({"made": False, "rights": OBSERVE_ONLY}, {}, 0, None),
        (
            {"made": False, "rights": OBSERVE_ONLY},
            *({"deletion": "Always"}, 3, ("kept", "deleted")),
        ),
        (
            {},
            *({"repository": {"forceDelete": False}}, 0),
            ("deleted", "deletedIfEmpty"),
        ),
    ],
)
def test_only_what_changes_is_listed(
    tmp_path: Path,
    provider: str,
    repository: dict[str, Any],
    data: dict[str, Any],
    code: int,
    change: tuple[str, str] | None,
) -> None:
    found = changed(tmp_path, cluster(provider, **repository), provider, **data)
    assert found == (code, {NAME: change} if change else {}, "")


@pytest.mark.parametrize("provider", APIS)
def test_a_live_repository_never_moves(tmp_path: Path, provider: str) -> None:
    """Whatever prefix, region or provider new claims get."""
    defaults = {"repoPrefix": "other", "region": "us-east-1", "providerName": "other"}
    objects = cluster(provider)
    assert changed(tmp_path, objects, provider, defaults=defaults) == (0, {}, "")


def test_another_provider_changes_nothing_for_live_claims(tmp_path: Path) -> None:
    assert changed(tmp_path, cluster(CLASSIC), CLUSTER) == (0, {}, "")


def test_another_claim_s_repository_stays_its_own(tmp_path: Path) -> None:
    """Two XRs in two namespaces observe it; `Always` gives only one of them rights."""
    late = managed(
        *(NAMESPACED, NAME, ("late", "shop")), made=False, rights=OBSERVE_ONLY
    )
    late["metadata"]["creationTimestamp"] = "2026-02-01T00:00:00Z"
    both = [managed(NAMESPACED, NAME), late]
    objects = [*tenants(NAMESPACED), *tenants(NAMESPACED, namespace="late"), *both]
    found = changed(tmp_path, objects, NAMESPACED, deletion="Always")
    assert found == (0, {}, "")


def test_a_claim_that_is_refused_keeps_what_it_has(tmp_path: Path) -> None:
    allow = {"repoPrefixes": ["other"]}
    code, found, err = changed(tmp_path, cluster(CLUSTER), CLUSTER, allow=allow)
    assert (code, found) == (0, {})
    assert "Note: these settings refuse shop-x7k2p, so its repositories stay" in err
    assert 'the platform allows only "other"' in err


@pytest.mark.parametrize("provider", APIS)
def test_a_claim_that_is_being_deleted_gets_no_new_rights(
    tmp_path: Path, provider: str
) -> None:
    objects = cluster(provider)
    for each in objects:
        each["metadata"]["deletionTimestamp"] = "2026-02-01T00:00:00Z"
    assert changed(tmp_path, objects, provider, deletion="Never") == (0, {}, "")


def test_wrong_settings_are_status_2(tmp_path: Path) -> None:
    code, found, err = changed(tmp_path, cluster(CLUSTER), CLUSTER, deletion="Perhaps")
    assert (code, found) == (2, {})
    assert "data.deletion" in err
    assert err.count("\n") == 1


def test_the_input_of_a_composition_applies_too(tmp_path: Path) -> None:
    objects, new = tmp_path / "objects.json", tmp_path / "settings.yaml"
    objects.write_text(json.dumps(listed(*cluster(CLUSTER))))
    new.write_text(settings())
    file = tmp_path / "composition.yaml"
    file.write_text(composition(provider=CLUSTER, bundle=False, deletion="Never"))
    code, out, _ = run(
        *("impact", "settings", "--settings", str(new), "-f", str(objects)),
        *("--composition", str(file)),
    )
    assert code == 0
    assert "deleted -> kept" in out
    assert "under these settings, its claim may not delete it" in out


def using(provider: str, workload: str, revision_name: str) -> list[Json]:
    """Return a claim that uses a revision, and what belongs to it."""
    found = tenants(provider, workload)
    spec = found[-1]["spec"]
    spec = spec["crossplane"] if provider == NAMESPACED else spec
    spec["compositionRevisionRef"] = {"name": revision_name}
    return [*found, managed(provider, f"tap/{workload}-team", ("team", workload))]


@pytest.mark.parametrize("provider", APIS)
def test_each_claim_is_decided_with_its_own_revision(
    tmp_path: Path, provider: str
) -> None:
    other = revision("other", deletion="Never")
    other["spec"]["pipeline"] = [
        {"step": "x", "functionRef": {"name": "function-patch-and-transform"}}
    ]
    objects = [
        *using(provider, "guarded", "guards"),
        *using(provider, "open", "plain"),
        *using(provider, "foreign", "other"),
    ]
    revisions = (revision("guards", deletion="Never"), revision("plain"), other)
    code, found, err = changed(tmp_path, objects, provider, revisions=revisions)
    assert (code, found, err) == (0, {"tap/guarded-team": ("deleted", "kept")}, "")

    file = tmp_path / "composition.yaml"
    file.write_text(composition(deletion="Never"))
    more = ("--composition", str(file))
    _, found, _ = changed(tmp_path, objects, provider, more, revisions=revisions)
    assert {*found} == {"tap/guarded-team", "tap/open-team", "tap/foreign-team"}


def test_the_user_is_told_that_a_composition_is_unknown(tmp_path: Path) -> None:
    code, _, err = changed(tmp_path, cluster(CLUSTER), CLUSTER, revisions=())
    assert code == 0
    assert "Note: the Composition of some claims is unknown" in err


@pytest.mark.parametrize("provider", APIS)
def test_a_named_repository_that_left_the_settings_is_covered_too(
    tmp_path: Path, provider: str
) -> None:
    cache = managed(provider, f"{NAME}-cache", composed="cacherepo")
    objects = [*cluster(provider), cache]
    both = dict.fromkeys((NAME, f"{NAME}-cache"), ("deleted", "kept"))
    named: tuple[Json, ...] = ({}, {"cache": {}})
    for repositories in named:
        found = changed(
            *(tmp_path, objects, provider), deletion="Never", repositories=repositories
        )
        assert found == (0, both, "")


@pytest.mark.parametrize("provider", APIS)
def test_what_the_function_no_longer_desires_goes_now(
    tmp_path: Path, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless another step of the pipeline composes it."""

    def forgetful(req: fnv1.RunFunctionRequest) -> fnv1.RunFunctionResponse:
        rsp = run_function(req)
        rsp.desired.resources.pop("imagerepo", None)
        return rsp

    monkeypatch.setattr("function.cli.impact_settings.run_function", forgetful)
    objects = cluster(provider)
    gone = {NAME: ("kept", "deleted")}
    assert changed(tmp_path, objects, provider) == (3, gone, "")
    objects[-1]["metadata"]["labels"].pop(REPOSITORY_ID)
    assert changed(tmp_path, objects, provider) == (0, {}, "")
