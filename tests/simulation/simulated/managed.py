"""The managed reconciler: crossplane-runtime, pkg/reconciler/managed/reconciler.go.

Steps, their order, conditions, annotations and finalizer are those of the original. It
is the same in v1.20.0, which the classic provider uses, and in
v2.0.0-20250730220209-c306b1c8b181, which Upbound's v2.5.0 uses.
"""

import copy
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from tests.simulation.simulated.ecr import EcrError, Location

if TYPE_CHECKING:
    from tests.simulation.simulated.cluster import Cluster

Manifest = dict[str, Any]
Killed = Literal["", "before the call", "after the call"]

EXTERNAL_NAME = "crossplane.io/external-name"
PENDING = "crossplane.io/external-create-pending"
SUCCEEDED = "crossplane.io/external-create-succeeded"
FAILED = "crossplane.io/external-create-failed"
PAUSED = "crossplane.io/paused"
FINALIZER = "finalizer.managedresource.crossplane.io"
INCOMPLETE = (
    "cannot determine creation result - remove the crossplane.io/external-create-"
    "pending annotation if it is safe to proceed"
)
# pkg/reconciler/managed/policies.go, defaultSupportedManagementPolicies. An empty set
# pauses the resource.
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


class Ref(NamedTuple):
    """A reference to an object in the API server."""

    group: str
    kind: str
    namespace: str
    name: str


class Api(NamedTuple):
    """A provider's API.

    Attributes:
        versions: The version of each served kind; the input names that of Repository.
        honours_policies: Whether management policies are honoured. The classic provider
            does so only with a flag that is off by default. Without the flag, any value
            but the default is an error.
    """

    group: str
    versions: dict[str, str]
    namespaced: bool
    honours_policies: bool

    @property
    def provider(self) -> str:
        """The value of `provider` in the input."""
        return f"{self.group}/{self.versions['Repository']}"


class ProviderError(Exception):
    """A step failed; its text becomes the Synced condition's message."""


class KilledError(Exception):
    """The provider was killed in the middle of a step."""


@dataclasses.dataclass
class Operation:
    """What a provider keeps in memory about one resource.

    Attributes:
        verb: The name of the last operation.
        running: The call that runs in the background, if any.
        error: The error of the last operation; the next Create still returns it.
        force: The last applied value of forceDelete; None if not known yet.
        deleted: Whether the provider deleted the external resource.
    """

    verb: str = ""
    running: Callable[[], None] | None = None
    error: str = ""
    force: bool | None = None
    deleted: bool = False


