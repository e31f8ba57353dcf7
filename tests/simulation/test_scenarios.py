"""Known failures, step by step. The random worlds would find them only by chance.

Each scenario ends with `check_settled`: all programs act until nothing changes. It
checks that every right was earned and that nothing waits for ever.
"""

from typing import Any

import pytest

from tests.simulation.simulated.classic import CLASSIC
from tests.simulation.simulated.cluster import Cluster, Composite
from tests.simulation.simulated.ecr import Claim, Location
from tests.simulation.simulated.managed import Api, Ref
from tests.simulation.simulated.starts import apply, parameters
from tests.simulation.simulated.upjet import NAMESPACED, UPBOUND
from tests.simulation.simulated.world import World

ONE, TWO = "111111111111", "222222222222"
REGION = "eu-west-2"
IMAGE = Location(ONE, REGION, "t/a-b-c")
BUNDLE = Location(ONE, REGION, "t/a-b-c-bundle")
# Two claims whose repositories have the same names.
FIRST, SECOND = ("c", "ab"), ("b-c", "a")
ALL = pytest.mark.parametrize(
    "api", [CLASSIC, UPBOUND, NAMESPACED], ids=lambda api: api.group
)
THE_CLASSIC_ONE = pytest.mark.parametrize("api", [CLASSIC], ids=lambda api: api.group)
UPBOUNDS = pytest.mark.parametrize(
    "api", [UPBOUND, NAMESPACED], ids=lambda api: api.group
)
KEEP_FIVE = {"repository": {"lifecycle": {"keepLast": 5}}}


def poll(cluster: Cluster, ref: Ref, **how: Any) -> None:
    cluster.provider(ref).poll(ref, **how)


def finish(cluster: Cluster, ref: Ref) -> None:
    cluster.provider(ref).finish(ref)


@ALL
def test_images_are_only_deleted_with_their_claim(world: World, api: Api) -> None:
    cluster = world.cluster("east", api)
    world.create_by_hand(Location(ONE, REGION, "t/other"))
    claim = apply(cluster, FIRST)
    world.check_settled()
    assert (claim.reason, claim.ready) == ("Available", True)
    world.push(IMAGE)
    cluster.delete(claim)
    world.check_settled()
    assert (cluster.objects, list(world.ecr.repositories)) == (
        {},
        [Location(ONE, REGION, "t/other")],
    )


@ALL
def test_an_existing_repository_is_kept(world: World, api: Api) -> None:
    cluster = world.cluster("east", api)
    world.create_by_hand(IMAGE)
    claim = apply(cluster, FIRST)
    world.check_settled()
    assert (claim.reason, claim.ready) == ("Adopted", True)
    cluster.delete(claim)
    world.check_settled()
    assert list(world.ecr.repositories) == [IMAGE]


@ALL
def test_when_empty_deletes_what_holds_no_image(world: World, api: Api) -> None:
    cluster = world.cluster("east", api)
    cluster.configure(deletion="WhenEmpty")
    claim = apply(cluster, FIRST)
    world.check_settled()
    world.push(IMAGE)
    cluster.delete(claim)
    world.check_settled()
    assert list(world.ecr.repositories) == [IMAGE]
    (waits,) = cluster.managed()
    assert cluster.is_deleted(waits)
    again = apply(cluster, FIRST)
    cluster.reconcile(again)
    assert again.reason == "PreviousDeleting"
    assert "still holds images" in again.message
    world.releases = True
    world.check_settled()
    assert (again.reason, again.ready) == ("Adopted", True)
    cluster.delete(again)
    world.check_settled()
    assert cluster.objects == {}
    assert [(at, it.images) for at, it in world.ecr.repositories.items()] == [
        (IMAGE, 1)
    ]


@ALL
@pytest.mark.parametrize(
    ("settles", "kept"),
    [(False, {IMAGE, BUNDLE}), (True, {IMAGE})],
    ids=["before", "after"],
)
def test_when_empty_protects_live_claims(
    world: World, api: Api, kept: set[Location], *, settles: bool
) -> None:
    """Before the provider has applied forceDelete: false, nothing is deleted."""
    cluster = world.cluster("east", api)
    claim = apply(cluster, FIRST)
    world.check_settled()
    world.push(IMAGE)
    cluster.configure(deletion="WhenEmpty", repository={"forceDelete": True})
    cluster.reconcile(claim)
    if settles:
        world.check_settled()
    world.ecr.keeps_images = world.releases = True
    cluster.delete(claim)
    world.check_settled()
    assert cluster.objects == {}
    assert {*world.ecr.repositories} == kept


