"""The managed reconciler: crossplane-runtime, pkg/reconciler/managed/reconciler.go.

Steps, conditions, annotations and finalizer are its own, in its order; it is the same
in v1.20.0, which the classic provider has, and in v2.0.0-20250730220209-c306b1c8b181,
which Upbound's v2.5.0 has.
"""

import copy
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from tests.simulation.simulated.ecr import EcrError, Place

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
# pkg/reconciler/managed/policies.go, defaultSupportedManagementPolicies. The empty set
# pauses.
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
    """An object of an API server."""

    group: str
    kind: str
    namespace: str
    name: str


class Api(NamedTuple):
    """A provider's API.

    Attributes:
        versions: Of each kind that is served; its Repository's is the Input's.
        manages: Whether management policies are honoured. The classic provider does so
            behind a flag that is off by default, and takes any other value than the
            default for an error.
    """

    group: str
    versions: dict[str, str]
    namespaced: bool
    manages: bool

    @property
    def provider(self) -> str:
        """What the Input calls it."""
        return f"{self.group}/{self.versions['Repository']}"


class ProviderError(Exception):
    """A step failed; its text becomes the Synced condition's message."""


class KilledError(Exception):
    """The provider was killed in the middle of a step."""


@dataclasses.dataclass
class Operation:
    """What a provider remembers of one resource while it lives.

    Attributes:
        running: What runs in the background, and what it does; it ends by itself.
        error: Of the last one. It outlasts the next Create, which returns it.
        force: What deletes images, as it was last applied; None if not known yet.
        deleted: Whether it deleted the external resource.
    """

    verb: str = ""
    running: Callable[[], None] | None = None
    error: str = ""
    force: bool | None = None
    deleted: bool = False


