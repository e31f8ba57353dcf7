"""What ECR does to images by a lifecycle policy.

By "Lifecycle policy evaluation rules" in the ECR user guide, "Automate the cleanup of
images by using lifecycle policies in Amazon ECR". test_lifecycle_options.py checks this
evaluator with the examples in "Examples of lifecycle policies in Amazon ECR".
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, eq=False)
class Image:
    """An image in ECR.

    Attributes:
        name: What a test calls it.
        tags: Its tags.
        pushed: How many days ago it was pushed.
        pulled: How many days ago it was last pulled; None for never.
        archived: How many days ago it was archived; None if it is not in the archive.
    """

    name: str
    tags: Sequence[str] = ()
    pushed: float = 0
    pulled: float | None = None
    archived: float | None = None


def evaluate(policy: str, images: Iterable[Image]) -> dict[str, str]:
    """Return the names of the images that a policy changes, and how it changes them.

    Returns:
        `expire` or `transition` by the image's name.
    """
    rules = sorted(json.loads(policy)["rules"], key=lambda rule: rule["rulePriority"])
    changed: dict[str, str] = {}
    left = set(images)
    everything = frozenset(left)
    for rule in rules:
        # A rule sees all images that it selects, but it cannot change an image that a
        # rule with a higher priority selects.
        seen = {image for image in everything if _selects(rule["selection"], image)}
        for image in _due(rule["selection"], seen) & left:
            changed[image.name] = rule["action"]["type"]
        left -= seen
    return changed


def _selects(selection: dict[str, Any], image: Image) -> bool:
    in_archive = image.archived is not None
    if in_archive != (selection.get("storageClass") == "archive"):
        return False
    if selection["tagStatus"] == "any":
        return True
    if selection["tagStatus"] == "untagged":
        return not image.tags
    patterns = selection.get("tagPatternList") or [
        f"{prefix}*" for prefix in selection["tagPrefixList"]
    ]
    return all(
        any(fnmatchcase(tag, pattern) for tag in image.tags) for pattern in patterns
    )


def _due(selection: dict[str, Any], seen: set[Image]) -> set[Image]:
    number = selection["countNumber"]
    match selection["countType"]:
        case "imageCountMoreThan":
            youngest_first = sorted(seen, key=lambda image: image.pushed)
            return set(youngest_first[number:])
        case "sinceImagePushed":
            return {image for image in seen if image.pushed > number}
        case "sinceImagePulled":
            return {image for image in seen if _unpulled(image) > number}
        case _:
            return {image for image in seen if (image.archived or 0) > number}


def _unpulled(image: Image) -> float:
    return image.pushed if image.pulled is None else image.pulled
