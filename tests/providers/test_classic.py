"""The classic API: a creation is proven by when it was, and by who recorded it."""

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
def test_the_classic_provider_created_what_is_as_old_as_its_marks(
    created_at: str, want: tuple[str, list[str]], reason: str
) -> None:
    observed = live(CLASSIC)
    observed["status"]["atProvider"]["createdAt"] = created_at
    rsp = run(CLASSIC, observed)
    assert rights(desired_image(rsp)) == (want[0], None), reason
    assert rsp.conditions[0].reason == ("Available" if want is FULL else "Adopted")


@pytest.mark.parametrize(
    ("recorded", "want", "policy", "reason"),
    [
        (None, "ours", "Delete", "created now, or by an older version"),
        ("ours", "ours", "Delete", "recorded before"),
        ("theirs", "theirs", "Orphan", "restored: another composite created it"),
    ],
)
def test_a_record_of_the_classic_provider_is_its_composites(
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
def test_a_restored_record_stays_whatever_it_gives(deletion: str) -> None:
    """Else the next call would find none, and take it for this composite's."""
    observed = live(CLASSIC)
    observed["metadata"]["annotations"][RECORD] = "theirs"
    got = desired_image(run(CLASSIC, observed, deletion=deletion))
    assert got["metadata"]["annotations"][RECORD] == "theirs"


def test_what_was_adopted_records_nothing() -> None:
    got = desired_image(run(CLASSIC, live(CLASSIC, made=False)))
    assert RECORD not in got["metadata"]["annotations"]
