"""The admission policy that restricts who may choose the Composition of a claim.

Most tests need etcd, the API server and the controller manager, but no Crossplane. The
CRDs are those that Crossplane creates from our XRDs, with the permissions of its chart.
Only the last test runs Crossplane itself.
"""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from blocks import blocks, run
from build import core_crds
from control_plane import ControlPlane, Kubectl, KubectlError
from processes import Programs
from system import ROOT
from tenants import (
    CROSSPLANE_RIGHTS,
    GROUP,
    NAMESPACE,
    account,
    as_account,
    binding,
    cluster_role,
)

# The tests that need no provider share one control plane, in one process.
pytestmark = pytest.mark.xdist_group("admission")
VERSION = "v1alpha1"
PAGE = Path("docs/admission-policy.md")
POLICY = "ecr-repos-composition"
ROLE = "ecr-repos-choose-composition"
REFERENCE = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}},
}
SELECTOR = {
    "type": "object",
    "required": ["matchLabels"],
    "properties": {
        "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}
    },
}
# crossplane-runtime v2.4.0, pkg/xcrd/schemas.go.
MACHINERY: dict[str, dict[str, Any]] = {
    "compositionRef": REFERENCE,
    "compositionSelector": SELECTOR,
    "compositionRevisionRef": REFERENCE,
    "compositionRevisionSelector": SELECTOR,
    "compositionUpdatePolicy": {"type": "string", "enum": ["Automatic", "Manual"]},
}
# The default of XRs: spec.defaultCompositionUpdatePolicy.
WITH_DEFAULT = copy.deepcopy(MACHINERY)
WITH_DEFAULT["compositionUpdatePolicy"]["default"] = "Automatic"
OLDER = {"name": "workloadecrrepo-0123abc"}
LABELS = {"matchLabels": {"provider": "aws"}}
# The first value of each field, and the value that it is changed to.
VALUES: dict[str, tuple[Any, Any]] = {
    "compositionRef": ({"name": "workloadecrrepo"}, {"name": "recipe"}),
    "compositionSelector": (LABELS, {"matchLabels": {"provider": "mine"}}),
    "compositionRevisionRef": (OLDER, {"name": "workloadecrrepo-4567def"}),
    "compositionRevisionSelector": (LABELS, {"matchLabels": {"channel": "old"}}),
    "compositionUpdatePolicy": ("Manual", "Manual"),
}
SET = {field: value for field, (value, _) in VALUES.items()}
PARAMETERS = {
    "workloadName": "shop",
    "repoPrefix": "tap/workloads",
    "region": "eu-west-2",
    "providerName": "aws-provider",
}
# The claim and the XR of a v1-style XRD. The XR of a v2 XRD has the claim's kind.
PLACES = [
    ("v1", "WorkloadECRRepo", ("spec",)),
    ("v1", "XWorkloadECRRepo", ("spec",)),
    ("v2", "WorkloadECRRepo", ("spec", "crossplane")),
]
IDS = ["claim", "XR", "v2 XR"]