@ALL
def test_when_empty_protects_a_refused_claim(world: World, api: Api) -> None:
    cluster = world.cluster("east", api)
    claim = apply(cluster, FIRST)
    world.check_settled()
    world.push(IMAGE)
    apply(cluster, FIRST, region="nowhere")
    cluster.configure(deletion="WhenEmpty")
    world.check_settled()
    assert claim.reason == "InvalidParameters"
    world.ecr.keeps_images = True
    cluster.delete(claim)
    world.check_settled()
    assert cluster.objects == {}
    assert {*world.ecr.repositories} == {IMAGE, BUNDLE}


@pytest.mark.parametrize("deletion", ["OnlyCreated", "WhenEmpty"])
def test_a_namespace_that_hangs_is_released(world: World, deletion: str) -> None:
    cluster = world.cluster("east", NAMESPACED)
    cluster.configure(deletion=deletion, **KEEP_FIVE)
    apply(cluster, FIRST)
    world.check_settled()
    world.push(IMAGE)
    world.releases = world.ecr.keeps_images = True
    cluster.delete_namespace(FIRST[0])
    world.check_settled()
    assert (cluster.objects, cluster.terminating) == ({}, set())
    assert {*world.ecr.repositories} == {IMAGE, BUNDLE}


@UPBOUNDS
def test_the_providers_own_tag_is_no_proof(world: World, api: Api) -> None:
    """H1: with full rights a provider tags every repository with `crossplane-name`."""
    cluster = world.cluster("east", api)
    claim = apply(cluster, FIRST)
    cluster.reconcile(claim)
    image = claim.refs["imagerepo"]
    poll(cluster, image)
    world.create_by_hand(IMAGE)
    finish(cluster, image)  # refused, but was recorded as succeeded when it started
    cluster.configure(deletion="Always")
    world.check_settled()
    cluster.configure()
    world.check_settled()
    assert claim.reason == "Adopted"
    cluster.delete(claim)
    world.check_settled()
    assert world.ecr.find(IMAGE)


@UPBOUNDS
def test_two_clusters_never_both_own_a_repository(world: World, api: Api) -> None:
    """H2: the managed resources of both clusters have the same name and tag."""
    clusters = [world.cluster(name, api) for name in ("east", "west")]
    claims = [apply(cluster, FIRST) for cluster in clusters]
    for cluster, claim in zip(clusters, claims, strict=True):
        cluster.reconcile(claim)
    for step in (poll, finish):
        for cluster, claim in zip(clusters, claims, strict=True):
            for ref in claim.refs.values():
                step(cluster, ref)
    world.push(IMAGE)
    world.check_settled()
    assert [claim.reason for claim in claims] == ["Available", "Adopted"]
    clusters[1].delete(claims[1])
    world.check_settled()
    assert world.ecr.find(IMAGE)


def test_no_two_composites_hold_one_repository_each(world: World) -> None:
    """M1: a bundle got its rights before the owner of its image was decided."""
    cluster = world.cluster("east", NAMESPACED)
    first, second = apply(cluster, FIRST), apply(cluster, SECOND)
    cluster.reconcile(first)
    cluster.reconcile(second, behind=1)
    image, bundle = first.refs["imagerepo"], second.refs["bundlerepo"]
    poll(cluster, bundle)
    finish(cluster, bundle)
    poll(cluster, bundle)
    cluster.reconcile(second)
    poll(cluster, image)
    finish(cluster, image)
    world.check_settled()
    assert sorted(c.reason for c in (first, second)) == ["Available", "NameTaken"]


@UPBOUNDS
def test_a_forged_tag_is_no_proof(world: World, api: Api) -> None:
    """M2: a workload may set any tag, including the one that the provider writes."""
    # With default tags, the provider would overwrite the forged tag in time.
    cluster = world.cluster("east", api, default_tags=False)
    cluster.configure(allow={"overrides": ["tags"]})
    forged = {"crossplane-name": "theirs"}
    claim = apply(cluster, FIRST, repository={"tags": forged})
    cluster.reconcile(claim)
    for ref in claim.refs.values():
        poll(cluster, ref)
    world.create_by_hand(IMAGE, forged)
    world.check_settled()
    cluster.delete(claim)
    world.check_settled()
    assert world.ecr.find(IMAGE)


