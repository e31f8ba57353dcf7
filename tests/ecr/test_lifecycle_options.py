"""What ECR does to images by the options of a lifecycle."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.ecr import lifecycle_policy as lifecycle
from function.ecr.lifecycle_options import LifecycleOptions
from tests.ecr.lifecycle_evaluator import Image, evaluate


def expiring(*selections: dict[str, Any]) -> str:
    """Return a policy that expires images by selections."""
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": n,
                    "selection": {
                        "tagStatus": "tagged" if "tagPatternList" in each else "any",
                        "countType": "imageCountMoreThan",
                        "countNumber": 1,
                        **each,
                    },
                    "action": {"type": "expire"},
                }
                for n, each in enumerate(selections, 1)
            ]
        }
    )


PROD, BETA = {"tagPatternList": ["prod*"]}, {"tagPatternList": ["beta*"]}
TWO_TAGS = [
    Image("A", ["beta-1", "prod-1"], 10),
    Image("B", ["beta-2", "prod-2"], 9),
    Image("C", ["beta-3"], 8),
]


# The examples of the user guide, with its letters.
@pytest.mark.parametrize(
    ("policy", "images", "expired"),
    [
        pytest.param(expiring(PROD, BETA), TWO_TAGS, "A", id="multiple rules, A"),
        pytest.param(expiring(BETA, PROD), TWO_TAGS, "AB", id="multiple rules, B"),
        pytest.param(
            expiring(
                {
                    "tagPatternList": ["alpha*", "beta*"],
                    "countType": "sinceImagePushed",
                    "countNumber": 5,
                }
            ),
            [
                Image("A", ["alpha-1"], 12),
                Image("B", ["beta-1"], 11),
                Image("C", ["alpha-2", "beta-2"], 10),
                Image("D", ["alpha-3"], 4),
                Image("E", ["beta-3"], 3),
                Image("F", ["alpha-4", "beta-4"], 2),
            ],
            "C",
            id="multiple tags in a single rule, A",
        ),
        pytest.param(
            expiring({"tagPatternList": ["alpha*", "beta*"]}),
            [
                Image("A", ["alpha-1", "beta-1", "gamma-1"], 10),
                Image("B", ["alpha-2", "beta-2"], 9),
                Image("C", ["alpha-3", "beta-3", "gamma-2"], 8),
            ],
            "AB",
            id="multiple tags in a single rule, B",
        ),
        pytest.param(
            expiring({}),
            [
                Image("A", ["alpha-1"], 4),
                Image("B", ["beta-1"], 3),
                Image("C", [], 2),
                Image("D", ["alpha-2"], 1),
            ],
            "ABC",
            id="all images, A",
        ),
        pytest.param(
            expiring(
                {"tagPatternList": ["alpha*"]},
                {"tagStatus": "untagged", "countType": "sinceImagePushed"},
                {},
            ),
            [
                Image("A", ["alpha-1", "beta-1"], 4),
                Image("B", [], 3),
                Image("C", ["alpha-2"], 2),
                # Both were pushed one day ago; the guide takes E as the newer one.
                Image("D", ["git hash"], 1),
                Image("E", [], 0.9),
            ],
            "ABD",
            id="all images, B",
        ),
    ],
)
def test_the_evaluator_does_what_the_user_guide_says(
    policy: str, images: list[Image], expired: str
) -> None:
    assert evaluate(policy, images) == dict.fromkeys(expired, "expire")


# Newest first. None of them is archived.
RELEASES = [Image("r3", ["release-3"], 1), Image("r2", ["release-2"], 20)]
BUILDS = [
    Image("b4", ["main-4"], 2),
    Image("b3", ["main-3"], 30, pulled=1),
    Image("b2", ["main-2"], 40),
]
UNTAGGED = [Image("u2", [], 3), Image("u1", [], 50)]
ALL = [*RELEASES, *BUILDS, *UNTAGGED]


@pytest.mark.parametrize(
    ("options", "images", "want", "reason"),
    [
        ({"expireUntaggedAfterDays": 7}, ALL, {"u1": "expire"}, "only the older one"),
        (
            {"keepLast": 3},
            ALL,
            dict.fromkeys(["r2", "b3", "b2", "u1"], "expire"),
            "all images count, also those without a tag",
        ),
        (
            {"byTagPrefix": [{"prefix": "release-", "keepLast": 9}], "keepLast": 3},
            ALL,
            dict.fromkeys(["b3", "b2", "u1"], "expire"),
            "a release is kept, and counts among the newest three",
        ),
        (
            {
                "byTagPattern": [{"pattern": "release-*", "keepLast": 1}],
                "expireUntaggedAfterDays": 60,
                "keepLast": 1,
            },
            ALL,
            dict.fromkeys(["r2", "b4", "b3", "b2"], "expire"),
            "the newest image of all is a release; untagged ones have their own rule",
        ),
        (
            {
                "byTagPattern": [
                    {"pattern": "*-3", "expireAfterDays": 9},
                    {"pattern": "main-*", "expireAfterDays": 35},
                ]
            },
            ALL,
            {"b3": "expire", "b2": "expire"},
            "the first matching rule applies: r3 is too new for it",
        ),
        (
            {
                "byTagPattern": [
                    {"pattern": "main-3", "keepLast": 1},
                    {"pattern": "main-*", "expireAfterDays": 25},
                ]
            },
            ALL,
            {"b2": "expire"},
            "without a wildcard, only that tag, which is protected from later rules",
        ),
        (
            {"byTagPattern": [{"pattern": "main-*", "archiveAllButLast": 1}]},
            ALL,
            {"b3": "transition", "b2": "transition"},
            "the newest one stays active",
        ),
        (
            {"byTagPattern": [{"pattern": "main-*", "archiveAfterDays": 35}]},
            ALL,
            {"b2": "transition"},
            "days since the push",
        ),
        (
            {"byTagPattern": [{"pattern": "main-*", "archiveUnpulledAfterDays": 25}]},
            ALL,
            {"b2": "transition"},
            "b3 is older, but was pulled yesterday; b2 was never pulled",
        ),
        (
            {"archiveAllButLast": 3},
            ALL,
            dict.fromkeys(["r2", "b3", "b2", "u1"], "transition"),
            "the same images as with keepLast",
        ),
        (
            {"expireUntaggedAfterDays": 9, "archiveAfterDays": 15},
            ALL,
            {
                "r2": "transition",
                "b3": "transition",
                "b2": "transition",
                "u1": "expire",
            },
            "what has no tag is deleted, the rest is archived",
        ),
        (
            {
                "byTagPattern": [{"pattern": "release-*", "keepLast": 9}],
                "archiveUnpulledAfterDays": 15,
            },
            ALL,
            {"b2": "transition", "u1": "transition"},
            "releases stay active",
        ),
        (
            {
                "byTagPattern": [
                    {
                        "pattern": "release-*",
                        "archiveAfterDays": 30,
                        "expireArchivedAfterDays": 400,
                    }
                ],
                "archiveAfterDays": 30,
                "expireArchivedAfterDays": 90,
            },
            [
                Image("old release", ["release-1"], 500, archived=450),
                Image("release", ["release-2"], 300, archived=250),
                Image("build", ["main-1"], 300, archived=250),
                Image("new", ["main-2"], 100, archived=50),
                Image("active", ["main-3"], 100),
            ],
            {"old release": "expire", "build": "expire", "active": "transition"},
            "archived releases are kept longer than other archived images",
        ),
        (
            {
                "byTagPattern": [
                    {"pattern": "release-*", "keepLast": 9},
                    {"pattern": "main-*", "archiveAfterDays": 30},
                ],
                "archiveAfterDays": 30,
            },
            [
                Image("build", ["main-1"], 900, archived=800),
                Image("other", ["test-1"], 900, archived=800),
            ],
            {},
            "without expireArchivedAfterDays, nothing in the archive is deleted",
        ),
        (
            {"keepLast": 1, "expireArchivedAfterDays": 90},
            [
                Image("new", ["v2"], 1),
                Image("archived", ["v1"], 500, archived=80),
            ],
            {},
            "keepLast neither counts nor deletes archived images",
        ),
    ],
)
def test_what_a_lifecycle_does_to_images(
    options: dict[str, Any], images: list[Image], want: dict[str, str], reason: str
) -> None:
    text = LifecycleOptions.model_validate(options).text
    assert evaluate(text, images) == want, reason


def test_the_text_of_a_lifecycle() -> None:
    """Rules for any tag come last, as in the user guide's example."""
    options = LifecycleOptions.model_validate(
        {
            "expireUntaggedAfterDays": 7,
            "byTagPattern": [
                {
                    "pattern": "v*",
                    "archiveUnpulledAfterDays": 30,
                    "expireArchivedAfterDays": 365,
                }
            ],
            "archiveAllButLast": 100,
            "expireArchivedAfterDays": 90,
        }
    )
    days = {"countUnit": "days"}
    expire = {"type": "expire"}
    archive = {"type": "transition", "targetStorageClass": "archive"}
    pattern = {"tagStatus": "tagged", "tagPatternList": ["v*"]}
    archived = {
        "storageClass": "archive",
        "countType": "sinceImageTransitioned",
        **days,
    }
    assert json.loads(options.text) == {
        "rules": [
            {"rulePriority": n, "selection": selection, "action": action}
            for n, (selection, action) in enumerate(
                [
                    (
                        {
                            "tagStatus": "untagged",
                            "countType": "sinceImagePushed",
                            "countNumber": 7,
                            **days,
                        },
                        expire,
                    ),
                    (
                        {
                            **pattern,
                            "countType": "sinceImagePulled",
                            "countNumber": 30,
                            **days,
                        },
                        archive,
                    ),
                    ({**pattern, **archived, "countNumber": 365}, expire),
                    (
                        {
                            "tagStatus": "any",
                            "countType": "imageCountMoreThan",
                            "countNumber": 100,
                        },
                        archive,
                    ),
                    ({"tagStatus": "any", **archived, "countNumber": 90}, expire),
                ],
                1,
            )
        ]
    }


