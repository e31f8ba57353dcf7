"""The list of AWS regions, and the warning for another one."""

import re
from pathlib import Path

import pytest

from function.api.parameters import PARAMETER_BOUNDS
from function.cli.regions import regions, unknown_region


def test_the_list_is_sorted_and_the_api_server_accepts_each_region() -> None:
    lines = Path("function/cli/regions.txt").read_text().splitlines()
    assert lines == sorted(regions())
    pattern = re.compile(PARAMETER_BOUNDS["region"]["pattern"])
    assert [line for line in lines if not pattern.match(line)] == []


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-2", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_each_partition_has_regions(region: str, partition: str) -> None:
    assert unknown_region("f", region) == "", partition


@pytest.mark.parametrize(
    ("region", "nearest"),
    [
        ("eu-west-9", r" \(did you mean eu-west-[123]\?\)"),
        ("eu-wset-2", r" \(did you mean eu-west-2\?\)"),
        ("zz-zzzzzzzz-9", ""),
    ],
)
def test_an_unknown_region_has_the_nearest_one(region: str, nearest: str) -> None:
    warning = unknown_region("spec.parameters.region", region)
    assert re.fullmatch(
        f'spec.parameters.region: got "{region}"; no AWS region that this version '
        f"knows has this code{nearest}. Correct it, unless .*",
        warning,
    )
