"""Write the recorded requests and responses again.

The requests are those of a Crossplane and a provider that are played here: what the
function desires is observed in the next request. With `--responses`, the requests stay
as they are, and the responses to them are written.
"""

import copy
import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import yaml

from tests.recorded.cases import (
    Case,
    Json,
    is_fatal,
    merged,
    patch,
    respond,
    write,
    write_responses,
)
from tests.recorded.cluster import (
    APIS,
    BUNDLE,
    CAPABILITIES,
    CHANGED_AT,
    CLAIM,
    CREATED_AT,
    IMAGE,
    NAMESPACE,
    PARAMETERS,
    PENDING,
    PREDECESSOR,
    PREFIX,
    SIGNATURE,
    SUCCEEDED,
    UID,
    Cluster,
    ready,
    synced,
)

# A case's name, its reason and its cluster, whose next request is taken at once.
Cases = Iterator[tuple[str, str, Cluster]]

# Far from the time of any test, so that the ttl does not depend on the clock.
DELETED_AT = "2026-11-25T09:00:00Z"
GONE = "observe failed: external resource does not exist"
UNRESOLVED = (
    "cannot determine creation result - remove the "
    "crossplane.io/external-create-pending annotation if it is safe to proceed"
)
DENIED = (
    "create failed: failed to create the Repository resource: AccessDeniedException: "
    "User is not authorized to perform: ecr:CreateRepository, request id: 1b2c-3d"
)
CIRCUIT_OPEN = {
    "lastTransitionTime": CHANGED_AT,
    "message": "Watch circuit breaker open",
    "reason": "WatchCircuitOpen",
    "status": "False",
    "type": "Responsive",
}
INPUTS: Json = yaml.safe_load(Path(__file__).with_name("inputs.yaml").read_text())
REPOSITORY: dict[str, Json] = INPUTS["repository"]
POLICIES = {"repository": REPOSITORY["policies"]}


def options(provider: str) -> Cases:
    """Each field of the Input, where nothing is there and where nothing changes."""
    for name, repository in REPOSITORY.items():
        given = {"input": {"repository": repository}}
        # Before the repositories are there, policies are not composed, and the classic
        # provider gets no options: `image: all` and `image: whole policies` show it.
        sent = repository.keys() - POLICIES["repository"].keys()
        first = bool(sent) and provider != "classic"
        yield from _stages(f"repository: {name}", provider, given, first=first)
    for name, given in INPUTS["options"].items():
        yield from _stages(name, provider, given, first=True)
    for deletion in ("OnlyCreated", "WhenEmpty", "Always", "Never"):
        adopted = Cluster(provider, {**POLICIES, "deletion": deletion}).adopted()
        reason = "which rights are given on what was there before"
        yield f"deletion {deletion}, adopted", reason, adopted
    for adopt in ("Observe", "Manage"):
        repository = POLICIES["repository"] | {"scanOnPush": True, "tags": {"a": "b"}}
        cluster = Cluster(provider, {"repository": repository, "adopt": adopt})
        if provider != "classic" or adopt == "Observe":
            cluster.adopted()
        reason = "which options are sent for what was there before"
        yield f"adopt {adopt}", reason, cluster


def _stages(name: str, provider: str, given: Json, *, first: bool) -> Cases:
    """Return where nothing is there, and where nothing changes, or the refusal."""
    cluster = _of(provider, given)
    cluster.ask()
    refused = is_fatal(cluster.response)
    if first or refused:
        yield f"{name}, first pass", "what is sent before creation", cluster
    if not refused:
        yield f"{name}, ready", "what is sent for good", cluster.settled()


def _of(provider: str, given: Json) -> Cluster:
    """Return a cluster with an Input and with parameters, as inputs.yaml has them."""
    parameters = merged(PARAMETERS, given.get("parameters", {}))
    return Cluster(provider, given.get("input"), parameters)


def overrides(provider: str) -> Cases:
    """Each option, as a workload has it."""
    every = sorted({option for each in REPOSITORY.values() for option in each})
    for name, repository in {**REPOSITORY, "none": {}}.items():
        given = {
            "input": {"allow": {"overrides": sorted(repository) or every}},
            "parameters": {"repository": repository},
        }
        cluster = _of(provider, given)
        cluster.ask()
        settled = cluster if is_fatal(cluster.response) else cluster.settled()
        yield name, "the platform lets a workload choose it", settled


