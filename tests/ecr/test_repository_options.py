"""A repository's options as values: merged, tagged, and copied."""

from typing import Any

import pytest

from function.ecr.options import (
    NO_OPTIONS,
    EncryptionOptions,
    RepositoryOptions,
    merge_options,
    with_automatic_tags,
)


def options(**given: Any) -> RepositoryOptions:
    return RepositoryOptions.model_validate(given)


EXCLUDING = {
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": ["dev-*"],
}


@pytest.mark.parametrize(
    ("layers", "want", "reason"),
    [
        ([], {}, "nothing is said"),
        ([{}, {}], {}, "nothing is said twice"),
        ([{"scanOnPush": True}], {"scanOnPush": True}, "one layer"),
        (
            [{"scanOnPush": True, "forceDelete": False}, {"scanOnPush": False}],
            {"scanOnPush": False, "forceDelete": False},
            "the last one wins, option by option; false is a value",
        ),
        (
            [{"tags": {"a": "1"}}, {"tags": {"b": "2"}}],
            {"tags": {"b": "2"}},
            "an option is replaced whole",
        ),
        ([{"lifecycle": {"keepLast": 1}}, {"lifecycle": {}}], {"lifecycle": {}}, "off"),
        (
            [EXCLUDING, {"imageTagMutability": "MUTABLE"}],
            {"imageTagMutability": "MUTABLE"},
            "the filters go with their mutability",
        ),
        ([EXCLUDING, {"scanOnPush": True}], {**EXCLUDING, "scanOnPush": True}, "stay"),
    ],
)
def test_merging(
    layers: list[dict[str, Any]], want: dict[str, Any], reason: str
) -> None:
    merged = merge_options(options(**layer) for layer in layers)
    assert merged == options(**want), reason
    assert hash(merged) == hash(options(**want))


@pytest.mark.parametrize(
    ("given", "want", "reason"),
    [
        ({}, [], "not asked for"),
        ({"automaticTags": False, "tags": {"a": "1"}}, [("a", "1")], "refused"),
        (
            {"automaticTags": True, "tags": {"zone": "1", "namespace": "mine"}},
            [
                ("managed-by", "function-ecr-repos"),
                ("namespace", "mine"),
                ("workload", "shop"),
                ("zone", "1"),
            ],
            "in order, and a given tag wins",
        ),
    ],
)
def test_automatic_tags(
    given: dict[str, Any], want: list[tuple[str, str]], reason: str
) -> None:
    tagged = with_automatic_tags(options(**given), "shop", "default")
    assert tagged.sorted_tags == want, reason


@pytest.mark.parametrize(
    ("force_delete", "want"), [(None, True), (True, True), (False, False)]
)
def test_images_are_deleted_unless_the_platform_says_no(
    *, force_delete: bool | None, want: bool
) -> None:
    given = {} if force_delete is None else {"forceDelete": force_delete}
    assert options(**given).deletes_images is want


def test_policies_are_written_once_for_each_options_object() -> None:
    """They cost most of all options, and every request needs them."""
    given = options(lifecycle={"keepLast": 9}, permissions={"pull": ["123456789012"]})
    copy = given.model_copy(update={"force_delete": False})
    assert copy.lifecycle_policy() is given.lifecycle_policy()
    first = given.repository_policy("eu-west-2")
    assert copy.repository_policy("us-east-1") is first, "the same partition"
    assert ":aws-cn:" in given.repository_policy("cn-north-1")
    assert NO_OPTIONS.lifecycle_policy() == NO_OPTIONS.repository_policy("x") == ""


def test_equal_options_have_equal_hashes() -> None:
    one, other = (
        options(tags=dict(tags), permissions={"pull": ["123456789012"]})
        for tags in ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")])
    )
    assert one.repository_policy("eu-west-2"), "what is computed does not count"
    assert one == other
    assert hash(one) == hash(other)
    assert hash(one) != hash(NO_OPTIONS)


def test_what_a_provider_reports_of_encryption_is_taken_as_it_is() -> None:
    reported = EncryptionOptions.observed("A_NEW_TYPE", "")
    assert (reported.type, reported.kms_key) == ("A_NEW_TYPE", None)
    changed = NO_OPTIONS.model_copy(update={"encryption": reported})
    assert hash(changed) != hash(NO_OPTIONS)