class External(Protocol):
    """How a kind's external resource is observed, made, changed and deleted."""

    in_background: bool

    def initialize(self, mr: Manifest) -> None:
        """Prepare the manifest."""

    def observe(self, mr: Manifest, operation: Operation) -> bool:
        """Write down what there is; whether there is something."""

    def late_initialize(self, mr: Manifest) -> None:
        """Fill in what the spec leaves open."""

    def differs(self, mr: Manifest, operation: Operation) -> bool:
        """Whether what there is differs from the spec."""

    def create(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        """Return the call that creates it, by the spec of now."""

    def update(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        """Return the call that changes it, by the spec of now."""

    def delete(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        """Return the call that deletes it, by the spec of now."""


class Provider:
    """One provider's program, for one of its APIs."""

    def __init__(self, cluster: "Cluster", api: Api) -> None:
        self.cluster = cluster
        self.api = api
        self.externals: dict[str, External] = {}
        self.operations: dict[str, Operation] = {}
        # By UID, what was desired of those that wait for a person.
        self._waiting: dict[str, Manifest] = {}

    def kill(self, *, finished: bool) -> None:
        """Kill and restart it: all that it remembers is lost.

        Args:
            finished: Whether AWS was still told what ran in the background.
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
        """End what runs in the background for a resource, and tell its status.

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
            ref: Which one.
            killed: When the provider is killed, if it creates something.
            meanwhile: What someone else does after it looked and before it acts.
        """
        mr = self.cluster.objects.get(ref)
        if mr is None:
            return
        uid = mr["metadata"]["uid"]
        desired = desired_state(mr)
        if self._waiting.get(uid) == desired:
            return
        self._waiting.pop(uid, None)
        try:
            self._steps(ref, mr, killed, meanwhile or (lambda: None))
        except KilledError:
            self.kill(finished=killed == "after the call")
        except (EcrError, ProviderError) as e:
            condition(mr, "Synced", str(e))

    def _steps(  # noqa: C901, PLR0911, PLR0912  # the reconciler's own
        self, ref: Ref, mr: Manifest, killed: Killed, meanwhile: Callable[[], None]
    ) -> None:
        external = self.externals[ref.kind]
        metadata = mr["metadata"]
        going = "deletionTimestamp" in metadata
        actions = set(mr["spec"].get("managementPolicies", ["*"]))
        if metadata["annotations"].get(PAUSED) == "true" or (
            self.api.manages and not actions
        ):
            condition(mr, "Synced", "ReconcilePaused")
            return
        supported = SUPPORTED if self.api.manages else [{"*"}]
        if actions not in supported:
            raise ProviderError(f"managementPolicies {sorted(actions)} not supported")
        if going and not may_delete(mr, manages=self.api.manages):
            self.cluster.remove(ref)
            return
        external.initialize(mr)
        if incomplete(metadata["annotations"]):
            condition(mr, "Ready", "Creating")
            condition(mr, "Synced", INCOMPLETE)
            # It does not ask again; only a change of the desired state has it look.
            self._waiting[metadata["uid"]] = desired_state(mr)
            return
        self.connect(mr)
        operation = self.operations.setdefault(metadata["uid"], Operation())
        self.connected(mr, operation)
        if operation.running:
            # It exists and is up to date, says upjet meanwhile (pkg/controller/
            # external_async_tfpluginsdk.go, Observe and Delete).
            if not going:
                self.cluster.finalize(ref)
                condition(mr, "Synced")
            return
        exists = not (going and operation.deleted) and external.observe(mr, operation)
        if not exists and self.api.manages and actions == {"Observe"} and not going:
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
        """Call AWS; or have it called, and say what the last failure was."""
        if not external.in_background:
            call()
            return
        operation.verb, operation.running = verb, call
        if said := operation.error:
            raise ProviderError(said)

    def connect(self, mr: Manifest) -> None:
        """See that the provider config is there.

        Raises:
            ProviderError: It is not.
        """
        self.cluster.account(mr)

    def connected(self, mr: Manifest, operation: Operation) -> None:
        """Remember what is known of the external resource."""

    def place(self, mr: Manifest) -> Place:
        """Where a Repository's repository is."""
        return Place(
            self.cluster.account(mr),
            mr["spec"]["forProvider"]["region"],
            mr["metadata"]["annotations"][EXTERNAL_NAME],
        )


def may(actions: set[str], action: str) -> bool:
    """Whether management policies allow an action."""
    return bool({action, "*"} & actions)


def may_delete(mr: Manifest, *, manages: bool) -> bool:
    """Whether the external resource goes with its managed resource.

    pkg/reconciler/managed/policies.go, ShouldDelete: of LegacyManaged ones, which have
    a deletion policy, and of the others.
    """
    policy = mr["spec"].get("deletionPolicy")
    actions = set(mr["spec"].get("managementPolicies", ["*"]))
    if policy is None:
        return may(actions, "Delete")
    if not manages:
        return bool(policy != "Orphan")
    if policy == "Delete" and may(actions, "Delete"):
        return True
    return actions != {"*"} and "Delete" in actions


def incomplete(annotations: dict[str, str]) -> bool:
    """Whether a creation began and nobody knows how it ended.

    crossplane-runtime, pkg/meta/meta.go, ExternalCreateIncomplete.
    """
    pending = annotations.get(PENDING, "")
    ends = (annotations.get(SUCCEEDED, ""), annotations.get(FAILED, ""))
    return bool(pending) and pending > max(ends)


def desired_state(mr: Manifest) -> Manifest:
    """Return what has a provider reconcile a managed resource again.

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
    """Set a condition: true, or false with a reason or message."""
    said = {"type": kind, "status": "False" if problem else "True"}
    said |= {"message": problem} if problem else {}
    conditions = mr["status"].setdefault("conditions", [])
    conditions[:] = [c for c in conditions if c["type"] != kind] + [said]


def is_true(mr: Manifest, kind: str) -> bool:
    """Whether a condition is true."""
    return any(
        c["type"] == kind and c["status"] == "True"
        for c in mr["status"].get("conditions", [])
    )