class External(Protocol):
    """How to observe, create, update and delete the external resources of a kind."""

    in_background: bool

    def initialize(self, mr: Manifest) -> None:
        """Prepare the manifest."""

    def observe(self, mr: Manifest, operation: Operation) -> bool:
        """Write the observed state to the status; return whether it exists."""

    def late_initialize(self, mr: Manifest) -> None:
        """Copy observed values into unset fields of the spec."""

    def differs(self, mr: Manifest, operation: Operation) -> bool:
        """Whether the external resource differs from the spec."""

    def create(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        """Return the call that creates it according to the current spec."""

    def update(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        """Return the call that updates it according to the current spec."""

    def delete(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        """Return the call that deletes it according to the current spec."""


class Provider:
    """The program of a provider, for one of its APIs."""

    def __init__(self, cluster: "Cluster", api: Api) -> None:
        self.cluster = cluster
        self.api = api
        self.externals: dict[str, External] = {}
        self.operations: dict[str, Operation] = {}
        # The desired state of resources that wait for a person, by UID.
        self._waiting: dict[str, Manifest] = {}

    def kill(self, *, finished: bool) -> None:
        """Kill and restart the provider: it loses everything in memory.

        Args:
            finished: Whether background calls still reached AWS.
        """
        for operation in self.operations.values():
            if operation.running and finished:
                try:
                    operation.running()
                except EcrError:
                    continue
        self.operations.clear()
        self._waiting.clear()

    def finish(self, ref: Ref) -> None:
        """Finish the background call for a resource, and write the result to status.

        upjet v2.2.1-0.20251128133821-1e4f37b6b5f8, pkg/controller/api.go, callbackFn.
        """
        mr = self.cluster.objects.get(ref)
        if mr is None:
            return
        operation = self.operations.get(mr["metadata"]["uid"])
        if operation is None or operation.running is None:
            return
        call, operation.running = operation.running, None
        try:
            call()
        except EcrError as e:
            operation.error = f"async {operation.verb} failed: {e}"
            condition(mr, "LastAsyncOperation", operation.error)
            condition(mr, "Synced", f"{operation.verb} failed: {operation.error}")
        else:
            operation.error = ""
            condition(mr, "LastAsyncOperation")
            condition(mr, "Synced")

    def poll(
        self,
        ref: Ref,
        *,
        killed: Killed = "",
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """Reconcile one managed resource.

        Args:
            ref: The managed resource.
            killed: When the provider is killed, if it creates something.
            meanwhile: What someone else does between its observation and its action.
        """
        mr = self.cluster.objects.get(ref)
        if mr is None:
            return
        uid = mr["metadata"]["uid"]
        desired = desired_state(mr)
        if self._waiting.get(uid) == desired:
            return
        self._waiting.pop(uid, None)
        spec = copy.deepcopy(mr["spec"])
        try:
            self._steps(ref, mr, killed, meanwhile or (lambda: None))
        except KilledError:
            self.kill(finished=killed == "after the call")
        except (EcrError, ProviderError) as e:
            condition(mr, "Synced", str(e))
        if mr["spec"] != spec:
            mr["metadata"]["generation"] += 1
        for said in mr["status"].get("conditions", []):
            if said["type"] == "Synced":
                said["observedGeneration"] = mr["metadata"]["generation"]

    def _steps(  # noqa: C901, PLR0911, PLR0912  # the reconciler's own
        self, ref: Ref, mr: Manifest, killed: Killed, meanwhile: Callable[[], None]
    ) -> None:
        external = self.externals[ref.kind]
        metadata = mr["metadata"]
        going = "deletionTimestamp" in metadata
        actions = set(mr["spec"].get("managementPolicies", ["*"]))
        if metadata["annotations"].get(PAUSED) == "true" or (
            self.api.honours_policies and not actions
        ):
            condition(mr, "Synced", "ReconcilePaused")
            return
        supported = SUPPORTED if self.api.honours_policies else [{"*"}]
        if actions not in supported:
            raise ProviderError(f"managementPolicies {sorted(actions)} not supported")
        if going and not may_delete(mr, honours_policies=self.api.honours_policies):
            self.cluster.remove(ref)
            return
        external.initialize(mr)
        if incomplete(metadata["annotations"]):
            condition(mr, "Ready", "Creating")
            condition(mr, "Synced", INCOMPLETE)
            # It does not retry; only a change of the desired state reconciles it again.
            self._waiting[metadata["uid"]] = desired_state(mr)
            return
        self.connect(mr)
        operation = self.operations.setdefault(metadata["uid"], Operation())
        self.connected(mr, operation)
        if operation.running:
            # During the call, upjet reports that it exists and is up to date
            # (pkg/controller/external_async_tfpluginsdk.go, Observe and Delete).
            if not going:
                self.cluster.finalize(ref)
                condition(mr, "Synced")
            return
        exists = not (going and operation.deleted) and external.observe(mr, operation)
        if (
            not exists
            and self.api.honours_policies
            and actions == {"Observe"}
            and not going
        ):
            raise ProviderError("observe failed: external resource does not exist")
        meanwhile()
        if going:
            if not exists:
                self.operations.pop(metadata["uid"])
                self.cluster.remove(ref)
                return
            condition(mr, "Ready", "Deleting")
            self._do(external, "delete", external.delete(mr, operation), operation)
            condition(mr, "Synced")
            return
        self.cluster.finalize(ref)
        if not exists:
            if may(actions, "Create"):
                self._create(external, mr, operation, killed)
            return
        if may(actions, "LateInitialize"):
            external.late_initialize(mr)
        if not external.differs(mr, operation):
            if external.in_background:
                operation.error = ""
                condition(mr, "LastAsyncOperation")
        elif may(actions, "Update"):
            self._do(external, "update", external.update(mr, operation), operation)
        condition(mr, "Synced")

    def _create(
        self, external: External, mr: Manifest, operation: Operation, killed: Killed
    ) -> None:
        annotations = mr["metadata"]["annotations"]
        annotations[PENDING] = self.cluster.world.time()
        condition(mr, "Ready", "Creating")
        call = external.create(mr, operation)
        if killed == "before the call":
            raise KilledError
        try:
            self._do(external, "create", call, operation)
        except (EcrError, ProviderError) as e:
            annotations[FAILED] = self.cluster.world.time()
            raise ProviderError(f"create failed: {e}") from e
        if killed:
            raise KilledError
        annotations[SUCCEEDED] = self.cluster.world.time()
        condition(mr, "Synced")

    def _do(
        self,
        external: External,
        verb: str,
        call: Callable[[], None],
        operation: Operation,
    ) -> None:
        """Call AWS, or start the call in the background and raise the last error."""
        if not external.in_background:
            call()
            return
        operation.verb, operation.running = verb, call
        if said := operation.error:
            raise ProviderError(said)

    def connect(self, mr: Manifest) -> None:
        """Check that the provider config exists.

        Raises:
            ProviderError: It does not exist.
        """
        self.cluster.account(mr)

    def connected(self, mr: Manifest, operation: Operation) -> None:
        """Restore what the provider knows about the external resource."""

    def location(self, mr: Manifest) -> Location:
        """Return the location of the repository of a Repository resource."""
        return Location(
            self.cluster.account(mr),
            mr["spec"]["forProvider"]["region"],
            mr["metadata"]["annotations"][EXTERNAL_NAME],
        )


def may(actions: set[str], action: str) -> bool:
    """Whether management policies allow an action."""
    return bool({action, "*"} & actions)


def may_delete(mr: Manifest, *, honours_policies: bool) -> bool:
    """Whether the external resource is deleted with its managed resource.

    pkg/reconciler/managed/policies.go, ShouldDelete, both for LegacyManaged resources,
    which have a deletion policy, and for the others.
    """
    policy = mr["spec"].get("deletionPolicy")
    actions = set(mr["spec"].get("managementPolicies", ["*"]))
    if policy is None:
        return may(actions, "Delete")
    if not honours_policies:
        return bool(policy != "Orphan")
    if policy == "Delete" and may(actions, "Delete"):
        return True
    return actions != {"*"} and "Delete" in actions


def incomplete(annotations: dict[str, str]) -> bool:
    """Whether a creation started and its result is unknown.

    crossplane-runtime, pkg/meta/meta.go, ExternalCreateIncomplete.
    """
    pending = annotations.get(PENDING, "")
    ends = (annotations.get(SUCCEEDED, ""), annotations.get(FAILED, ""))
    return bool(pending) and pending > max(ends)


def desired_state(mr: Manifest) -> Manifest:
    """Return the part of a managed resource whose change triggers a reconcile.

    crossplane-runtime, pkg/resource/predicates.go, DesiredStateChanged.
    """
    annotations = mr["metadata"]["annotations"]
    return copy.deepcopy(
        {
            "annotations": {
                k: v for k, v in annotations.items() if k not in (PENDING, FAILED)
            },
            "labels": mr["metadata"]["labels"],
            "deleted": "deletionTimestamp" in mr["metadata"],
            "spec": mr["spec"],
        }
    )


def condition(mr: Manifest, kind: str, problem: str = "") -> None:
    """Set a condition to true, or to false with a problem as its message.

    The problem of the Ready condition is its reason: Creating, or Deleting.
    """
    said = {"type": kind, "status": "False" if problem else "True"}
    if problem:
        said |= {"reason" if kind == "Ready" else "message": problem}
    conditions = mr["status"].setdefault("conditions", [])
    conditions[:] = [c for c in conditions if c["type"] != kind] + [said]


def is_true(mr: Manifest, kind: str) -> bool:
    """Whether a condition is true."""
    return any(
        c["type"] == kind and c["status"] == "True"
        for c in mr["status"].get("conditions", [])
    )