@ALL
def test_options_are_not_written_onto_an_existing_repository(
    world: World, api: Api
) -> None:
    """M4: the classic provider writes the first manifest's options onto a repository.

    It always removes the tags of a repository that it adopts: Exemption.CLASSIC_ADOPTS.
    """
    cluster = world.cluster("east", api)
    cluster.configure(
        repository={
            "imageTagMutability": "IMMUTABLE",
            "scanOnPush": True,
            "tags": {"team": "platform"},
        }
    )
    world.create_by_hand(IMAGE, {"team": "others"})
    claim = apply(cluster, FIRST)
    world.check_settled()
    assert (claim.reason, claim.ready) == ("Adopted", True)
    theirs, ours = world.ecr.repositories[IMAGE], world.ecr.repositories[BUNDLE]
    assert (theirs.mutability, theirs.scan_on_push) == ("MUTABLE", False)
    assert (ours.mutability, ours.scan_on_push) == ("IMMUTABLE", True)
    assert ours.tags["team"] == "platform"


def test_a_repository_older_than_its_creation_record_is_not_owned(world: World) -> None:
    """M5: a provider config may be changed to another account."""
    cluster = world.cluster("east", CLASSIC)
    world.create_by_hand(IMAGE._replace(account=TWO))
    world.pass_time(days=2000)
    claim = apply(cluster, FIRST)
    world.check_settled()
    assert claim.reason == "Available"
    cluster.repoint("p", TWO)
    world.check_settled()
    assert claim.reason == "Adopted"
    cluster.delete(claim)
    world.check_settled()
    assert IMAGE._replace(account=TWO) in world.ecr.repositories


REFUSED: dict[str, dict[str, Any]] = {
    "a bad edit": {"region": "nowhere"},
    "not allowed": {"repoPrefix": "elsewhere"},
}


