"""Repository options: valid values, and the messages for wrong ones."""

import json
import re
from typing import Any

import pytest

from function.api.input import Input, parse_input
from function.cli.manifests import to_struct
from function.ecr.options import (
    NO_OPTIONS,
    OPTION_NAMES,
    RULES,
    EncryptionOptions,
    RepositoryOptions,
    merge_options,
    with_automatic_tags,
)
from tests.builders import (
    CLUSTER,
    EXCLUSION,
    INPUT,
    OPTIONS,
    run,
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


def test_encryption_that_a_provider_reports_is_taken_as_it_is() -> None:
    reported = EncryptionOptions.observed("A_NEW_TYPE", "")
    assert (reported.type, reported.kms_key) == ("A_NEW_TYPE", None)
    changed = NO_OPTIONS.model_copy(update={"encryption": reported})
    assert hash(changed) != hash(NO_OPTIONS)


def parse(**fields: Any) -> Input:
    return parse_input(to_struct({**INPUT, **fields}))


def test_every_option_has_a_case_and_can_be_overridden() -> None:
    assert set(OPTION_NAMES) == {option for case in OPTIONS.values() for option in case}
    allowed = parse(allow={"overrides": list(OPTION_NAMES)}).allow.overrides
    assert allowed == list(OPTION_NAMES)


def by_tag(kind: str, count: int, *, same: bool = False) -> list[dict[str, Any]]:
    """Return rules of byTagPrefix or byTagPattern."""
    return [{kind: "v" if same else f"v{n}", "keepLast": 1} for n in range(count)]


@pytest.mark.parametrize(
    ("options", "field", "rule"),
    [
        ({"tags": {"aws:x": "y"}}, "tags.aws:x", "reserved for AWS"),
        ({"tags": {"AWS:x": "y"}}, "tags.AWS:x", "reserved for AWS"),
        (
            {"tags": {"crossplane-name": "shop"}},
            'tags.crossplane-name: got "crossplane-name"',
            "keys that begin with crossplane- are reserved for the Crossplane "
            "provider, in upper and lower case. Use another key",
        ),
        ({"tags": {"Crossplane-Kind": "x"}}, "tags.Crossplane-Kind", "reserved"),
        ({"tags": {"cros\u017fplane-name": "x"}}, "tags.", "reserved"),
        (
            {"tags": {"function-ecr-repos/created-by": "a-uid"}},
            'tags.function-ecr-repos/created-by: got "function-ecr-repos/created-by"',
            "reserved for this function",
        ),
        (
            {"tags": {"ecrrepos.fn.tap.vrabbi.cloud/created-by": "a-uid"}},
            "tags.ecrrepos.fn.tap.vrabbi.cloud/created-by",
            "reserved for this function",
        ),
        (
            {"tags": {"function-ecr-repos/created-by": "a-uid"}},
            "tags.function-ecr-repos/created-by",
            "reserved for this function",
        ),
        ({"tags": {"": "y"}}, "tags.", "1 to 128"),
        ({"tags": {"k" * 129: "y"}}, "tags.kkk", "1 to 128"),
        ({"tags": {"[": "y"}}, "tags.[", "letters"),
        ({"tags": {"x": "y" * 257}}, "tags.x", "256"),
        ({"tags": {"x": "y\x00"}}, "tags.x", "letters"),
        ({"tags": {f"k{n}": "" for n in range(44)}}, "tags", "43 tags"),
        ({"imageTagMutability": "FIXED"}, "imageTagMutability", "MUTABLE"),
        ({"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}, "", "ExclusionFilters"),
        ({"imageTagMutabilityExclusionFilters": ["a"]}, "", "ExclusionFilters"),
        (
            {**EXCLUSION, "imageTagMutabilityExclusionFilters": ["*a*b*"]},
            "imageTagMutabilityExclusionFilters.0",
            "two '*'",
        ),
        (
            {**EXCLUSION, "imageTagMutabilityExclusionFilters": list("abcdef")},
            "imageTagMutabilityExclusionFilters",
            "5",
        ),
        (
            {"encryption": {"type": "AES256", "kmsKey": "x"}},
            "encryption",
            "KMS",
        ),
        ({"lifecycle": {"policy": "{}"}}, "lifecycle", "`rules`"),
        ({"lifecycle": {"policy": "{}", "keepLast": 1}}, "lifecycle", "combined"),
        (
            {"lifecycle": {"byTagPrefix": [{"prefix": "v"}]}},
            "lifecycle.byTagPrefix.0",
            "either keepLast or",
        ),
        (
            {"lifecycle": {"byTagPrefix": by_tag("prefix", 51)}},
            "lifecycle.byTagPrefix",
            "50 items",
        ),
        (
            {"lifecycle": {"byTagPrefix": by_tag("prefix", 50), "keepLast": 1}},
            "lifecycle",
            "51 rules",
        ),
        (
            {"lifecycle": {"byTagPrefix": by_tag("prefix", 2, same=True)}},
            "lifecycle",
            "two rules have the prefix v, but ECR would only apply the first one",
        ),
        (
            {"lifecycle": {"byTagPattern": by_tag("pattern", 51)}},
            "lifecycle.byTagPattern",
            "50 items",
        ),
        (
            {
                "lifecycle": {
                    "byTagPattern": by_tag("pattern", 49),
                    "archiveAfterDays": 9,
                    "expireArchivedAfterDays": 90,
                }
            },
            "lifecycle",
            "51 rules",
        ),
        (
            {"lifecycle": {"byTagPattern": by_tag("pattern", 2, same=True)}},
            "lifecycle",
            "two rules have the pattern v, but ECR would only apply the first one. "
            "Remove one of them",
        ),
        (
            {
                "lifecycle": {
                    "byTagPattern": by_tag("pattern", 1),
                    "byTagPrefix": by_tag("prefix", 1),
                }
            },
            "lifecycle",
            "Write the prefix v as the pattern v*",
        ),
        (
            {"lifecycle": {"byTagPattern": [{"pattern": "*a*b*c*d*", "keepLast": 1}]}},
            "lifecycle.byTagPattern.0.pattern",
            "at most four '*'",
        ),
        (
            {"lifecycle": {"byTagPattern": [{"pattern": "v?", "keepLast": 1}]}},
            "lifecycle.byTagPattern.0.pattern",
            "it must contain only letters",
        ),
        (
            {"lifecycle": {"byTagPattern": [{"pattern": "", "keepLast": 1}]}},
            "lifecycle.byTagPattern.0.pattern",
            "it must not be empty",
        ),
        (
            {"lifecycle": {"byTagPattern": [{"pattern": "v*"}]}},
            "lifecycle.byTagPattern.0",
            "it must have exactly one of keepLast, expireAfterDays, archiveAllButLast, "
            "archiveAfterDays, archiveUnpulledAfterDays; it has none",
        ),
        (
            {
                "lifecycle": {
                    "byTagPattern": [
                        {"pattern": "v*", "keepLast": 1, "archiveAfterDays": 2}
                    ]
                }
            },
            "lifecycle.byTagPattern.0",
            "it has keepLast, archiveAfterDays",
        ),
        (
            {"lifecycle": {"keepLast": 1, "archiveUnpulledAfterDays": 30}},
            "lifecycle",
            "it has keepLast, archiveUnpulledAfterDays, but ECR applies one rule to "
            "each image. Keep one of them",
        ),
        (
            {
                "lifecycle": {
                    "byTagPattern": [{"pattern": "v*", "archiveAfterDays": 9}],
                    "expireArchivedAfterDays": 90,
                }
            },
            "lifecycle",
            "expireArchivedAfterDays would also delete what the rule for the pattern "
            "v* archives. Set expireArchivedAfterDays in that rule too",
        ),
        (
            {"lifecycle": {"archiveAfterDays": 1, "expireArchivedAfterDays": 89}},
            "lifecycle.expireArchivedAfterDays",
            "at least 90",
        ),
        (
            {"lifecycle": {"policy": "{}", "archiveAfterDays": 1}},
            "lifecycle",
            "policy cannot be combined with the other fields",
        ),
        (
            {"lifecycle": {"keepLast": 2**31}},
            "lifecycle.keepLast",
            "at most 2147483647",
        ),
        ({"permissions": {"policy": "{}"}}, "permissions", "Statement"),
        ({"permissions": {"pull": ["everyone"]}}, "permissions.pull.0", "12 digits"),
        ({"permissions": {"pull": [210987654321]}}, "permissions.pull.0", "a string"),
        ({"permissions": {"organizations": ["x"]}}, "permissions.organ", "the ID"),
        (
            {"permissions": {"pushOrganizations": ["o-ABCDEFGHIJ"]}},
            "permissions.pushOrganizations.0",
            "it must be the ID of an AWS organization",
        ),
        (
            {"permissions": {"fullAccessOrganizations": ["123456789012"]}},
            "permissions.fullAccessOrganizations.0",
            "it must be the ID of an AWS organization",
        ),
        (
            {"permissions": {"pull": ["123456789012"], "vpcEndpoints": ["vpc-1"]}},
            "permissions.vpcEndpoints.0",
            "it must be the ID of a VPC endpoint, such as vpce-0123456789abcdef0",
        ),
        (
            {"permissions": {"pull": ["123456789012"], "vpcEndpoints": []}},
            "permissions.vpcEndpoints",
            "it must not be empty",
        ),
        (
            {"permissions": {"vpcEndpoints": ["vpce-12345678"]}},
            "permissions",
            "Add pull, push or an organization, or remove vpcEndpoints",
        ),
        (
            {
                "permissions": {
                    "lambdaAccounts": ["123456789012"],
                    "vpcEndpoints": ["vpce-12345678"],
                }
            },
            "permissions",
            "vpcEndpoints limits what the other fields allow to pull and push",
        ),
        (
            {"permissions": {"policy": "{}", "pushOrganizations": ["o-abcdefghij"]}},
            "permissions",
            "policy cannot be combined with the other fields",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("layer", ["repository", "image", "bundleRepository"])
def test_a_wrong_option_is_refused_with_its_path(
    layer: str, options: dict[str, Any], field: str, rule: str
) -> None:
    step_input: dict[str, Any] = {layer: options}
    result = run(CLUSTER, **step_input).results[-1]
    assert f"input.{layer}{'.' if field else ''}{field}" in result.message
    assert rule in result.message
    assert len(result.message) < 1000


def test_every_pattern_has_a_rule_in_words() -> None:
    """Without one, the error of a wrong value would be one itself."""
    found = re.findall(
        r'(?<!"not": {)"pattern": ("[^ ]+")', json.dumps(Input.model_json_schema())
    )
    assert {json.loads(pattern) for pattern in found} == set(RULES)