def crd(xrd: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the CRD that Crossplane creates from an XRD for its claim or XR."""
    spec = xrd["spec"]
    claims = kind == (spec.get("claimNames") or {}).get("kind")
    names = spec["claimNames"] if claims else spec["names"]
    namespaced = claims or spec.get("scope") == "Namespaced"
    (version,) = copy.deepcopy(spec["versions"])
    schema = version["schema"]["openAPIV3Schema"]
    properties = schema["properties"]["spec"]["properties"]
    if spec.get("scope") == "Namespaced":
        properties["crossplane"] = {"type": "object", "properties": WITH_DEFAULT}
    else:
        properties |= MACHINERY if claims else WITH_DEFAULT
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{spec['group']}"},
        "spec": {
            "group": spec["group"],
            "names": {**names, "listKind": f"{names['kind']}List"},
            "scope": "Namespaced" if namespaced else "Cluster",
            "versions": [
                {
                    "name": version["name"],
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def crds(api: str) -> list[dict[str, Any]]:
    """Return the CRDs of package/configuration, or of configuration-v2."""
    package = "configuration" if api == "v1" else "configuration-v2"
    xrd = yaml.safe_load((ROOT / "package" / package / "definition.yaml").read_text())
    return [crd(xrd, kind) for of, kind, _ in PLACES if of == api]


def page(heading: str, kubectl: Kubectl) -> None:
    """Run the code blocks under a heading of the page, and compare their output."""
    path = os.pathsep.join((str(kubectl.program.parent), os.environ["PATH"]))
    by = Path(__file__).relative_to(ROOT)
    of_it = [b for b in blocks() if b.page == PAGE and b.mark == f"run: {by}"]
    text = (ROOT / PAGE).read_text().splitlines()
    ran = 0
    for block in of_it:
        above = [line for line in text[: block.line] if line.startswith("## ")]
        if above[-1] == f"## {heading}":
            run(block, KUBECONFIG=str(kubectl.kubeconfig), PATH=path)
            ran += 1
    assert ran, f"{PAGE} has no code block to run under {heading}"


class Plane:
    """A control plane with the policy and the users of the test table."""

    def __init__(self, control: ControlPlane, kubectl: Kubectl) -> None:
        self.control, self.admin = control, kubectl
        self.api = ""
        self._users: dict[str, Kubectl] = {}

    def user(self, name: str, namespace: str = NAMESPACE) -> Kubectl:
        """Return kubectl that authenticates as a ServiceAccount."""
        if name not in self._users:
            self._users[name] = as_account(self.admin, name, namespace)
        return self._users[name]

    def serve(self, api: str) -> None:
        """Serve the CRDs of one API only."""
        if self.api == api:
            return
        if self.api:
            names = [each["metadata"]["name"] for each in crds(self.api)]
            self.admin("delete", "crd", *names)
        self.admin.apply(*crds(api))
        names = [f"crd/{each['metadata']['name']}" for each in crds(api)]
        self.admin("wait", "--for=condition=Established", "--timeout=60s", *names)
        self.api = api

        def refuses() -> bool:
            place = next(p for p in PLACES if p[0] == api)
            manifest = resource(place, compositionRef={"name": "recipe"})
            try:
                said = refusal(self.user("tenant"), manifest)
            except KubectlError:  # kubectl's discovery cache may be outdated
                return False
            return ROLE in said

        self.control.programs.wait("the policy is enforced", refuses, 120)


@pytest.fixture(scope="module")
def started() -> Iterator[Plane]:
    """A control plane with the policy, before any CRD is served."""
    programs = Programs("admission")
    try:
        control = ControlPlane(programs)
        kubectl = control.start()
        for name in (NAMESPACE, "platform"):
            kubectl("create", "namespace", name)
        kubectl.apply(
            # The role that Crossplane's RBAC manager creates for editors: all verbs.
            cluster_role("edit-claims", CROSSPLANE_RIGHTS),
            account("tenant"),
            binding("edit-claims", "tenant"),
            account("owner"),
            binding("cluster-admin", "owner", kind="RoleBinding"),
            account("aggregated"),
            # From Crossplane's chart, with another name to tell it apart.
            cluster_role(
                "crossplane",
                aggregationRule={
                    "clusterRoleSelectors": [
                        {
                            "matchLabels": {
                                "rbac.crossplane.io/aggregate-to-crossplane": "true"
                            }
                        }
                    ]
                },
            ),
            account("xp", "platform"),
            binding("crossplane", "xp", "platform"),
            binding("edit-claims", "xp", "platform"),
            account("unaggregated", "platform"),
            binding("edit-claims", "unaggregated", "platform"),
            account("member"),
            binding("edit-claims", "member"),
            binding(ROLE, "member"),
            account("member-here"),
            binding("edit-claims", "member-here"),
            binding(ROLE, "member-here", kind="RoleBinding"),
        )
        page("Install", kubectl)

        def aggregated() -> bool:
            found = kubectl.get("clusterrole", "crossplane") or {}
            return "choose" in json.dumps(found.get("rules"))

        programs.wait("the role is aggregated", aggregated)
        yield Plane(control, kubectl)
    finally:
        programs.close()


@pytest.fixture
def plane(request: pytest.FixtureRequest, started: Plane) -> Plane:
    """The control plane, serving the CRDs of a test's `place`."""
    started.serve(request.getfixturevalue("place")[0])
    return started


Place = tuple[str, str, tuple[str, ...]]
USERS = {"xp": "platform", "unaggregated": "platform"}


@pytest.fixture(scope="module", params=PLACES, ids=IDS)
def place(request: pytest.FixtureRequest) -> Place:
    """The API and kind to test, and the path of its composition fields."""
    return request.param  # type: ignore[no-any-return]


def resource(place: Place, name: str = "shop", **fields: Any) -> dict[str, Any]:
    """Return a claim or an XR with these composition fields."""
    _, kind, path = place
    spec: dict[str, Any] = {"parameters": dict(PARAMETERS)}
    if fields:
        (spec if len(path) == 1 else spec.setdefault("crossplane", {})).update(fields)
    metadata = {"name": name}
    if kind == "WorkloadECRRepo":
        metadata["namespace"] = NAMESPACE
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }


def write(kubectl: Kubectl, manifest: dict[str, Any], *command: str) -> None:
    """Write a manifest with a dry run, by default as a create."""
    verb = command or ("create",)
    kubectl(*verb, "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))


def refusal(kubectl: Kubectl, manifest: dict[str, Any], *command: str) -> str:
    """Return the error of a refused write, or "" if it is accepted."""
    try:
        write(kubectl, manifest, *command)
    except KubectlError as e:
        if POLICY not in str(e):
            raise
        return str(e)
    return ""


@pytest.fixture
def existing(plane: Plane, place: Place) -> Iterator[dict[str, Any]]:
    """A resource in which Crossplane and the platform have set all fields."""
    manifest = resource(place, "existing", **SET)
    where = ("-n", NAMESPACE) if place[1] == "WorkloadECRRepo" else ()
    plane.admin.apply(manifest)
    found = plane.admin.get(place[1], "existing", *where)
    assert found is not None
    yield found
    plane.admin("delete", place[1], "existing", *where)


def changed(
    existing: dict[str, Any], place: Place, fields: dict[str, Any]
) -> dict[str, Any]:
    """Return an existing resource with changed composition fields."""
    manifest = copy.deepcopy(existing)
    holder = manifest["spec"]
    if len(place[2]) > 1:
        holder = holder.setdefault("crossplane", {})
    for name in SET:
        holder.pop(name, None)
    holder.update(fields)
    return manifest


@pytest.mark.parametrize("user", ["tenant", "owner", "member-here"])
@pytest.mark.parametrize("field", VALUES)
def test_a_tenant_cannot_set_a_composition_field(
    plane: Plane, place: Place, field: str, user: str
) -> None:
    manifest = resource(place, **{field: VALUES[field][0]})
    if user == "owner" and place[1] == "XWorkloadECRRepo":
        # The owner of a namespace has no permissions on cluster-scoped resources.
        with pytest.raises(KubectlError, match=r"xworkloadecrrepos.* is forbidden"):
            write(plane.user(user), manifest)
        return
    said = refusal(plane.user(user), manifest)
    path = ".".join((*place[2], field))
    assert (
        f"{path}: only the platform team chooses a Composition and its revision, "
        "because it says which repositories are allowed and when they are deleted. "
        "Leave it as it was, or ask the platform team for the ClusterRole "
        f"{ROLE}."
    ) in said


def test_the_refusal_names_every_field(plane: Plane, place: Place) -> None:
    said = refusal(plane.user("tenant"), resource(place, **SET))
    names = ", ".join(".".join((*place[2], field)) for field in VALUES)
    assert f"{names}: only the platform team" in said
    assert "Leave them as they were" in said


@pytest.mark.parametrize("field", [f for f in VALUES if f != "compositionUpdatePolicy"])
def test_a_tenant_cannot_change_a_composition_field(
    plane: Plane, place: Place, existing: dict[str, Any], field: str
) -> None:
    manifest = changed(existing, place, {**SET, field: VALUES[field][1]})
    said = refusal(plane.user("tenant"), manifest, "replace")
    assert f"{'.'.join((*place[2], field))}: only the platform team" in said


def test_a_tenant_cannot_stop_updates(plane: Plane, place: Place) -> None:
    """On an object with the default update policy, or without any."""
    where = ("-n", NAMESPACE) if place[1] == "WorkloadECRRepo" else ()
    tenant = plane.user("tenant")
    tenant("create", "-f", "-", stdin=json.dumps(resource(place, "plain")))
    try:
        found = plane.admin.get(place[1], "plain", *where)
        assert found is not None
        pinned = {"compositionUpdatePolicy": "Manual", "compositionRevisionRef": OLDER}
        for command in (
            ("replace",),
            ("apply",),
            ("apply", "--server-side", "--force-conflicts"),
        ):
            manifest = changed(found, place, pinned)
            for server_owned in ("managedFields", "resourceVersion", "uid"):
                manifest["metadata"].pop(server_owned, None)
            said = refusal(tenant, manifest, *command)
            assert "compositionUpdatePolicy: only the platform team" in said, command
    finally:
        plane.admin("delete", place[1], "plain", *where)


def without_machinery(existing: dict[str, Any], place: Place) -> dict[str, Any]:
    return changed(existing, place, {})


def with_automatic(existing: dict[str, Any], place: Place) -> dict[str, Any]:
    return changed(existing, place, {**SET, "compositionUpdatePolicy": "Automatic"})


def with_parameters(existing: dict[str, Any], place: Place) -> dict[str, Any]:
    manifest = changed(existing, place, SET)
    manifest["spec"]["parameters"]["region"] = "eu-west-1"
    return manifest


def with_finalizer(existing: dict[str, Any], place: Place) -> dict[str, Any]:
    manifest = changed(existing, place, SET)
    manifest["metadata"]["finalizers"] = ["example.org/mine"]
    return manifest


@pytest.mark.parametrize(
    "edit",
    [with_parameters, with_finalizer, without_machinery, with_automatic],
    ids=["parameters", "a finalizer", "all taken away", "Automatic"],
)
def test_a_tenant_may_replace_without_choosing(
    plane: Plane,
    place: Place,
    existing: dict[str, Any],
    edit: Any,
) -> None:
    """Fields with their previous or their default value count as not chosen."""
    assert refusal(plane.user("tenant"), edit(existing, place), "replace") == ""


@pytest.mark.parametrize("command", [("apply",), ("apply", "--server-side")], ids=str)
def test_a_tenant_may_apply_without_composition_fields(
    plane: Plane, place: Place, existing: dict[str, Any], command: tuple[str, ...]
) -> None:
    """As Kyverno, Argo CD and Flux do; Crossplane has already set its fields."""
    del existing
    manifest = resource(place, "existing")
    if "--server-side" in command:
        command = (*command, "--force-conflicts", "--field-manager=kyverno")
    assert refusal(plane.user("tenant"), manifest, *command) == ""


def test_a_tenant_may_create_without_composition_fields(
    plane: Plane, place: Place
) -> None:
    tenant = plane.user("tenant")
    assert refusal(tenant, resource(place)) == ""
    automatic = resource(place, compositionUpdatePolicy="Automatic")
    assert refusal(tenant, automatic) == ""


def test_the_status_can_be_written_beside_composition_fields(
    plane: Plane, place: Place, existing: dict[str, Any]
) -> None:
    existing["status"] = {"repositories": {"image": {"name": "tap/workloads/shop-c"}}}
    existing["spec"] = changed(existing, place, {})["spec"]
    verb = ("replace", "--subresource=status")
    assert refusal(plane.user("tenant"), existing, *verb) == ""


@pytest.mark.parametrize("user", ["xp", "member"])
@pytest.mark.parametrize("field", VALUES)
def test_crossplane_and_members_of_the_role_set_composition_fields(
    plane: Plane, place: Place, field: str, user: str
) -> None:
    kubectl = plane.user(user, USERS.get(user, NAMESPACE))
    assert refusal(kubectl, resource(place, **{field: VALUES[field][0]})) == ""


def test_a_crossplane_without_aggregation_needs_the_role(
    plane: Plane, place: Place
) -> None:
    """Crossplane's permission comes from the role, not from its account name."""
    kubectl = plane.user("unaggregated", "platform")
    manifest = resource(place, **SET)
    assert ROLE in refusal(kubectl, manifest)
    bound = binding(ROLE, "unaggregated", "platform")
    plane.admin.apply(bound)
    try:
        plane.control.programs.wait(
            "the role takes effect", lambda: refusal(kubectl, manifest) == ""
        )
    finally:
        plane.admin("delete", "clusterrolebinding", bound["metadata"]["name"])


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("team", True),
        ("crossplane-name", False),
        ("Crossplane-Name", False),
        ("AWS:x", False),
        ("function-ecr-repos/created-by", False),
        ("ecrrepos.fn.tap.vrabbi.cloud/created-by", False),
        ("k" * 129, False),
    ],
)
def test_the_api_server_refuses_reserved_tags(
    plane: Plane,
    place: Place,
    key: str,
    taken: bool,
) -> None:
    manifest = resource(place)
    manifest["spec"]["parameters"]["repository"] = {"tags": {key: "x"}}
    if taken:
        write(plane.user("tenant"), manifest)
        return
    with pytest.raises(KubectlError, match="must not begin with aws:, crossplane-, "):
        write(plane.user("tenant"), manifest)