def states(provider: str) -> Cases:
    """Each state of a claim's repositories that no other claim has."""

    def new() -> Cluster:
        return Cluster(provider)

    yield "first pass", "nothing is there, and nobody else has the names", new()
    yield "composed", "no provider has seen them", new().composed()
    yield "creating", "the providers create them", new().creating()
    unproven = new().made()
    for each in unproven.live:
        each["status"]["conditions"][0] = ready("False", "Creating")
        del each["status"]["atProvider"]
    reason = "the classic provider's record proves it; for the tag, others must look"
    yield "created, and not observed since", reason, unproven
    yield "created", "creation is proven, so the rights are given", new().made()
    yield "ready", "steady state", new().settled()
    for one, other in ((IMAGE, BUNDLE), (BUNDLE, IMAGE)):
        cluster = new().made()
        cluster.start(cluster.managed(other))
        cluster.managed(other)["status"].pop("atProvider", None)
        reason = "a bundle gets no rights before its image is there"
        yield f"{one} created, {other} creating", reason, cluster
    yield "found", "there before the claim", new().made(found=(IMAGE, BUNDLE))
    yield "adopted", "steady state of what was found", new().adopted()
    for name, reason, cluster, started in (
        (
            "found, with a record of creation",
            "it is older than the record",
            new().made(found=(IMAGE, BUNDLE)),
            CREATED_AT,
        ),
        (
            "created, and tried again",
            "the record is of an earlier attempt",
            new().made(),
            "2026-11-25T08:43:00Z",
        ),
    ):
        for each in cluster.live:
            record_of = {PENDING: started, SUCCEEDED: CREATED_AT}
            each["metadata"]["annotations"] |= record_of
        yield name, reason, cluster
    for one, other in ((IMAGE, BUNDLE), (BUNDLE, IMAGE)):
        cluster = new().settled(found=(other,))
        yield f"{one} created, {other} adopted", "one was there before", cluster
    denied = new().creating().fails(DENIED, is_ready=False)
    yield "creation denied", "ECR refuses, and the provider says so", denied
    failing = new().settled().fails("observe failed: ThrottlingException")
    yield "ready, observation fails", "the provider says so", failing
    late = new().settled()
    late.managed()["status"]["conditions"].append(
        {
            "message": "async update failed: AccessDeniedException",
            "reason": "AsyncUpdateFailure",
            "status": "False",
            "type": "LastAsyncOperation",
        }
    )
    yield "ready, an operation failed", "upjet's own condition says so", late
    unresolved = new().creating().fails(UNRESOLVED, is_ready=False)
    reason = "the provider died while it created, and waits for a person"
    yield "unresolved creation", reason, unresolved
    unresolved.composed()
    reason = "the function recorded it in an annotation"
    yield "unresolved creation, recorded", reason, unresolved
    unresolved.fails(DENIED, is_ready=False)
    yield "unresolved creation, tried again", "the record stays", unresolved
    gone = new().adopted().fails(GONE)
    yield "adopted, then gone", "deleted by hand while it is only observed", gone
    gone = new().settled().fails(GONE)
    yield "created, then gone", "deleted by hand, and the status is an old one", gone


