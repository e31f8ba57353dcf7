"""The readings of a name that follow the user's rules, and why there are none."""

from typing import Any

import pytest

from function.cli.name_matching import (
    MappingRules,
    NoMatch,
    Target,
    listing,
    match,
)
from function.ecr.name_readings import Reading
from function.ecr.name_template import DEFAULT_TEMPLATE, NamedRepository, NameTemplate

RECOMMENDED = "{prefix}/{namespace}/{workload}{suffix}"
WITHOUT_NAMESPACE = "{prefix}/{workload}{suffix}"


def rules(template: str = DEFAULT_TEMPLATE, **changes: Any) -> MappingRules:
    parsed = NameTemplate.parse(template, "name")
    roles = (
        NamedRepository("image", parsed, ""),
        NamedRepository("bundle", parsed, "-bundle"),
    )
    return MappingRules(roles, "eu-west-2", "", "aws", **changes)


def rule(text: str) -> NameTemplate:
    return NameTemplate.parse(text, "--rule")


NAMESPACES = frozenset({"b-c", "dev"})


@pytest.mark.parametrize(
    ("name", "given", "want", "reason"),
    [
        ("tap/a-dev", rules(), ["dev/a image"], "one reading"),
        ("tap/a-b-c", rules(), ["b-c/a image", "c/a-b image"], "two readings"),
        (
            "tap/a-dev-bundle",
            rules(),
            ["bundle/a-dev image", "dev-bundle/a image", "dev/a bundle"],
            "a bundle can be an image too",
        ),
        ("tap/a-b-c", rules(namespaces=NAMESPACES), ["b-c/a image"], "a namespace"),
        (
            "tap/a-b-c",
            rules(mapping={"tap/a-b-c": Target("c", "a-b")}),
            ["c/a-b image"],
            "a mapping",
        ),
        (
            "tap/a-b-c",
            rules(namespaces=NAMESPACES, mapping={"tap/a-b-c": Target("c", "a-b")}),
            ["c/a-b image"],
            "a mapping also to a namespace that is not listed",
        ),
        (
            "tap/a-b-c",
            rules(rule=rule("tap/{workload}-b-{namespace}{suffix}")),
            [],
            "a rule whose reading is not the template's",
        ),
        (
            "tap/x-a-team-b",
            rules(rule=rule("tap/x-{workload}-{namespace}{suffix}")),
            [],
            "a rule that leaves out a part of the workload",
        ),
        (
            "tap/a-b-c",
            rules(rule=rule("{prefix}/a-{namespace}{workload}")),
            [],
            "a rule that divides otherwise",
        ),
        (
            "tap/a-b-dev",
            rules(rule=rule("tap/{workload}-dev{suffix}")),
            ["dev/a-b image"],
            "a rule without a namespace fixes only the workload",
        ),
        (
            "tap/dev/a-bundle",
            rules(RECOMMENDED),
            ["dev/a-bundle image", "dev/a bundle"],
            "an image whose workload ends with -bundle",
        ),
        (
            "tap/a",
            rules(WITHOUT_NAMESPACE, namespaces=frozenset({"dev"})),
            ["dev/a image"],
            "the only namespace",
        ),
        (
            "tap/a",
            rules(WITHOUT_NAMESPACE, namespaces=NAMESPACES),
            ["b-c/a image", "dev/a image"],
            "one of the namespaces",
        ),
        (
            "tap/a",
            rules(WITHOUT_NAMESPACE, mapping={"tap/a": Target("c", "a")}),
            ["c/a image"],
            "the namespace of a mapping",
        ),
        (
            "tap/dev/a-b-dev",
            rules(allows=lambda prefix, namespace: prefix == f"tap/{namespace}"),
            ["dev/a-b image"],
            "the path of a namespace",
        ),
    ],
)
def test_matching(name: str, given: MappingRules, want: list[str], reason: str) -> None:
    found = match(name, given)
    shown = (
        []
        if isinstance(found, NoMatch)
        else [f"{r.namespace}/{r.workload} {r.key}" for r in found]
    )
    assert shown == want, reason


EXISTING = "Give it to one workload with `existing: true` in --map, or leave it"


@pytest.mark.parametrize(
    ("name", "given", "want"),
    [
        (
            "team/base",
            rules(),
            NoMatch(
                "NoMatch",
                'the template "{prefix}/{workload}-{namespace}{suffix}" cannot give it',
                EXISTING,
            ),
        ),
        (
            "tap/a-dev",
            rules(namespaces=frozenset({"prod"})),
            NoMatch(
                "NoMatch",
                "it would be the image of workload a in namespace dev, but there is no "
                "such namespace",
                EXISTING,
            ),
        ),
        (
            "tap/a-dev",
            rules(mapping={"tap/a-dev": Target("prod", "a")}),
            NoMatch(
                "NoMatch",
                "it would be the image of workload a in namespace dev, but the mapping "
                "says prod/a",
                EXISTING,
            ),
        ),
        (
            "tap/a-dev",
            rules(rule=rule("other/{workload}-{namespace}{suffix}")),
            NoMatch(
                "NoMatch",
                "it would be the image of workload a in namespace dev, but the rule "
                '"other/{workload}-{namespace}{suffix}" cannot give it',
                EXISTING,
            ),
        ),
        (
            "tap/a-dev",
            rules(rule=rule("tap/{namespace}-{workload}{suffix}")),
            NoMatch(
                "NoMatch",
                "it would be the image of workload a in namespace dev, but by the rule "
                '"tap/{namespace}-{workload}{suffix}" it is the image of workload dev '
                "in namespace a",
                EXISTING,
            ),
        ),
        (
            "tap/a-dev",
            rules(allows=lambda *_: False),
            NoMatch(
                "NoMatch",
                "it would be the image of workload a in namespace dev, but the "
                "platform does not allow that prefix there",
                EXISTING,
            ),
        ),
        (
            "tap/a",
            rules(WITHOUT_NAMESPACE),
            NoMatch(
                "NoNamespace",
                'the template "{prefix}/{workload}{suffix}" has no {namespace}',
                "Name the namespace with --namespace, or map the repository in --map",
            ),
        ),
    ],
)
def test_the_message_says_which_rule_left_nothing(
    name: str, given: MappingRules, want: NoMatch
) -> None:
    assert match(name, given) == want


def test_a_message_lists_few_readings() -> None:
    many = [Reading(f"n{n}", "a", "tap", "image") for n in range(9)]
    assert listing(many) == (
        "the image of workload a in namespace n0, or the image of workload a in "
        "namespace n1, or the image of workload a in namespace n2, or the image of "
        "workload a in namespace n3, or 5 more"
    )


def test_a_message_names_prefixes_if_there_are_several() -> None:
    found = [Reading("n", "a", "x", "image"), Reading("n", "a", "x/y", "image")]
    assert listing(found) == (
        "the image of workload a in namespace n with the prefix x, or the image of "
        "workload a in namespace n with the prefix x/y"
    )
