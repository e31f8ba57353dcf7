"""The classic provider: create annotations prove who created a repository."""

import pytest

from tests.builders import (
    CLASSIC,
    CREATED_AT,
    FULL,
    OBSERVE_ONLY,
    RECORD,
    desired_image,
    live,
    rights,
    run,
)


@pytest.mark.parametrize(
    ("created_at", "want", "reason"),
    [
        (CREATED_AT, FULL, "between the marks"),
        (
            "2019-01-01T00:00:00Z",
            OBSERVE_ONLY,
            "the provider was pointed at another account",
        ),
        ("2026-01-01T01:00:00Z", OBSERVE_ONLY, "it was put in place of ours"),
        ("", OBSERVE_ONLY, "nobody knows when"),
    ],
)
def test_creation_is_proven_by_the_time_between_the_create_annotations(
    created_at: str, want: tuple[str, list[str]], reason: str
) -> None:
    observed = live(CLASSIC)
    observed["status"]["atProvider"]["createdAt"] = created_at
    rsp = run(CLASSIC, observed)
    assert rights(desired_image(rsp)) == (want[0], None), reason
    assert rsp.conditions[0].reason == ("Available" if want is FULL else "Adopted")


@pytest.mark.parametrize(
    ("condition", "at_provider", "day", "want", "reason"),
    [
        ("Creating", {}, 1, "Delete", "the provider just created it"),
        (
            "Creating",
            {"createdAt": CREATED_AT},
            1,
            "Delete",
            "it was observed, and the time is right",
        ),
        (
            "Creating",
            {"createdAt": "2025-12-31T00:00:00Z"},
            1,
            "Orphan",
            "the status may be of an earlier repository",
        ),
        ("Creating", {"repositoryArn": "arn"}, 1, "Orphan", "something is observed"),
        ("Unavailable", {}, 1, "Orphan", "it is not the provider's latest news"),
        ("", {}, 1, "Orphan", "restored without its status"),
        ("Creating", {}, 2, "Orphan", "restored: its record is older than itself"),
    ],
)
def test_a_record_proves_a_creation_before_the_first_observation(
    condition: str, at_provider: dict[str, str], day: int, want: str, reason: str
) -> None:
    said = {"type": "Ready", "status": "False", "reason": condition}
    observed = live(CLASSIC, conditions=[said] if condition else [], day=day)
    observed["status"]["atProvider"] = at_provider
    got = desired_image(run(CLASSIC, observed))
    assert got["spec"]["deletionPolicy"] == want, reason
    assert (RECORD in got["metadata"]["annotations"]) == (want == "Delete"), reason


@pytest.mark.parametrize(
    ("recorded", "want", "policy", "reason"),
    [
        (None, "ours", "Delete", "created now, or by an older version"),
        ("ours", "ours", "Delete", "recorded before"),
        ("theirs", "theirs", "Orphan", "restored: another composite created it"),
    ],
)
def test_a_create_record_counts_for_the_composite_that_made_it(
    recorded: str | None, want: str, policy: str, reason: str
) -> None:
    """Who restores a managed resource restores its record, under another UID."""
    observed = live(CLASSIC)
    if recorded:
        observed["metadata"]["annotations"][RECORD] = recorded
    rsp = run(CLASSIC, observed)
    got = desired_image(rsp)
    assert got["metadata"]["annotations"][RECORD] == want, reason
    assert got["spec"]["deletionPolicy"] == policy, reason
    said = "Available" if policy == "Delete" else "Adopted"
    assert rsp.conditions[0].reason == said, reason


@pytest.mark.parametrize("deletion", ["Always", "Never"])
def test_a_restored_create_record_is_kept(deletion: str) -> None:
    """Else the next call would find none, and take it for this composite's."""
    observed = live(CLASSIC)
    observed["metadata"]["annotations"][RECORD] = "theirs"
    got = desired_image(run(CLASSIC, observed, deletion=deletion))
    assert got["metadata"]["annotations"][RECORD] == "theirs"


def test_an_adopted_repository_gets_no_create_record() -> None:
    got = desired_image(run(CLASSIC, live(CLASSIC, made=False)))
    assert RECORD not in got["metadata"]["annotations"]