def test_the_documented_command_grants_the_role(plane: Plane, place: Place) -> None:
    manifest = resource(place, **SET)
    one = ("create", "--dry-run=server", "-f", "-", "--as=one")
    of_the_team = (*one, "--as-group=platform-team")
    name = "platform-team-choose-composition"
    plane.admin(
        "create",
        "clusterrolebinding",
        "one-edits",
        "--clusterrole=edit-claims",
        "--user=one",
    )
    page("Grant the role", plane.admin)
    try:
        plane.admin(*of_the_team, stdin=json.dumps(manifest))
        with pytest.raises(KubectlError, match="only the platform team"):
            plane.admin(*one, stdin=json.dumps(manifest))
    finally:
        plane.admin("delete", "clusterrolebinding", name, "one-edits")


def revision(number: int, composition: str = "workloadecrrepo") -> dict[str, Any]:
    """Return a CompositionRevision as Crossplane creates it."""
    return {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "CompositionRevision",
        "metadata": {
            # Crossplane's names end in a hash, so they do not sort by revision.
            "name": f"{composition}-{(number * 7) % 10}ab",
            "labels": {"crossplane.io/composition-name": composition},
        },
        "spec": {
            "compositeTypeRef": {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": "XWorkloadECRRepo",
            },
            "mode": "Pipeline",
            "pipeline": [{"step": "a", "functionRef": {"name": "function-ecr-repos"}}],
            "revision": number,
        },
    }


