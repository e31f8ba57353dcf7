"""Whose a repository is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crossplane.function import resource

from function.ecr.naming import RepositoryName
from function.ecr.options import RepositoryOptions
from function.ecr.ownership import (
    Standing,
    abandoned,
    attempts,
    created_by,
    created_it,
    give_up,
    is_rival,
    recorded_for,
    standing,
)
from function.ecr.policies import Kind, attach
from function.ecr.repository import (
    Facts,
    ProviderConfig,
    Repository,
    Rights,
    identity,
)
from function.providers.registry import DEFAULT

FIRST, SECOND = ("2026-01-01T00:00:00Z", "a"), ("2026-01-01T00:00:00Z", "b")


@pytest.mark.parametrize(
    ("own", "rivals", "want", "reason"),
    [
        (None, [], Standing.FREE, "nobody asked for it"),
        (None, [Facts()], Standing.TAKEN, "someone asked before"),
        (None, [Facts(created_it=True)], Standing.TAKEN, "someone made it"),
        (Facts(), [], Standing.WAITING, "not there yet"),
        (Facts(created_it=True), [], Standing.CREATED, "made by us"),
        (
            Facts(created_it=True, since=SECOND),
            [Facts(arn="x", since=FIRST)],
            Standing.CREATED,
            "who made it keeps it from who asked first",
        ),
        (Facts(arn="x"), [], Standing.ADOPTED, "there before"),
        (
            Facts(arn="x", since=FIRST),
            [Facts(created_it=True, since=SECOND)],
            Standing.TAKEN,
            "who made it has it",
        ),
        (
            Facts(since=FIRST),
            [Facts(created_it=True, since=SECOND)],
            Standing.TAKEN,
            "before we have even seen it",
        ),
        (
            Facts(arn="x", since=SECOND),
            [Facts(arn="x", since=FIRST)],
            Standing.TAKEN,
            "both found it: the first",
        ),
        (
            Facts(arn="x", since=FIRST),
            [Facts(arn="x", since=SECOND)],
            Standing.ADOPTED,
            "both found it: we are the first",
        ),
        (
            Facts(since=SECOND),
            [Facts(since=FIRST)],
            Standing.WAITING,
            "who makes it decides",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_standing(
    own: Facts | None, rivals: list[Facts], want: Standing, reason: str
) -> None:
    assert standing(own, rivals) is want, reason


CONFIG = ProviderConfig("p")
BUNDLE = Repository(RepositoryName("t/x-bundle"), "eu-west-2", CONFIG)
MINE = BUNDLE._replace(rights=Rights.ALL)
UNFORCED = MINE._replace(options=RepositoryOptions(forceDelete=False))
LEFT_ALONE = BUNDLE._replace(rights=Rights.OBSERVE)
NEW = Facts(force_delete=True)
FULL = Facts(deletable=True, force_delete=True)


@pytest.mark.parametrize(
    ("repository", "own", "its", "want", "reason"),
    [
        (
            BUNDLE,
            Facts(attempted=True),
            Standing.WAITING,
            BUNDLE,
            "it may be made right now",
        ),
        (BUNDLE, NEW, Standing.WAITING, None, "nobody has tried to"),
        (
            BUNDLE,
            Facts(attempted=True, problem="AccessDenied"),
            Standing.WAITING,
            None,
            "the other claim need not wait for what cannot be made",
        ),
        (BUNDLE, NEW, Standing.ADOPTED, None, "it stays in ECR"),
        (BUNDLE, NEW, Standing.CREATED, None, "Never: it stays in ECR"),
        (BUNDLE, FULL, Standing.CREATED, BUNDLE, "Never: first it may not be deleted"),
        (LEFT_ALONE, FULL, Standing.ADOPTED, LEFT_ALONE, "first it may not be deleted"),
        (MINE, NEW, Standing.CREATED, UNFORCED, "to be deleted if it is empty"),
        (MINE, FULL, Standing.CREATED, UNFORCED, "though it was ready once"),
        (MINE, Facts(deletable=True), Standing.CREATED, None, "and then deleted"),
        (MINE, Facts(deleting=True), Standing.CREATED, None, "it is being deleted"),
        (
            MINE,
            Facts(deleting=True, deletable=True, problem="RepositoryNotEmptyException"),
            Standing.CREATED,
            LEFT_ALONE,
            "it holds images: it stays in ECR",
        ),
    ],
)
def test_a_bundle_whose_image_is_anothers(
    repository: Repository,
    own: Facts,
    its: Standing,
    want: Repository | None,
    reason: str,
) -> None:
    assert give_up(repository, own, its) == want, reason


@pytest.mark.parametrize(
    ("pending", "succeeded", "created_at", "want", "reason"),
    [
        (0, 1, 0, True, "between the marks"),
        (1, 1, 1, True, "all in one second"),
        ("", 1, 1, False, "no mark of an attempt"),
        (1, "", 1, False, "under way, or killed"),
        (1, 1, "", False, "not known when it was created"),
        (2, 1, 1, False, "another attempt is under way, or failed"),
        (3000, 3001, 2701, True, "AWS's clock is behind"),
        (3000, 3001, 2699, False, "older than the attempt"),
        (0, 1, 301, True, "AWS's clock is ahead"),
        (0, 1, 302, False, "newer than the record"),
        (0, "2026-01-01T01:00:01+01:00", 0, True, "a zone"),
        ("2025-12-31T23:00:00+01:00", "2026-01-01T00:00:01+01:00", 0, False, "a zone"),
        (0, "yes", 0, False, "no time"),
        ("0001-01-01T00:00:00Z", 0, 0, True, "the first of all times"),
        (0, "9999-12-31T23:59:59Z", 0, True, "the last one"),
        (0, 1, "soon", False, "no time of AWS's"),
        (0, "2026-01-01T00:00:01", 0, False, "no zone"),
        (0, 1, "2019-01-01T00:00:00Z", False, "of another account"),
    ],
)
def test_the_mark_of_having_created_it(
    pending: int | str,
    succeeded: int | str,
    created_at: int | str,
    *,
    want: bool,
    reason: str,
) -> None:
    def at(second: int | str) -> str:
        if isinstance(second, str):
            return second
        return (
            datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        ).isoformat()

    annotations = {
        "crossplane.io/external-create-pending": at(pending),
        "crossplane.io/external-create-succeeded": at(succeeded),
    }
    recorded = attempts(resource.dict_to_struct(annotations))
    assert created_it(recorded, at(created_at)) is want, reason


@pytest.mark.parametrize(
    ("signature", "uid", "want", "reason"),
    [
        ("a", "a", True, "our own"),
        ("b", "a", False, "another's"),
        ("", "a", False, "nobody's"),
        ("", "", False, "nobody's, and we have none"),
    ],
)
def test_a_signature(signature: str, uid: str, reason: str, *, want: bool) -> None:
    assert created_by(signature, uid) is want, reason


@pytest.mark.parametrize(
    ("recorded", "uid", "want", "reason"),
    [
        ("a", "a", True, "our own"),
        ("b", "a", False, "restored, and another's"),
        ("", "a", True, "from before there was such a record"),
        ("b", "", False, "we have none"),
    ],
)
def test_a_record(recorded: str, uid: str, reason: str, *, want: bool) -> None:
    assert recorded_for(recorded, uid) is want, reason


STUCK = "cannot determine creation result - remove the annotation"


@pytest.mark.parametrize(
    ("pending", "succeeded", "marked", "problem", "want", "reason"),
    [
        ("", "", "", "", "", "nothing was begun"),
        (1, "", "", "", "", "under way"),
        (1, "", "", "AccessDenied", "", "refused: it goes on by itself"),
        (1, "", "", STUCK, 1, "killed before it was recorded"),
        (2, 1, "", STUCK, 2, "the second attempt was"),
        (1, "", 1, "", 1, "said before, and the provider went on"),
        (1, 2, 1, "", "", "made after that"),
        (2, "", 1, "", "", "another attempt is under way"),
        (1, 1, "", "", "", "made within the second"),
        ("soon", "", "", STUCK, "soon", "the provider's own word, as it stands"),
        ("soon", 1, "", STUCK, "", "a record that cannot be read"),
    ],
)
def test_an_attempt_of_which_nothing_is_recorded(  # noqa: PLR0913  # a table's row
    pending: int | str,
    succeeded: int | str,
    marked: int | str,
    problem: str,
    want: int | str,
    reason: str,
) -> None:
    def at(second: int | str) -> str:
        return f"2026-01-01T00:00:0{second}Z" if isinstance(second, int) else second

    annotations = {
        what: at(when)
        for what, when in (
            ("crossplane.io/external-create-pending", pending),
            ("crossplane.io/external-create-succeeded", succeeded),
            ("ecrrepos.fn.tap.vrabbi.cloud/create-abandoned", marked),
        )
        if when
    }
    recorded = attempts(resource.dict_to_struct(annotations))
    assert abandoned(recorded, problem) == at(want), reason


def claimed(uid: str = "ours") -> dict[str, Any]:
    return {
        "metadata": {"name": "shop-x7k2p", "uid": uid},
        "spec": {"claimRef": {"namespace": "default", "name": "shop"}},
    }


LEFT = {
    "crossplane.io/claim-namespace": "default",
    "crossplane.io/claim-name": "shop",
    "crossplane.io/composite": "shop-before",
}
NAMESPACED = {"metadata": {"name": "shop", "namespace": "default", "uid": "ours"}}


@pytest.mark.parametrize(
    ("xr", "metadata", "want", "reason"),
    [
        (claimed(), {"ownerReferences": [{"controller": True, "uid": "ours"}]}, 0, ""),
        (claimed(), {"ownerReferences": [{"controller": True, "uid": "x"}]}, 1, ""),
        (
            claimed(),
            {
                "labels": LEFT,
                "ownerReferences": [{"controller": True, "uid": "x"}],
            },
            1,
            "a claim made anew while the old one goes",
        ),
        (claimed(), {"labels": LEFT}, 0, "left by the same claim"),
        (
            claimed(),
            {"labels": {**LEFT, "crossplane.io/claim-namespace": "other"}},
            1,
            "left by another",
        ),
        (claimed(), {}, 1, "made by hand"),
        (
            NAMESPACED,
            {"namespace": "default", "labels": {"crossplane.io/composite": "shop"}},
            0,
            "left by the XR of that name",
        ),
        (
            NAMESPACED,
            {"namespace": "other", "labels": {"crossplane.io/composite": "shop"}},
            1,
            "the same name in another namespace",
        ),
    ],
)
def test_rivals(
    xr: dict[str, Any], metadata: dict[str, Any], want: int, reason: str
) -> None:
    managed = resource.dict_to_struct({"metadata": metadata})
    assert is_rival(managed, resource.dict_to_struct(xr)) == bool(want), reason


def test_identities_tell_repositories_apart() -> None:
    places = [
        ("p", "eu-west-2", "a/b-c"),
        ("p", "eu-west-2", "a/b-c-bundle"),
        ("p", "eu-west-1", "a/b-c"),
        ("q", "eu-west-2", "a/b-c"),
        ("p-eu", "west-2", "a/b-c"),
    ]
    found = {identity(api, *place) for api in ("x", "y") for place in places}
    assert len(found) == 10
    # Kept on live resources: it never changes.
    assert identity("ecr.aws.crossplane.io", *places[0]) == (
        "nbvcmyhnuzgtvl5ixcixalvvzy26647t"
    )


def test_a_new_resources_name_is_kubernetes_and_readable() -> None:
    longest = RepositoryName("p/" + "_".join(["a" * 9] * 25))
    for name in (RepositoryName("tap/shop.v1_x-default"), longest):
        manifest = DEFAULT.manifest(
            Repository(name, "eu-west-2", CONFIG), manages=False
        )
        got = manifest["metadata"]["name"]
        assert len(got) <= 82
        assert got.replace("-", "").isalnum()
        assert got == got.lower()
        assert got[0].isalnum()
    short = DEFAULT.manifest(
        Repository(RepositoryName("t/shop"), "eu-west-2", CONFIG), manages=False
    )
    assert short["metadata"]["name"].startswith("shop-")


@pytest.mark.parametrize(
    ("rights", "want", "reason"),
    [
        (Rights.OBSERVE, False, "it was there before, or is another's"),
        (Rights.CREATE, False, "nothing is known to have created it yet"),
        (Rights.KEEP, True, "it may be changed"),
        (Rights.ALL, True, "it may be changed and deleted"),
    ],
)
def test_a_policy_is_put_on_what_may_be_changed_alone(
    rights: Rights, *, want: bool, reason: str
) -> None:
    options = RepositoryOptions.model_validate({"lifecycle": {"keepLast": 1}})
    repository = BUNDLE._replace(options=options, rights=rights)
    attached = attach(DEFAULT, Kind.LIFECYCLE, repository, None, there=True)
    assert (attached is not None) is want, reason
