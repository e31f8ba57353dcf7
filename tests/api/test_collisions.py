"""The verdict on the names that settings give."""

from typing import Any

import pytest

from function.api.collisions import collision_verdict
from function.api.input import Input
from function.api.platform_settings import PlatformSettings
from function.api.settings import effective_settings

RECOMMENDED: dict[str, Any] = {
    "name": "{prefix}/{namespace}/{workload}{suffix}",
    "suffix": "/{repository}",
}


def settings(**fields: Any) -> dict[str, Any]:
    return {**RECOMMENDED, "allow": {"repoPrefixes": ["tap"]}, **fields}


@pytest.mark.parametrize(
    ("step_input", "platform", "free", "reason"),
    [
        ({}, None, False, "the default: with hyphens"),
        ({}, settings(), True, "the recommended layout with one prefix"),
        (RECOMMENDED, None, False, "any prefix can contain a namespace"),
        (settings(), {}, True, "the Input decides, the platform says nothing"),
        (
            {"allow": {"repoPrefixes": ["tap*"]}},
            settings(),
            True,
            "the second list rules out what the first one allows",
        ),
        (
            {"allow": {"repoPrefixes": ["tap", "tap/*"]}},
            settings(allow={"repoPrefixes": ["tap", "tap/*"]}),
            False,
            "both lists allow it",
        ),
        (
            {},
            settings(
                allow={"repoPrefixes": ["tap"], "repositories": ["*"]},
                repositories={"cache": {"suffix": "/worker"}},
            ),
            False,
            "a claim can add the name of a suffix",
        ),
        (
            {},
            settings(allow={"repoPrefixes": ["tap"], "repositories": ["worker"]}),
            True,
            "the name that claims may add has a suffix of its own",
        ),
    ],
)
def test_the_verdict(
    step_input: dict[str, Any],
    platform: dict[str, Any] | None,
    *,
    free: bool,
    reason: str,
) -> None:
    applied = effective_settings(
        Input.model_validate(step_input),
        None if platform is None else PlatformSettings.model_validate(platform),
    )
    verdict = collision_verdict(applied)
    assert verdict.collision_free is free, reason
    assert (verdict.collision is None) is free, reason


def test_no_example_may_fit_both_lists() -> None:
    """Each list alone allows two prefixes that collide, but together only one."""
    platform = PlatformSettings.model_validate(
        settings(allow={"repoPrefixes": ["tap", "tap/a"]})
    )
    step_input = Input.model_validate({"allow": {"repoPrefixes": ["tap", "tap/b"]}})
    verdict = collision_verdict(effective_settings(step_input, platform))
    assert not verdict.collision_free
    assert verdict.collision is None
    assert "Not proven" in verdict.reason