NUMBERS = st.integers(90, 500)
STANDARD = ("keepLast", "archiveAllButLast", "archiveAfterDays")
ARCHIVING = (*STANDARD, "archiveUnpulledAfterDays")


def one_of(*names: str) -> st.SearchStrategy[dict[str, int]]:
    return st.sampled_from(names).flatmap(
        lambda name: st.fixed_dictionaries({name: NUMBERS})
    )


RULES = st.builds(
    lambda pattern, kept, more: {"pattern": pattern, **kept, **more},
    st.text("ab*-", min_size=1, max_size=4),
    one_of("expireAfterDays", *ARCHIVING),
    st.fixed_dictionaries({}, optional={"expireArchivedAfterDays": NUMBERS}),
)


@given(
    st.builds(
        lambda rest, more: {**rest, **more},
        st.one_of(st.just({}), one_of(*ARCHIVING)),
        st.fixed_dictionaries(
            {},
            optional={
                "expireUntaggedAfterDays": NUMBERS,
                "expireArchivedAfterDays": NUMBERS,
                "byTagPattern": st.lists(
                    RULES, max_size=20, unique_by=lambda rule: rule["pattern"]
                ),
            },
        ),
    )
)
def test_what_is_accepted_is_a_policy_that_ecr_accepts(options: dict[str, Any]) -> None:
    """What the fields say passes the same checks as a policy that a user writes."""
    if days := options.get("expireArchivedAfterDays"):
        for rule in options.get("byTagPattern", ()):
            rule.setdefault("expireArchivedAfterDays", days)
    text = LifecycleOptions.model_validate(options).text
    if text:
        assert lifecycle.parse(text) == text
