"""Stands in for the namespaced Upbound provider-aws. It is NOT that provider.

The provider's own program cannot be built from where the others come from. So e2e runs
this for `ecr.aws.m.upbound.io/v1beta1`, with its own minimal CRDs and real calls to the
ECR endpoint. Steps, conditions, annotations and finalizer are, in their order, those of

- crossplane-runtime v2.3.3, pkg/reconciler/managed: the managed reconciler;
- upjet v2.4.2, pkg/controller: what the provider's Terraform resources add. There a
  Repository is created, changed and deleted in the background (provider-upjet-aws,
  config/ecr: UseAsync). So `external-create-succeeded` is written when a creation
  *begins*, and the attempt after a failed one is marked `external-create-failed`
  whatever comes of it.

It has no connection secrets, selectors, events or back-off, and asks every second.

    standin_provider.py KUBECONFIG ECR_ENDPOINT
"""

import copy
import json
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3
import requests
import urllib3
from botocore.exceptions import ClientError

Manifest = dict[str, Any]
GROUP = "ecr.aws.m.upbound.io"
CONFIG_GROUP = "aws.m.upbound.io"
FINALIZER = "finalizer.managedresource.crossplane.io"
EXTERNAL_NAME = "crossplane.io/external-name"
CREATE = "crossplane.io/external-create-{}"
# managed.defaultSupportedManagementPolicies, without the order.
SUPPORTED = [
    {"*"},
    {"Observe", "Create", "Update", "LateInitialize", "Delete"},
    {"Observe"},
    {"Observe", "Create", "Update", "Delete"},
    {"Observe", "Create", "Update", "LateInitialize"},
    {"Observe", "Create", "Update"},
    {"Observe", "Create", "Delete", "LateInitialize"},
    {"Observe", "Create", "LateInitialize"},
    {"Observe", "Create", "Delete"},
    {"Observe", "Create"},
    {"Observe", "Delete"},
    {"Observe", "Update"},
    {"Observe", "LateInitialize"},
    {"Observe", "Update", "LateInitialize"},
]
PASS_S = 1.0


class ConflictError(Exception):
    """The object is newer than what was read, or gone: the next pass sees it."""


class ProviderError(Exception):
    """A step failed; its text becomes the Synced condition's message."""


class Api:
    """The API server, as a kubeconfig's user."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        self._server = config["clusters"][0]["cluster"]["server"]
        self._token = config["users"][0]["user"]["token"]
        self._local = threading.local()

    def list(self, plural: str) -> list[Manifest]:
        """Return all objects of one of our kinds."""
        found = self._call("GET", f"/apis/{GROUP}/v1beta1/{plural}")
        return found["items"] if found else []

    def get(self, path: str) -> Manifest | None:
        """Return what is there; None for nothing."""
        return self._call("GET", path)

    def update(self, mg: Manifest, subresource: str = "") -> Manifest:
        """Replace an object, and return what it became.

        Raises:
            ConflictError: It is another by now.
        """
        done = self._call("PUT", path_of(mg) + subresource, mg)
        if done is None:
            raise ConflictError
        # A list's items have no type of their own.
        return {**done, "apiVersion": mg["apiVersion"], "kind": mg["kind"]}

    def _call(
        self, method: str, path: str, body: Manifest | None = None
    ) -> Manifest | None:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["Authorization"] = f"Bearer {self._token}"
            # As the kubeconfig says, whatever the environment's proxies and CAs.
            self._local.session.trust_env = self._local.session.verify = False
        said = self._local.session.request(
            method, f"{self._server}{path}", json=body, timeout=10
        )
        if said.status_code == HTTPStatus.NOT_FOUND:
            return None
        if said.status_code == HTTPStatus.CONFLICT:
            raise ConflictError
        if not said.ok:
            raise ProviderError(f"{method} {path}: {said.status_code} {said.text}")
        return dict(said.json())


def path_of(mg: Manifest) -> str:
    """Return the path of one of our objects."""
    plural = next(k.plural for k in KINDS if k.kind == mg["kind"])
    where = mg["metadata"]
    namespaced = f"/apis/{GROUP}/v1beta1/namespaces/{where['namespace']}"
    return f"{namespaced}/{plural}/{where['name']}"


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def set_condition(
    mg: Manifest, kind: str, status: str, reason: str, message: str = ""
) -> None:
    """Set a condition; it keeps its time where it says the same as before."""
    said = {"type": kind, "status": status, "reason": reason}
    if message:
        said["message"] = message
    conditions = mg.setdefault("status", {}).setdefault("conditions", [])
    found = next((c for c in conditions if c["type"] == kind), None)
    if found is None:
        conditions.append({**said, "lastTransitionTime": now()})
    elif {k: found.get(k) for k in ("status", "reason", "message")} != {
        k: said.get(k) for k in ("status", "reason", "message")
    }:
        found.clear()
        found.update(said, lastTransitionTime=now())


def synced(mg: Manifest, error: str = "") -> None:
    """Say how the reconciliation went."""
    if error:
        set_condition(mg, "Synced", "False", "ReconcileError", error)
    else:
        set_condition(mg, "Synced", "True", "ReconcileSuccess")


def creating(mg: Manifest) -> None:
    """Say that it is being made."""
    set_condition(mg, "Ready", "False", "Creating")


class Ecr:
    """ECR's clients, one for each region."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, mg: Manifest) -> Any:  # noqa: ANN401  # boto3 has no types
        """Return the client of a resource's region."""
        region = mg["spec"]["forProvider"]["region"]
        with self._lock:
            if region not in self._clients:
                self._clients[region] = boto3.client(
                    "ecr",
                    region_name=region,
                    endpoint_url=self._endpoint,
                    aws_access_key_id="none",
                    aws_secret_access_key="none",  # noqa: S106
                )
            return self._clients[region]