def owners(provider: str) -> Cases:
    """Repositories that another claim has, or that were replaced."""

    def new(given: Json | None = None) -> Cluster:
        return Cluster(provider, given)

    for name, keys in {
        "both names": (IMAGE, BUNDLE),
        "image's name": (IMAGE,),
        "bundle's name": (BUNDLE,),
    }.items():
        yield f"{name} taken", "another claim created them", new().against(*keys)
    other = "upbound" if provider != "upbound" else "classic"
    taken = new().against(IMAGE, provider=other)
    yield "name taken in another provider's API", "`provider` was another", taken
    found = new().made(found=(IMAGE, BUNDLE)).against(IMAGE)
    yield "found, and another created it", "it is the other claim's", found
    created = new().settled().against(IMAGE, BUNDLE)
    yield "created, and another wants it", "it stays this claim's", created
    for name, since in (("they", "08:00:00"), ("we", "09:00:00")):
        adopted = new().adopted().against(IMAGE)
        theirs = adopted.others[0]
        adopted.finish(theirs, found=True)
        theirs["metadata"]["creationTimestamp"] = f"2026-11-25T{since}Z"
        yield f"both found it, {name} were first", "the first one has it", adopted
    racing = new().creating().against(IMAGE)
    yield "creating, and another created it", "both raced", racing
    denied = new().creating().fails(DENIED, is_ready=False).against(IMAGE)
    yield "creation denied, and another created it", "the bundle is released", denied
    yield from _releases(provider)
    left = new().against(IMAGE)
    del left.others[0]["metadata"]["ownerReferences"]
    yield "another claim left it behind", "no composite controls it any more", left
    for name, reason, says in (
        ("its own, without a controller", "this claim left it behind itself", CLAIM),
        ("shown what another left", "it is never taken over", "other"),
    ):
        shown = new().settled()
        for each in shown.live:
            del each["metadata"]["ownerReferences"]
            labels = each["metadata"]["labels"]
            each["metadata"]["labels"] = {
                key: value.replace(CLAIM, says) for key, value in labels.items()
            }
        yield name, reason, shown
    for name, reason, given in (
        ("replaced", "another repository has its place", {}),
        ("replaced, with policies", "its policies go", POLICIES),
        ("replaced, Always", "the platform gives the rights", {"deletion": "Always"}),
    ):
        yield name, reason, new(given).settled().replaced()
    for name, given in (("bundle", {}), ("policies", POLICIES)):
        # Its image was adopted, so the bundle has its rights; then the creator shows.
        lost = new(given).settled(found=(IMAGE,)).against(IMAGE)
        for step in count(1):
            reason = "the image is another claim's: one step after the other"
            yield f"{name} released, step {step}", reason, lost
            before = copy.deepcopy(lost.resources)
            if before == lost.composed().resources:
                break
    lost = new().settled(found=(IMAGE,)).against(IMAGE).composed()
    bundle = lost.managed(BUNDLE)
    bundle["metadata"]["deletionTimestamp"] = DELETED_AT
    yield "bundle released, deleting", "it was empty", lost
    bundle["status"]["conditions"][1] = synced("RepositoryNotEmptyException: it is not")
    yield "bundle released, not empty", "it stays in ECR", lost


def _releases(provider: str) -> Cases:
    """Names that another claim has, whose managed resources are being deleted."""

    def new() -> Cluster:
        return Cluster(provider)

    for name, keys, marked in (
        ("both names", (IMAGE, BUNDLE), (IMAGE, BUNDLE)),
        ("image's name", (IMAGE,), (IMAGE,)),
        ("both names taken, bundle's", (IMAGE, BUNDLE), (BUNDLE,)),
    ):
        going = new().against(*keys)
        for key, each in zip(keys, going.others, strict=True):
            if key in marked:
                each["metadata"]["deletionTimestamp"] = DELETED_AT
        reason = "the other claim was deleted, and its resources are not gone yet"
        yield f"{name} being released", reason, going
    found = new().made(found=(IMAGE, BUNDLE)).against(IMAGE)
    found.others[0]["metadata"]["deletionTimestamp"] = DELETED_AT
    yield "found, and its creator is being deleted", "it is not gone yet", found
    again = new().against(IMAGE, BUNDLE, owner=PREDECESSOR, parameters=PARAMETERS)
    yield "created again", "the predecessor's resources are not marked yet", again


def changes(provider: str) -> Cases:
    """What a claim or its platform changes under live repositories."""
    for name, given in INPUTS["changes"].items():
        before, after = given.get("before", {}), given.get("after", {})
        for state, found in (("created", ()), ("adopted", (IMAGE, BUNDLE))):
            changed = Cluster(provider, before).settled(found)
            changed.input = Cluster(provider, after).input
            changed.parameters |= given.get("parameters", {})
            yield f"{name}, {state}", "it changes while they are live", changed
            if state == "created" and name.startswith("options"):
                yield f"{name}, next", "one reconcile later", changed.apply()
    wanted = Cluster(provider).settled().against(IMAGE)
    wanted.parameters |= {"workloadName": "other", "providerName": "other"}
    yield "parameters, and another wants the old name", "it stays", wanted
    moved = {"classic": "upbound", "upbound": "classic", "namespaced": "upbound"}
    changed = Cluster(provider).settled()
    changed.input["provider"] = APIS[moved[provider]]
    yield "provider", "a live one stays in its API", changed
    policies = Cluster(provider, POLICIES).settled()
    life = policies.managed(f"{IMAGE}-lifecycle")
    problem = [ready("False", "Unavailable"), synced("update failed: it is denied")]
    life["status"]["conditions"] = problem
    yield "a policy has a problem", "the condition says it", policies
    composed = Cluster(provider, POLICIES).made().composed()
    yield "policies are composed", "no provider has seen them", composed


