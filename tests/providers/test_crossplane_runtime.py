"""What crossplane-runtime records on managed resources."""

import pytest
from crossplane.function import resource

from function.providers.crossplane_runtime import create_record, unresolved

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
def test_an_attempt_of_which_nothing_is_recorded(  # a table's row
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
    recorded = create_record(resource.dict_to_struct(annotations))
    assert unresolved(recorded, problem) == at(want), reason