@ALL
@pytest.mark.parametrize("edit", REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_claim_still_loses_rights(
    world: World, api: Api, edit: dict[str, Any]
) -> None:
    """M6: a fatal result would keep all rights as they are."""
    cluster = world.cluster("east", api)
    claim = apply(cluster, FIRST)
    world.check_settled()
    apply(cluster, FIRST, **edit)
    cluster.configure(deletion="Never", allow={"repoPrefixes": ["t"]})
    world.check_settled()
    assert (claim.reason in ("InvalidParameters", "NotAllowed"), claim.ready) == (
        True,
        False,
    )
    world.push(IMAGE)
    cluster.delete(claim)
    world.check_settled()
    assert world.ecr.find(IMAGE)


def test_a_refused_claim_still_loses_a_replaced_repository(world: World) -> None:
    """M6, another way to lose rights, which only the classic API can detect."""
    cluster = world.cluster("east", CLASSIC)
    claim = apply(cluster, FIRST)
    world.check_settled()
    apply(cluster, FIRST, region="nowhere")
    world.delete_by_hand(IMAGE)
    world.pass_time(hours=1)
    world.create_by_hand(IMAGE)
    world.check_settled()
    cluster.delete(claim)
    world.check_settled()
    assert world.ecr.find(IMAGE)


@pytest.mark.parametrize(
    ("before", "after"),
    [(CLASSIC, UPBOUND), (UPBOUND, CLASSIC), (CLASSIC, NAMESPACED)],
    ids=lambda api: api.group,
)
def test_the_owner_is_found_in_every_provider_api(
    world: World, before: Api, after: Api
) -> None:
    """L1: after `provider` changed, a new claim adopted another claim's repository."""
    cluster = world.cluster("east", before, after)
    first = apply(cluster, FIRST)
    world.check_settled()
    if not after.namespaced:
        cluster.inputs[False]["provider"] = after.provider
    second = cluster.apply(SECOND, parameters(SECOND), namespaced=after.namespaced)
    world.check_settled()
    assert (first.reason, second.reason) == ("Available", "NameTaken")
    cluster.delete(first)
    world.check_settled()
    assert second.reason == "Available"


@ALL
def test_an_api_that_is_not_installed_is_not_required(world: World, api: Api) -> None:
    """L1: a requirement for a kind that is not served would fail the reconcile.

    This includes Crossplane v1, which only supports `extra_resources`.
    """
    for name, required in (("east", True), ("west", False)):
        cluster = world.cluster(name, api, required_resources=required)
        claim = cluster.apply(FIRST, parameters(FIRST, prefix=name))
        world.check_settled()
        assert (claim.reason, claim.ready) == ("Available", True)


@ALL
def test_a_lifecycle_policy_is_deleted_when_its_right_is_lost(
    world: World, api: Api
) -> None:
    """L2: without its repository, the policy kept expiring someone else's images."""
    cluster = world.cluster("east", api)
    cluster.configure(**KEEP_FIVE, deletion="Always")
    world.create_by_hand(IMAGE)
    claim = apply(cluster, FIRST)
    world.check_settled()
    assert world.ecr.repositories[IMAGE].lifecycle
    cluster.configure(**KEEP_FIVE)
    world.check_settled()
    assert claim.reason == "Adopted"
    assert not world.ecr.repositories[IMAGE].lifecycle
    assert world.ecr.repositories[BUNDLE].lifecycle


@THE_CLASSIC_ONE
def test_a_lifecycle_policy_is_deleted_from_a_replaced_repository(
    world: World, api: Api
) -> None:
    """L2: the policy's own controller may be the first to see the new repository."""
    cluster = world.cluster("east", api)
    cluster.configure(**KEEP_FIVE)
    claim = apply(cluster, FIRST)
    world.check_settled()
    world.delete_by_hand(IMAGE)
    world.pass_time(hours=1)
    world.create_by_hand(IMAGE)
    poll(cluster, claim.refs["imagerepo-lifecycle"])
    world.check_settled()
    assert claim.reason == "Adopted"
    assert not world.ecr.repositories[IMAGE].lifecycle


@ALL
@pytest.mark.parametrize("made", [False, True], ids=["not created", "created"])
def test_the_owner_of_the_image_gets_the_bundle(
    world: World, api: Api, *, made: bool
) -> None:
    """In a race, each of two claims may have created one of the two repositories."""
    cluster = world.cluster("east", api)
    first, second = apply(cluster, FIRST), apply(cluster, SECOND)
    cluster.reconcile(first, only="imagerepo")
    cluster.reconcile(second, only="bundlerepo", behind=1)
    if made:
        for ref in cluster.managed():
            poll(cluster, ref)
            finish(cluster, ref)
    world.check_settled()
    assert (first.reason, second.reason) == ("Available", "NameTaken")
    assert {r.creator.claim for r in world.ecr.repositories.values() if r.creator} == {
        FIRST
    }


@ALL
def test_an_unrecorded_creation_is_recovered(world: World, api: Api) -> None:
    """A change of the record alone does not make the provider reconcile."""
    cluster = world.cluster("east", api)
    claim = apply(cluster, FIRST)
    cluster.reconcile(claim)
    for ref in claim.refs.values():
        poll(cluster, ref, killed="after the call")
    world.check_settled()
    assert claim.ready


@ALL
def test_a_new_claim_with_an_old_name_keeps_the_old_repository(
    world: World, api: Api
) -> None:
    """The name of a claim is no proof: the new claim has another UID."""
    cluster = world.cluster("east", api)
    cluster.configure(deletion="Never")
    cluster.delete(_settled(world, cluster))
    world.check_settled()
    cluster.configure()
    again = _settled(world, cluster)
    assert again.reason == "Adopted"
    world.push(IMAGE)
    cluster.delete(again)
    world.check_settled()
    assert world.ecr.find(IMAGE)


@ALL
@pytest.mark.parametrize("who", [FIRST, SECOND], ids=["the same", "another"])
@pytest.mark.parametrize("collect", [True, False], ids=["marked", "not marked yet"])
def test_a_new_claim_waits_until_the_old_one_is_gone(
    world: World, api: Api, who: Claim, *, collect: bool
) -> None:
    """What is pushed under the new claim must not be deleted with the old one."""
    cluster = world.cluster("east", api)
    old = _settled(world, cluster)
    world.push(IMAGE)
    cluster.delete(old, collect=collect)
    new = apply(cluster, who)
    # The garbage collector may mark the resources of the old one a moment later.
    waits = "PreviousDeleting" if collect or who == FIRST else "NameTaken"
    cluster.reconcile(new)
    assert (new.reason, new.ready, new.refs) == (waits, False, {})
    cluster.collect_garbage()
    image, bundle = old.refs["imagerepo"], old.refs["bundlerepo"]
    for ref in (bundle, image):
        for step in (poll, finish, poll):
            assert world.ecr.find(IMAGE) or ref is image, "its repository exists"
            assert image in cluster.objects
            cluster.reconcile(new)
            assert (new.reason, new.refs) == ("PreviousDeleting", {})
            step(cluster, ref)
    cluster.reconcile(new)
    assert new.refs.keys() == {"imagerepo", "bundlerepo"}
    world.check_settled()
    assert (new.reason, new.ready) == ("Available", True)
    assert world.ecr.repositories[IMAGE].images == 0
    world.push(IMAGE)
    cluster.delete(new)
    world.check_settled()
    assert (cluster.objects, world.ecr.repositories) == ({}, {})


@ALL
def test_of_two_claims_that_wait_for_a_name_one_gets_it(world: World, api: Api) -> None:
    cluster = world.cluster("east", api)
    old = _settled(world, cluster)
    cluster.delete(old, collect=False)
    claims = [apply(cluster, FIRST), apply(cluster, SECOND)]
    for claim in claims:
        cluster.reconcile(claim)
    world.check_settled()
    assert sorted(claim.reason for claim in claims) == ["Available", "NameTaken"]


@ALL
def test_a_claim_that_is_created_again_adopts_what_its_predecessor_kept(
    world: World, api: Api
) -> None:
    cluster = world.cluster("east", api)
    cluster.configure(deletion="Never")
    old = _settled(world, cluster)
    world.push(IMAGE)
    cluster.delete(old, collect=False)
    new = apply(cluster, FIRST)
    cluster.reconcile(new)
    assert new.reason == "PreviousDeleting"
    world.check_settled()
    assert (new.reason, new.ready) == ("Adopted", True)
    assert world.ecr.repositories[IMAGE].images == 1


@ALL
def test_a_managed_resource_deleted_by_hand_is_created_again(
    world: World, api: Api
) -> None:
    cluster = world.cluster("east", api)
    claim = _settled(world, cluster)
    image = claim.refs["imagerepo"]
    cluster.delete_object(image)
    cluster.reconcile(claim)
    poll(cluster, image)
    cluster.reconcile(claim)
    assert (claim.reason, claim.ready) == ("Creating", False)
    world.check_settled()
    assert (claim.reason, claim.ready) == ("Available", True)
    assert not cluster.is_deleted(claim.refs["imagerepo"])
    world.push(IMAGE)
    cluster.delete(claim)
    world.check_settled()
    assert (cluster.objects, world.ecr.repositories) == ({}, {})


def _settled(world: World, cluster: Cluster) -> Composite:
    claim = apply(cluster, FIRST)
    world.check_settled()
    return claim


def test_a_namespace_deleted_before_its_composites_loses_no_image(world: World) -> None:
    """Exemption.NAMESPACE_FIRST: the namespace hangs; other claims get a reason."""
    cluster = world.cluster("east", NAMESPACED)
    apply(cluster, FIRST)
    world.check_settled()
    world.push(IMAGE)
    cluster.delete_namespace("c")
    other = apply(cluster, SECOND)
    world.check_settled()
    assert cluster.terminating == {"c"}
    assert world.ecr.repositories[IMAGE].images == 1
    assert other.reason == "PreviousDeleting"


def test_a_namespace_deleted_after_its_composites_is_gone(world: World) -> None:
    cluster = world.cluster("east", NAMESPACED)
    claim = apply(cluster, FIRST)
    world.check_settled()
    cluster.delete(claim)
    world.check_settled()
    cluster.delete_namespace("c")
    assert (cluster.terminating, cluster.objects) == (set(), {})


@pytest.mark.parametrize("api", [CLASSIC, UPBOUND], ids=lambda api: api.group)
def test_the_orphans_of_another_claim_are_not_taken_over(
    world: World, api: Api
) -> None:
    """Crossplane passes orphaned resources of the owner to the loser of the name."""
    cluster = world.cluster("east", api)
    owner, loser = apply(cluster, FIRST), apply(cluster, SECOND)
    for n, composite in enumerate((owner, loser)):
        cluster.reconcile(composite, behind=n)
    for ref in owner.refs.values():
        for step in (poll, finish, poll):
            step(cluster, ref)
    world.push(IMAGE)
    cluster.orphan(owner)
    world.check_settled()
    cluster.delete(loser)
    world.check_settled()
    assert world.ecr.find(IMAGE)


@UPBOUNDS
def test_an_existing_repository_is_never_deleted(world: World, api: Api) -> None:
    base = Location(ONE, REGION, "t/base")
    cluster = world.cluster("east", api)
    cluster.configure(
        deletion="Always", adopt="Manage", allow={"existingNames": ["*"]}, **KEEP_FIVE
    )
    claim = apply(cluster, FIRST, existingName="t/base")
    world.check_settled()
    assert (claim.reason, claim.ready) == ("Creating", False)
    assert world.ecr.find(base) is None
    world.create_by_hand(base, {"team": "shop"})
    world.check_settled()
    assert (claim.reason, claim.ready) == ("Adopted", True)
    found = world.ecr.repositories[base]
    assert found.lifecycle
    cluster.delete(claim)
    world.check_settled()
    assert list(world.ecr.repositories) == [base]
    assert (found.lifecycle, found.tags["team"]) == ("", "shop")