def crossplane(provider: str) -> Cases:
    """What differs between versions and states of Crossplane."""

    for name, cluster in {
        "first pass": Cluster(provider),
        "creating": Cluster(provider).creating(),
        "ready": Cluster(provider).settled(),
        "adopted": Cluster(provider).adopted(),
        "observation fails": Cluster(provider).settled().fails("observe failed"),
    }.items():
        cluster.xr["status"] = {"conditions": [CIRCUIT_OPEN]}
        yield f"circuit open, {name}", "Crossplane drops watch events", cluster
    for name, cluster in {
        "first pass": Cluster(provider),
        "ready": Cluster(provider).settled(),
        "refused": Cluster(provider, None, {**PARAMETERS, "region": "Here"}),
        "refused and reduced": _refused(provider, {"deletion": "Never"}),
    }.items():
        cluster.earlier = INPUTS["earlier"]
        yield f"an earlier step, {name}", "what it wants is passed on", cluster
    for name, reason, capabilities in (
        ("no capabilities", "it is older than they are", []),
        ("no schemas", "it cannot be asked for schemas", CAPABILITIES[:2]),
    ):
        for stage, cluster in (
            ("first pass", Cluster(provider)),
            ("adopted", Cluster(provider).adopted()),
        ):
            cluster.capabilities = capabilities
            yield f"{name}, {stage}", reason, cluster
    for name, cluster in {
        "first pass": Cluster(provider),
        "ready": Cluster(provider).settled(),
    }.items():
        for each in (cluster.xr, *cluster.live):
            del each["metadata"]["uid"]
            each["metadata"].pop("ownerReferences", None)
        yield f"no UIDs, {name}", "as in the files of `render`", cluster


def _refused(provider: str, given: Json | None = None) -> Cluster:
    """Return a live claim whose region was changed to one that cannot be."""
    cluster = Cluster(provider, POLICIES).settled()
    cluster.input |= given or {}
    cluster.parameters["region"] = "Here"
    return cluster


def refusals(provider: str) -> Cases:
    """Each refusal, where nothing is there; of each kind one with live repositories."""
    for name, given in INPUTS["refusals"].items():
        where = "the XR" if "parameters" in given else "the Input"
        yield name, f"what is wrong is in {where}", _of(provider, given)
    nowhere, scope = Cluster(provider), Cluster(provider)
    nowhere.xr["metadata"].pop("namespace", None)
    nowhere.xr["spec"].pop("claimRef", None)
    yield "no namespace", "an XR that was created by hand", nowhere
    if provider == "namespaced":
        del scope.xr["metadata"]["namespace"]
        scope.xr["spec"]["claimRef"] = {"name": CLAIM, "namespace": NAMESPACE}
    else:
        scope.xr["metadata"]["namespace"] = NAMESPACE
    yield "wrong scope", "an XR of this scope cannot own such resources", scope
    yield from _reductions(provider)


def _reductions(provider: str) -> Cases:
    """What a live claim that is refused loses: rights that are not earned."""
    yield "live, a bad region", "nothing changes", _refused(provider)
    denied, broken = {"allow": {"regions": ["us-*"]}}, {"unknown": 1}
    for name, given, lost in (
        ("not allowed", denied, "the right to delete goes"),
        ("a broken Input", broken, "what it says of deletion is not known"),
    ):
        live = Cluster(provider).settled()
        live.input |= given
        yield f"live, {name}", "nothing changes", live
        live.input["deletion"] = "Never"
        yield f"live, {name}, Never", lost, live
    never = _refused(provider, {"deletion": "Never"})
    yield "live, a bad region, Never", "the right to delete goes", never
    reason = "there is nothing left to take"
    yield "live, a bad region, Never, next", reason, never.composed()
    yield "live, replaced", "all rights go", _refused(provider).replaced()
    always = _refused(provider, {"deletion": "Always"}).replaced()
    yield "live, replaced, Always", "the platform gives them", always
    adopted = Cluster(provider, {"deletion": "Always"}).adopted()
    adopted.parameters["region"] = "Here"
    yield "live, adopted, Always", "nobody else has it", adopted


def own(provider: str) -> Cases:
    """What only some providers have cases of."""
    cluster = Cluster(provider).settled()
    if provider == "classic":
        for each in cluster.live:
            each["metadata"]["annotations"][f"{PREFIX}/created-by"] = "another-uid"
        yield "restored from a backup", "the record is another composite's", cluster
        for name, cluster in {
            "first pass": Cluster(provider),
            "ready": Cluster(provider).settled(),
        }.items():
            del cluster.input["provider"]
            yield f"empty Input, {name}", "all by default", cluster
            cluster.input.clear()
            yield f"no Input, {name}", "all by default", cluster
        return
    for each in cluster.live:
        each["spec"]["forProvider"]["tags"][SIGNATURE] = UID
    reason = "in the spec it proves nothing"
    yield "a copied signature", reason, cluster
    for each in cluster.live:
        del each["spec"]["forProvider"]["tags"]
    yield "no tags of the provider's", "it would copy ours", cluster
    if provider == "namespaced":
        kept = Cluster(provider, {"connection": {"kind": "Secret"}}).settled()
        kept.input["deletion"] = "Never"
        kept.parameters["region"] = "Here"
        yield "refused, with a connection", "its object stays", kept


