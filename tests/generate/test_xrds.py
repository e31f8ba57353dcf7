"""What the XRDs have from the code."""

import pytest

from function.generate.xrds import (
    XRD_PATH,
    XRD_V2_PATH,
    render_xrd,
    render_xrd_v2,
)


def test_what_the_xrds_have_from_the_code_has_not_drifted() -> None:
    first, second = XRD_PATH.read_text(), XRD_V2_PATH.read_text()
    assert render_xrd(first) == first, "run `make generate`"
    assert render_xrd_v2(second, first) == second, "run `make generate`"


def test_what_is_stale_is_generated_and_the_rest_is_kept() -> None:
    text = XRD_PATH.read_text()
    stale = text.replace("maxLength: 253", "maxLength: 9").replace("maxItems: 5\n", "")
    assert stale.count("\n") < text.count("\n")
    stale = stale.replace("group: tap", "group: other")
    assert render_xrd(stale) == text.replace("group: tap", "group: other")


def test_an_xrd_without_a_parameter_is_not_taken() -> None:
    text = XRD_PATH.read_text().replace("  repoPrefix:\n", "  prefix:\n")
    with pytest.raises(ValueError, match="0 places for repoPrefix"):
        render_xrd(text)