def test_the_documented_command_deletes_old_revisions(started: Plane) -> None:
    """With Crossplane's own CRD, and more than nine revisions to check the order."""
    for name in ("compositionrevisions", "compositions"):
        started.admin(
            "apply", "-f", core_crds() / f"apiextensions.crossplane.io_{name}.yaml"
        )
        crd_name = f"crd/{name}.apiextensions.crossplane.io"
        started.admin("wait", "--for=condition=Established", "--timeout=60s", crd_name)
    started.serve("v1")
    started.admin.apply(
        *map(revision, (2, 9, 10, 3)), revision(1, "another"), revision(2, "another")
    )
    page("Find claims that are pinned already", started.admin)
    page("Delete old revisions", started.admin)
    left = started.admin.all("compositionrevisions.apiextensions.crossplane.io")
    assert sorted(
        (
            r["metadata"]["labels"]["crossplane.io/composition-name"],
            r["spec"]["revision"],
        )
        for r in left
    ) == [
        ("another", 1),
        ("another", 2),
        ("workloadecrrepo", 10),
    ]


def test_nothing_is_refused_once_the_policy_is_removed(started: Plane) -> None:
    """Runs last, because it deletes the policy of the fixture."""
    page("Remove the policy", started.admin)
    place = next(p for p in PLACES if p[0] == started.api)
    started.control.programs.wait(
        "the policy is gone",
        lambda: not refusal(started.user("tenant"), resource(place, **SET)),
    )