def settings(provider: str) -> Cases:
    """The platform settings: missing, broken, and over the Input."""
    always = {"deletion": "Always", "settings": "Optional"}
    required = {"settings": "Required"}

    def under(data: Json | None, given: Json, found: tuple[str, ...] = ()) -> Cluster:
        cluster = Cluster(provider, given).settled(found)
        cluster.settings = data
        return cluster

    yield "none, optional", "the Input alone applies", under(None, always)
    yield "none, required", "nothing changes", under(None, required)
    first = Cluster(provider, required)
    yield "none, required, first pass", "nothing is composed", first
    yield "broken", "nothing changes", under({"deletion": "Nevr"}, required)
    yield "empty", "they set nothing", under({}, required)
    never = {"deletion": "Never"}
    yield "deletion Never", "live resources lose rights", under(never, always)
    both = (IMAGE, BUNDLE)
    yield "deletion Never, adopted", "as above", under(never, always, both)
    refused = under(never, always)
    refused.parameters["region"] = "Here"
    yield "deletion Never, refused", "a refused claim loses them too", refused
    allow = {"allow": {"repoPrefixes": ["tap/{namespace}", "tap/{namespace}/*"]}}
    yield "a prefix of the namespace", "the claim's is another", under(allow, required)
    own = under(allow, required)
    own.parameters["repoPrefix"] = f"tap/{NAMESPACE}/team"
    yield "a prefix of the namespace, its own", "it is allowed", own
    default = Cluster(provider, required)
    default.settings = {"defaults": {"repoPrefix": "tap/{namespace}"}, "bundle": False}
    del default.parameters["repoPrefix"]
    yield "a default prefix of the namespace", "it has the claim's", default
    yield (
        "tags over tags",
        "their options come last",
        under(
            {"repository": {"tags": {"a": "settings"}}},
            {"repository": {"tags": {"a": "input", "b": "input"}}},
        ),
    )


def calls(provider: str) -> Iterator[tuple[str, str, Json]]:
    """Return requests before their requirements settled: name, reason and request."""
    first = Cluster(provider)
    yield "first pass, first call", "nothing was required yet", first.ask(calls=1)
    unknown = Cluster(provider).settled().ask(calls=1)
    del unknown["requiredResources"]
    yield "no settings yet", "Crossplane has not looked for them", unknown
    lost = Cluster(provider, {"deletion": "Always"}).adopted().against(IMAGE)
    lost.parameters["region"] = "Here"
    reason = "a refused claim asks who else has what it adopted"
    yield "refused, another has it, first call", reason, lost.ask(calls=1)
    reason = "it requires the same again, so that the requirements settle"
    yield "refused, another has it, second call", reason, lost.ask(calls=2)


TOPICS: dict[str, Callable[[str], Cases]] = {
    each.__name__: each
    for each in (
        options,
        overrides,
        states,
        owners,
        changes,
        crossplane,
        refusals,
        own,
        settings,
    )
}


def record(provider: str) -> None:
    """Write a provider's bases and cases."""
    bases = {
        "first": Cluster(provider).ask(),
        "ready": Cluster(provider).settled().ask(),
        "adopted": Cluster(provider).adopted().ask(),
        "policies": Cluster(provider, POLICIES).settled().ask(),
    }

    def case(topic: str, name: str, reason: str, request: Json) -> Case:
        lengths = {k: len(json.dumps(patch(v, request))) for k, v in bases.items()}
        base = min(lengths, key=lambda each: lengths[each])
        return Case(provider, topic, name, reason, base, request, respond(request))

    cases = {
        topic: [
            case(topic, name, why, each.ask()) for name, why, each in make(provider)
        ]
        for topic, make in TOPICS.items()
    }
    cases["calls"] = [case("calls", *each) for each in calls(provider)]
    write(provider, bases, cases)


if __name__ == "__main__":
    if "--responses" in sys.argv[1:]:
        write_responses()
    else:
        for api in APIS:
            record(api)
