"""Who owns a repository."""

from datetime import UTC, datetime, timedelta

import pytest

from function.ecr.ownership import (
    CreateRecord,
    Ownership,
    created_by,
    created_by_provider,
    just_created,
    needs_competitors,
    ownership_of,
    recorded_for,
    release_started,
)
from function.ecr.repository import ObservedRepository

ONE, TWO = "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"
FIRST, SECOND = ("2026-01-01T00:00:00Z", "a"), ("2026-01-01T00:00:00Z", "b")


@pytest.mark.parametrize(
    ("own", "competitors", "want", "reason"),
    [
        (None, [], Ownership.UNCLAIMED, "no claim has it yet"),
        (None, [ObservedRepository()], Ownership.CONFLICT, "someone asked before"),
        (
            None,
            [ObservedRepository(created_by_provider=True)],
            Ownership.CONFLICT,
            "someone made it",
        ),
        (
            None,
            [ObservedRepository(deleting_since=ONE)],
            Ownership.CONFLICT,
            "until it is gone, its provider may delete the repository",
        ),
        (
            ObservedRepository(arn="x"),
            [ObservedRepository(created_by_provider=True, deleting_since=ONE)],
            Ownership.CONFLICT,
            "so it may under a live claim",
        ),
        (ObservedRepository(), [], Ownership.PENDING, "not there yet"),
        (
            ObservedRepository(created_by_provider=True),
            [],
            Ownership.CREATED,
            "made by us",
        ),
        (
            ObservedRepository(created_by_provider=True, seniority=SECOND),
            [ObservedRepository(arn="x", seniority=FIRST)],
            Ownership.CREATED,
            "who made it keeps it from who asked first",
        ),
        (ObservedRepository(arn="x"), [], Ownership.ADOPTED, "there before"),
        (
            ObservedRepository(arn="x", seniority=FIRST),
            [ObservedRepository(created_by_provider=True, seniority=SECOND)],
            Ownership.CONFLICT,
            "who made it has it",
        ),
        (
            ObservedRepository(seniority=FIRST),
            [ObservedRepository(created_by_provider=True, seniority=SECOND)],
            Ownership.CONFLICT,
            "before we have even seen it",
        ),
        (
            ObservedRepository(arn="x", seniority=SECOND),
            [ObservedRepository(arn="x", seniority=FIRST)],
            Ownership.CONFLICT,
            "both found it: the first",
        ),
        (
            ObservedRepository(arn="x", seniority=FIRST),
            [ObservedRepository(arn="x", seniority=SECOND)],
            Ownership.ADOPTED,
            "both found it: we are the first",
        ),
        (
            ObservedRepository(seniority=SECOND),
            [ObservedRepository(seniority=FIRST)],
            Ownership.PENDING,
            "who makes it decides",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ownership_of(
    own: ObservedRepository | None,
    competitors: list[ObservedRepository],
    want: Ownership,
    reason: str,
) -> None:
    assert ownership_of(own, competitors) is want, reason


@pytest.mark.parametrize(
    ("own", "competitors", "want", "reason"),
    [
        (None, [], "", "nobody has it"),
        (None, [ObservedRepository()], "", "someone has it, maybe for ever"),
        (None, [ObservedRepository(deleting_since=ONE)], ONE, "its owner goes"),
        (
            None,
            [
                ObservedRepository(deleting_since=TWO),
                ObservedRepository(deleting_since=ONE),
            ],
            TWO,
            "the last one decides",
        ),
        (
            None,
            [ObservedRepository(deleting_since=ONE), ObservedRepository()],
            "",
            "one of two stays",
        ),
        (
            ObservedRepository(arn="x", seniority=SECOND),
            [
                ObservedRepository(arn="x", seniority=FIRST, deleting_since=ONE),
                ObservedRepository(arn="x", seniority=("2026-01-02T00:00:00Z", "c")),
            ],
            ONE,
            "the one that stays came later",
        ),
        (
            ObservedRepository(arn="x", seniority=FIRST),
            [ObservedRepository(created_by_provider=True, deleting_since=ONE)],
            ONE,
            "its creator goes",
        ),
        (
            ObservedRepository(created_by_provider=True),
            [ObservedRepository(deleting_since=ONE)],
            "",
            "it is ours",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_release_started(
    own: ObservedRepository | None,
    competitors: list[ObservedRepository],
    want: str,
    reason: str,
) -> None:
    assert release_started(own, competitors) == want, reason


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
def test_created_by_provider(
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

    recorded = CreateRecord(at(pending), at(succeeded))
    assert created_by_provider(recorded, at(created_at)) is want, reason


@pytest.mark.parametrize(
    ("pending", "succeeded", "resource", "want", "reason"),
    [
        (TWO, TWO, ONE, True, "it asked for it, and ECR created it"),
        (ONE, ONE, ONE, True, "all in one second"),
        (ONE, TWO, TWO, False, "restored, with the record of an earlier one"),
        (TWO, ONE, ONE, False, "another attempt is under way, or failed"),
        (TWO, "", ONE, False, "under way, or killed"),
        ("", TWO, ONE, False, "no mark of an attempt"),
        (TWO, TWO, "", False, "not known how old the resource is"),
    ],
)
def test_just_created(
    pending: str, succeeded: str, resource: str, reason: str, *, want: bool
) -> None:
    assert just_created(CreateRecord(pending, succeeded), resource) is want, reason


@pytest.mark.parametrize(
    ("signature", "uid", "want", "reason"),
    [
        ("a", "a", True, "our own"),
        ("b", "a", False, "of another composite"),
        ("", "a", False, "nobody's"),
        ("", "", False, "nobody's, and we have none"),
    ],
)
def test_created_by(signature: str, uid: str, reason: str, *, want: bool) -> None:
    assert created_by(signature, uid) is want, reason


@pytest.mark.parametrize(
    ("recorded", "uid", "want", "reason"),
    [
        ("a", "a", True, "our own"),
        ("b", "a", False, "restored, and of another composite"),
        ("", "a", True, "from before there was such a record"),
        ("b", "", False, "we have none"),
    ],
)
def test_a_record(recorded: str, uid: str, reason: str, *, want: bool) -> None:
    assert recorded_for(recorded, uid) is want, reason


@pytest.mark.parametrize(
    ("observed", "complete", "want", "reason"),
    [
        (
            ObservedRepository(arn="x", created_by_provider=True),
            False,
            False,
            "nobody competes for what this composite created",
        ),
        (ObservedRepository(), False, True, "another repository is not asked for yet"),
        (ObservedRepository(), True, False, "the provider only observes and creates"),
        (ObservedRepository(arn="x"), True, True, "who created it, if not this one?"),
    ],
)
def test_when_competitors_can_change_a_decision(
    observed: ObservedRepository, reason: str, *, complete: bool, want: bool
) -> None:
    assert needs_competitors(observed, complete=complete) == want, reason
