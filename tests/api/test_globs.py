"""The globs of the `allow` lists. test_parameters.py has what attackers try."""

import pytest

from function.api.globs import matching_glob


@pytest.mark.parametrize(
    ("value", "globs", "want", "reason"),
    [
        (
            "tap/a/b",
            ["x", "tap/*", "*"],
            "tap/*",
            "the first one; a star takes slashes",
        ),
        ("tap", ["ta"], None, "the whole value"),
        ("TAP", ["tap"], None, "case-sensitive"),
        ("tap\n", ["tap"], None, "a line end is a character"),
        ("eu-west-3", ["eu-west-[12]"], None, "a class"),
        ("eu-west-2", ["eu-west-[12]"], "eu-west-[12]", "a class"),
        ("a", [], None, "an empty list allows nothing"),
        ("tap/shop", ["tap/{namespace}"], "tap/{namespace}", "the claim's namespace"),
        ("tap/shop/a", ["tap/{namespace}/*"], "tap/{namespace}/*", "a path below it"),
        ("tap/other/a", ["tap/{namespace}/*"], None, "of another namespace"),
        ("tap/shopping/a", ["tap/{namespace}/*"], None, "the whole namespace"),
        ("tap/my-shop/a", ["tap/{namespace}/*"], None, "from its start"),
        (
            "x/shop/shop",
            ["*/{namespace}/{namespace}"],
            "*/{namespace}/{namespace}",
            "2",
        ),
        ("tap/other/shop", ["tap/*{namespace}"], "tap/*{namespace}", "after a star"),
        ("shop\ntap", ["tap"], None, "a line end in the value is no namespace"),
        ("a", ["[{namespace}]"], "[{namespace}]", "in a class, it is characters"),
    ],
)
def test_matching(value: str, globs: list[str], want: str | None, reason: str) -> None:
    assert matching_glob(value, globs, "shop") == want, reason
