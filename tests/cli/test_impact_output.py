"""The table, the summary and the JSON of impact."""

from function.cli.impact_output import document, summary, table
from function.impact.images import ImageCount, Registry
from function.impact.report import Impact
from function.impact.verdict import Outcome, Verdict

ROW = Impact(
    Registry("tap/shop", "eu-west-2", "123456789012"),
    ("team", "shop"),
    None,
    ImageCount(1, 1500),
    Verdict(Outcome.DELETED, "the claim created it", deletes_images=True),
)
KEPT = ROW._replace(verdict=Verdict(Outcome.KEPT, "why"), held=None)


def test_without_a_repository_there_is_no_table() -> None:
    assert table([]) == []
    assert summary([]) == "no repository"
    assert document({"kind": "configuration"}, [])["deletesImages"] is False


def test_a_change_has_both_outcomes() -> None:
    changed = ROW._replace(before=Outcome.KEPT)
    assert "kept -> deleted" in table([changed])[1]
    (found,) = document({}, [changed])["repositories"]
    assert (found["before"], found["outcome"]) == ("kept", "deleted")
    assert "before" not in document({}, [ROW])["repositories"][0]


def test_what_is_empty_is_a_dash() -> None:
    bare = KEPT._replace(registry=Registry("tap/shop", "", ""), claim=("", ""))
    assert table([bare])[1].split() == [
        *("tap/shop", "-", "-", "kept", "unknown", "unknown", "why"),
    ]


def test_a_summary_says_what_it_does_not_know() -> None:
    assert summary([ROW]) == "1 deleted (1 image, 1.5 kB)"
    unknown = ROW._replace(held=None)
    assert summary([unknown]) == "1 deleted (images unknown)"
    assert summary([ROW, unknown]) == "2 deleted (at least 1 image, 1.5 kB)"
    assert (
        summary([ROW, KEPT]) == "1 deleted (1 image, 1.5 kB); 1 kept (images unknown)"
    )
    totals = document({}, [ROW, unknown])["totals"]
    assert totals["deleted"] == {"repositories": 2, "images": None, "bytes": None}