def absent(e: ClientError) -> bool:
    """Whether an error says that something is not there."""
    return bool(re.search("NotFound(Exception)?$", e.response["Error"]["Code"]))


class Repositories:
    """aws_ecr_repository; the external name is the repository's."""

    kind, plural, in_background = "Repository", "repositories", True

    def __init__(self, ecr: Ecr) -> None:
        self.ecr = ecr

    def initialize(self, mg: Manifest) -> None:
        """Name it, and give it upjet's tags, which an observed one does not get."""
        metadata, spec = mg["metadata"], mg["spec"]
        annotations = metadata.setdefault("annotations", {})
        annotations.setdefault(EXTERNAL_NAME, metadata["name"])
        if set(spec["managementPolicies"]) != {"Observe"}:
            spec["forProvider"].setdefault("tags", {}).update(
                {
                    "crossplane-kind": f"repository.{GROUP}",
                    "crossplane-name": metadata["name"],
                    "crossplane-providerconfig": spec["providerConfigRef"]["name"],
                }
            )

    def observe(self, mg: Manifest) -> Manifest | None:
        """Return atProvider of what is there."""
        ecr, name = self.ecr(mg), mg["metadata"]["annotations"][EXTERNAL_NAME]
        try:
            (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
            arn = found["repositoryArn"]
            tags = ecr.list_tags_for_resource(resourceArn=arn)["tags"]
        except ClientError as e:
            if absent(e):
                return None
            raise
        wanted = mg["spec"]["forProvider"]
        known = mg.get("status", {}).get("atProvider", {})
        at = {
            "id": name,
            "arn": arn,
            "region": wanted["region"],
            "registryId": found["registryId"],
            "repositoryUrl": found["repositoryUri"],
            "imageTagMutability": found["imageTagMutability"],
            "imageScanningConfiguration": found["imageScanningConfiguration"],
            "encryptionConfiguration": [found["encryptionConfiguration"]],
            # ECR does not know it: it is as it was last applied.
            "forceDelete": known.get("forceDelete", wanted.get("forceDelete", False)),
        }
        if filters := found.get("imageTagMutabilityExclusionFilters"):
            at["imageTagMutabilityExclusionFilter"] = filters
        if tags:
            at["tags"] = at["tagsAll"] = {t["Key"]: t["Value"] for t in tags}
        return at

    def late_initialize(self, mg: Manifest, at: Manifest) -> None:
        """Fill in what the spec leaves open."""
        for field in ("imageTagMutability", "imageScanningConfiguration"):
            mg["spec"]["forProvider"].setdefault(field, at[field])

    def differs(self, mg: Manifest, at: Manifest) -> bool:
        """Whether what is there is not what the spec says."""
        wanted = mg["spec"]["forProvider"]
        return wanted.get("tags", {}) != unsigned(mg, at) or any(
            field in wanted and wanted[field] != at.get(field)
            for field in (
                *("forceDelete", "imageTagMutability", "imageScanningConfiguration"),
                *("imageTagMutabilityExclusionFilter", "encryptionConfiguration"),
            )
        )

    def create(self, mg: Manifest) -> Manifest:
        """Create it, with all that ECR takes at once; return what to remember."""
        wanted = mg["spec"]["forProvider"]
        given = {
            "repositoryName": mg["metadata"]["annotations"][EXTERNAL_NAME],
            "tags": tags_of({**signature(mg), **wanted.get("tags", {})}),
        }
        for field in ("imageTagMutability", "imageScanningConfiguration"):
            if field in wanted:
                given[field] = wanted[field]
        if filters := wanted.get("imageTagMutabilityExclusionFilter"):
            given["imageTagMutabilityExclusionFilters"] = filters
        if encryption := wanted.get("encryptionConfiguration"):
            (given["encryptionConfiguration"],) = encryption
        self.ecr(mg).create_repository(**given)
        return {"forceDelete": wanted.get("forceDelete", False)}

    def update(self, mg: Manifest, at: Manifest) -> Manifest:
        """Change what differs; return what to remember."""
        ecr, wanted, name = self.ecr(mg), mg["spec"]["forProvider"], at["id"]
        encryption = wanted.get(
            "encryptionConfiguration", at["encryptionConfiguration"]
        )
        if encryption != at["encryptionConfiguration"]:
            raise ProviderError(
                "refuse to update the external resource because the following update "
                "requires replacing it: encryption_configuration"
            )
        if scanning := wanted.get("imageScanningConfiguration"):
            ecr.put_image_scanning_configuration(
                repositoryName=name, imageScanningConfiguration=scanning
            )
        if mutability := wanted.get("imageTagMutability"):
            filters = wanted.get("imageTagMutabilityExclusionFilter")
            ecr.put_image_tag_mutability(
                repositoryName=name,
                imageTagMutability=mutability,
                **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
            )
        tags, there = wanted.get("tags", {}), unsigned(mg, at)
        if gone := sorted(there.keys() - tags.keys()):
            ecr.untag_resource(resourceArn=at["arn"], tagKeys=gone)
        if tags != there:
            ecr.tag_resource(resourceArn=at["arn"], tags=tags_of(tags))
        return {"forceDelete": wanted.get("forceDelete", False)}

    def delete(self, mg: Manifest, at: Manifest) -> None:
        """Delete it, with its images if it was told to."""
        self.ecr(mg).delete_repository(repositoryName=at["id"], force=at["forceDelete"])


def tags_of(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as ECR takes them."""
    return [{"Key": k, "Value": v} for k, v in sorted(tags.items())]


def signature(mg: Manifest) -> dict[str, str]:
    """Return the tags that are given at the creation alone."""
    return mg["spec"].get("initProvider", {}).get("tags", {})


def unsigned(mg: Manifest, at: Manifest) -> dict[str, str]:
    """Return the tags of what is there that the spec has a say in."""
    return {k: v for k, v in at.get("tags", {}).items() if k not in signature(mg)}


class Policies:
    """aws_ecr_lifecycle_policy and aws_ecr_repository_policy: one text of a repository.

    The external name comes with the creation, which takes what is there over.
    """

    in_background = False

    def __init__(  # noqa: PLR0913  # one argument for each thing in which they differ
        self,
        ecr: Ecr,
        kind: str,
        plural: str,
        *,
        field: str,
        get: str,
        put: str,
        replaces: bool,
    ) -> None:
        self.ecr, self.kind, self.plural = ecr, kind, plural
        self._replaces = replaces
        self._field, self._get, self._put = field, get, put

    def initialize(self, mg: Manifest) -> None:
        """Nothing: it is named when it is made."""

    def observe(self, mg: Manifest) -> Manifest | None:
        """Return atProvider of what is there."""
        name = mg["metadata"].get("annotations", {}).get(EXTERNAL_NAME)
        if not name:
            return None
        try:
            found = getattr(self.ecr(mg), self._get)(repositoryName=name)
        except ClientError as e:
            if absent(e):
                return None
            raise
        return {
            "id": name,
            "repository": name,
            "policy": found[self._field],
            "region": mg["spec"]["forProvider"]["region"],
            "registryId": found["registryId"],
        }

    def late_initialize(self, mg: Manifest, at: Manifest) -> None:
        """Nothing is left open."""

    def differs(self, mg: Manifest, at: Manifest) -> bool:
        """Whether the policies say different things."""
        wanted = json.loads(mg["spec"]["forProvider"]["policy"])
        return bool(json.loads(at["policy"]) != wanted)

    def create(self, mg: Manifest) -> Manifest:
        """Put the policy on its repository."""
        wanted = mg["spec"]["forProvider"]
        if "repository" not in wanted:
            raise ProviderError("spec.forProvider.repository is a required parameter")
        given = {self._field: wanted["policy"], "repositoryName": wanted["repository"]}
        getattr(self.ecr(mg), self._put)(**given)
        annotations = mg["metadata"].setdefault("annotations", {})
        annotations[EXTERNAL_NAME] = wanted["repository"]
        return {}

    def update(self, mg: Manifest, at: Manifest) -> Manifest:  # noqa: ARG002
        """Put it anew, where Terraform's resource can."""
        if self._replaces:
            raise ProviderError(
                "refuse to update the external resource because the following update "
                "requires replacing it: cannot change the value of the argument policy"
            )
        return self.create(mg)

    def delete(self, mg: Manifest, at: Manifest) -> None:
        """Take it away."""
        delete = self._get.replace("get_", "delete_")
        getattr(self.ecr(mg), delete)(repositoryName=at["id"])


KINDS: list[Any] = []


class Operation:
    """upjet's tracker of one resource's background operation."""

    def __init__(self) -> None:
        self.running = False
        # Kept after a failure until all is well: the next Create returns it.
        self.error = ""
        self.remembered: Manifest = {}


class Reconciler:
    """The managed reconciler, step by step."""

    def __init__(self, api: Api, pool: ThreadPoolExecutor) -> None:
        self._api = api
        self._pool = pool
        self._operations: dict[str, Operation] = {}

    def reconcile(self, external: Any, mg: Manifest) -> None:  # noqa: ANN401
        """Do what is next for one resource."""
        before = copy.deepcopy(mg.get("status"))
        try:
            self._steps(external, mg)
        except (ClientError, ProviderError) as e:
            synced(mg, str(e))
        if mg and mg.get("status") != before:
            self._api.update(mg, "/status")

    def _steps(  # noqa: C901, PLR0912, PLR0915  # the reconciler's own
        self,
        external: Any,  # noqa: ANN401
        mg: Manifest,
    ) -> None:
        metadata, spec = mg["metadata"], mg["spec"]
        actions = set(spec["managementPolicies"])
        annotations = metadata.setdefault("annotations", {})
        going = "deletionTimestamp" in metadata

        def may(action: str) -> bool:
            return bool({action, "*"} & actions)

        if not actions or annotations.get("crossplane.io/paused") == "true":
            set_condition(mg, "Synced", "False", "ReconcilePaused")
            return
        if actions not in SUPPORTED:
            raise ProviderError(
                "`spec.managementPolicies` is set to a value "
                f"({sorted(actions)}) which is not supported"
            )
        if going and not may("Delete"):
            self._finalize(mg)
            return
        self._update_if(mg, lambda: external.initialize(mg))
        if incomplete(mg["metadata"]["annotations"]):
            creating(mg)
            raise ProviderError(
                "cannot determine creation result - remove the "
                "crossplane.io/external-create-pending annotation if it is safe to "
                "proceed"
            )
        if not going:
            self._resolve(mg)
        self._connect(mg)

        uid = mg["metadata"]["uid"]
        operation = self._operations.setdefault(uid, Operation())
        if operation.running:
            # It exists and is up to date, says upjet meanwhile.
            if not going:
                self._add_finalizer(mg)
            synced(mg)
            return
        try:
            at = external.observe(mg)
        except ClientError as e:
            raise ProviderError(f"observe failed: {e}") from e
        if at is None and actions == {"Observe"}:
            raise ProviderError("observe failed: external resource does not exist")
        if at is not None:
            at.update(operation.remembered)
            operation.remembered = {}
            mg.setdefault("status", {})["atProvider"] = at
            set_condition(mg, "Ready", "True", "Available")
        if going:
            if at is None:
                self._operations.pop(uid)
                self._finalize(mg)
                return
            set_condition(mg, "Ready", "False", "Deleting")
            self._do(external, mg, "delete", lambda mg: external.delete(mg, at))
            synced(mg)
            return
        self._add_finalizer(mg)
        if at is None:
            if may("Create"):
                self._create(external, mg)
            return
        if may("LateInitialize"):
            self._update_if(mg, lambda: external.late_initialize(mg, at))
        if not external.differs(mg, at):
            if external.in_background:
                operation.error = ""
                set_condition(mg, "LastAsyncOperation", "True", "Success")
            synced(mg)
        elif may("Update"):
            self._do(external, mg, "update", lambda mg: external.update(mg, at))
            synced(mg)
        else:
            synced(mg)

    def _create(self, external: Any, mg: Manifest) -> None:  # noqa: ANN401
        mg["metadata"]["annotations"][CREATE.format("pending")] = now()
        self._update(mg)
        creating(mg)
        try:
            self._do(external, mg, "create", external.create)
        except (ClientError, ProviderError) as e:
            self._annotate(mg, CREATE.format("failed"), now())
            raise ProviderError(f"create failed: {e}") from e
        self._annotate(mg, CREATE.format("succeeded"), now())
        synced(mg)

    def _do(
        self,
        external: Any,  # noqa: ANN401
        mg: Manifest,
        verb: str,
        call: Callable[[Manifest], Manifest | None],
    ) -> None:
        """Call ECR, or have it called and return what the last failure was."""
        operation = self._operations[mg["metadata"]["uid"]]
        if not external.in_background:
            operation.remembered = call(mg) or {}
            return
        operation.running = True
        seen = copy.deepcopy(mg)

        def run() -> None:
            error = ""
            try:
                operation.remembered = call(seen) or {}
            except (ClientError, ProviderError) as e:
                error = f"async {verb} failed: {e}"
            operation.error = error
            operation.running = False
            self._call_back(seen, verb, error)

        said = operation.error
        self._pool.submit(run)
        if said:
            raise ProviderError(said)

    def _call_back(self, mg: Manifest, verb: str, error: str) -> None:
        """Write what became of an operation, upjet's APICallbacks."""
        while True:
            found = self._api.get(path_of(mg))
            if found is None:
                return
            if error:
                reason = f"Async{verb.capitalize()}Failure"
                set_condition(found, "LastAsyncOperation", "False", reason, error)
                synced(found, f"{verb} failed: {error}")
            else:
                set_condition(found, "LastAsyncOperation", "True", "Success")
                synced(found)
            try:
                self._api.update(found, "/status")
            except ConflictError:
                continue
            return

    def _connect(self, mg: Manifest) -> None:
        """See that the provider config is there."""
        ref = mg["spec"]["providerConfigRef"]
        base, kind = f"/apis/{CONFIG_GROUP}/v1beta1", ref["kind"]
        if kind == "ClusterProviderConfig":
            path = f"{base}/clusterproviderconfigs/{ref['name']}"
        else:
            namespace = mg["metadata"]["namespace"]
            path = f"{base}/namespaces/{namespace}/providerconfigs/{ref['name']}"
        if self._api.get(path) is None:
            raise ProviderError(
                f'connect failed: cannot get referenced {kind}: "{ref["name"]}" '
                "not found"
            )

    def _resolve(self, mg: Manifest) -> None:
        """Fill in the repository that a policy refers to."""
        wanted = mg["spec"]["forProvider"]
        ref = wanted.get("repositoryRef")
        if not ref or wanted.get("repository"):
            return
        path = path_of({"kind": "Repository", "metadata": {**mg["metadata"], **ref}})
        found = self._api.get(path) or {"metadata": {}}
        name = found["metadata"].get("annotations", {}).get(EXTERNAL_NAME)
        if not name:
            raise ProviderError(
                "cannot resolve references: mg.Spec.ForProvider.Repository: referenced "
                "field was empty (referenced resource may not yet be ready)"
            )
        wanted["repository"] = name
        self._update(mg)

    def _update_if(self, mg: Manifest, change: Callable[[], None]) -> None:
        was = copy.deepcopy(mg)
        change()
        if mg != was:
            self._update(mg)

    def _update(self, mg: Manifest) -> None:
        """Write all but the status, which keeps what is set and not yet written."""
        done = self._api.update(mg)
        if "status" in mg:
            done["status"] = mg["status"]
        mg.clear()
        mg.update(done)

    def _annotate(self, mg: Manifest, key: str, value: str) -> None:
        """Write an annotation for sure; the external name goes along."""
        name = mg["metadata"]["annotations"].get(EXTERNAL_NAME)
        while True:
            found = self._api.get(path_of(mg))
            if found is None:
                raise ConflictError
            annotations = found["metadata"].setdefault("annotations", {})
            annotations[key] = value
            if name:
                annotations[EXTERNAL_NAME] = name
            try:
                done = self._api.update(found)
            except ConflictError:
                continue
            mg["metadata"] = done["metadata"]
            return

    def _add_finalizer(self, mg: Manifest) -> None:
        finalizers = mg["metadata"].setdefault("finalizers", [])
        if FINALIZER not in finalizers:
            finalizers.append(FINALIZER)
            self._update(mg)

    def _finalize(self, mg: Manifest) -> None:
        finalizers = mg["metadata"].get("finalizers", [])
        if FINALIZER in finalizers:
            finalizers.remove(FINALIZER)
            self._api.update(mg)
        mg.clear()  # it is gone, and has no status


def incomplete(annotations: dict[str, str]) -> bool:
    """Whether a creation began and nobody knows how it ended."""
    pending, *ends = (
        annotations.get(CREATE.format(what), "")
        for what in ("pending", "succeeded", "failed")
    )
    return bool(pending) and all(pending > end for end in ends)


def main(kubeconfig: str, endpoint: str) -> None:
    """Reconcile all resources each second, several at once."""
    urllib3.disable_warnings()
    api, ecr = Api(Path(kubeconfig)), Ecr(endpoint)
    KINDS[:] = [
        Repositories(ecr),
        Policies(
            *(ecr, "LifecyclePolicy", "lifecyclepolicies"),
            field="lifecyclePolicyText",
            get="get_lifecycle_policy",
            put="put_lifecycle_policy",
            # terraform-provider-aws, internal/service/ecr/lifecycle_policy.go
            replaces=True,
        ),
        Policies(
            *(ecr, "RepositoryPolicy", "repositorypolicies"),
            field="policyText",
            get="get_repository_policy",
            put="set_repository_policy",
            replaces=False,
        ),
    ]
    with ThreadPoolExecutor(16) as pool, ThreadPoolExecutor(16) as background:
        reconciler = Reconciler(api, background)

        def one(external: Any, mg: Manifest) -> None:  # noqa: ANN401
            try:
                reconciler.reconcile(external, mg)
            except ConflictError:
                pass
            except Exception:  # noqa: BLE001  # the others go on
                traceback.print_exc()

        while True:
            for each in KINDS:
                try:
                    found = api.list(each.plural)
                except Exception:  # noqa: BLE001  # an API server that is away
                    traceback.print_exc()
                    continue
                list(
                    pool.map(
                        lambda mg, e=each: one(
                            e,
                            {**mg, "apiVersion": f"{GROUP}/v1beta1", "kind": e.kind},
                        ),
                        found,
                    )
                )
            time.sleep(PASS_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
