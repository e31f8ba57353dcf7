"""Lifecycle policies: which images ECR deletes or archives by itself.

Sources, all in the ECR user guide: "Lifecycle policy properties in Amazon ECR" has the
fields. "Lifecycle policy evaluation rules", in "Automate the cleanup of images by using
lifecycle policies in Amazon ECR", has what applies to all rules together. "Examples of
lifecycle policies in Amazon ECR" has the action of each countType. "Amazon ECR service
quotas" limits the rules. The limits of length are those of shape LifecyclePolicyText in
the ECR API model ecr/2015-09-21.
"""

import re
from collections.abc import Iterable
from typing import Any

from function.ecr import policy_json
from function.ecr.policy_json import PolicyError

SHORTEST, LONGEST = 100, 30_720
MOST_RULES = 50
_MOST_WILDCARDS = 4
# Days. "Archiving an image": the shortest time for which AWS bills an archived image.
SHORTEST_ARCHIVE = 90
_DAYS = ("sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
# The keys in the order of the user guide. ECR returns a policy in that order.
_RULE = ("rulePriority", "description", "selection", "action")
_SELECTION = (
    *("tagStatus", "tagPatternList", "tagPrefixList", "storageClass"),
    *("countType", "countUnit", "countNumber"),
)
_ACTION = ("type", "targetStorageClass")
EXPIRE = {"type": "expire"}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
_TAG = re.compile(r"[A-Za-z0-9_.*-]{1,128}")


def older_than(days: int) -> dict[str, Any]:
    """Select images that were pushed more than this many days ago."""
    return {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}


def all_but(newest: int) -> dict[str, Any]:
    """Select all images except this many of the newest."""
    return {"countType": "imageCountMoreThan", "countNumber": newest}


def unpulled_for(days: int) -> dict[str, Any]:
    """Select images that nobody pulled for this many days.

    An image that was never pulled counts from its push. Only ARCHIVE goes with it.
    """
    return {"countType": "sinceImagePulled", "countUnit": "days", "countNumber": days}


def archived_for(days: int) -> dict[str, Any]:
    """Select images that were archived more than this many days ago."""
    return {
        "storageClass": "archive",
        "countType": "sinceImageTransitioned",
        "countUnit": "days",
        "countNumber": days,
    }


def build(rules: Iterable[tuple[dict[str, Any], dict[str, str]]]) -> str:
    """Return a policy of selections and actions; the first one wins.

    Raises:
        PolicyError: It breaks one of ECR's rules.
    """
    return _render(
        [
            {"rulePriority": priority, "selection": selection, "action": action}
            for priority, (selection, action) in enumerate(rules, 1)
        ]
    )


def parse(text: str) -> str:
    """Return a user's policy as ECR would return it.

    Raises:
        PolicyError: It breaks one of ECR's rules.
    """
    policy = policy_json.parse(text)
    rules = policy.get("rules")
    if set(policy) != {"rules"} or not isinstance(rules, list) or not rules:
        raise PolicyError("it must have a list of `rules` and no other field")
    return _render(rules)


def _render(rules: list[Any]) -> str:
    if len(rules) > MOST_RULES:
        raise PolicyError(f"it has {len(rules)} rules; ECR allows {MOST_RULES}")
    checked = [_rule(rule, f"rule {n}") for n, rule in enumerate(rules, 1)]
    priorities = [rule["rulePriority"] for rule in checked]
    if len(set(priorities)) != len(priorities):
        raise PolicyError("each rule must have a different rulePriority")
    for storage in ("standard", "archive"):
        _check_together([r for r in checked if _storage(r) == storage], storage)
    text = policy_json.write(
        {"rules": sorted(checked, key=lambda rule: rule["rulePriority"])},
        LONGEST,
        ordered=True,
    )
    if len(text) < SHORTEST:
        raise PolicyError(f"it has {len(text)} characters; ECR requires {SHORTEST}")
    return text


def _check_together(rules: list[dict[str, Any]], storage: str) -> None:
    """Check what ECR demands of all rules of one storage class."""
    last = max((rule["rulePriority"] for rule in rules), default=0)
    found = set()
    for rule in rules:
        selection = rule["selection"]
        status = selection["tagStatus"]
        if status == "any" and rule["rulePriority"] != last:
            raise PolicyError(
                "the rule with tagStatus any must have the highest rulePriority"
            )
        prefixes = selection.get("tagPrefixList", ())
        key = (status, *prefixes)
        if key in found and (status == "untagged" or prefixes):
            same = f"tagPrefixList {', '.join(prefixes)}" if prefixes else status
            raise PolicyError(
                f"ECR allows only one rule for {same} in the storage class {storage}"
            )
        found.add(key)


def _storage(rule: dict[str, Any]) -> str:
    return str(rule["selection"].get("storageClass", "standard"))


def _rule(value: Any, path: str) -> dict[str, Any]:
    rule = _object(value, path, _RULE)
    if not _positive(rule.get("rulePriority")):
        raise PolicyError(f"{path}: rulePriority must be a whole number, 1 or more")
    if not isinstance(rule.get("description", ""), str):
        raise PolicyError(f"{path}: description must be a string")
    selection = _selection(rule.get("selection"), path)
    action = _action(rule.get("action"), selection["countType"], path)
    # The keys in order.
    return {
        key: {**rule, "selection": selection, "action": action}[key]
        for key in _RULE
        if key != "description" or key in rule
    }


def _selection(value: Any, path: str) -> dict[str, Any]:
    selection = _object(value, f"{path}: selection", _SELECTION)
    status = selection.get("tagStatus")
    if status not in ("tagged", "untagged", "any"):
        raise PolicyError(f"{path}: tagStatus must be tagged, untagged or any")
    lists = [name for name in ("tagPatternList", "tagPrefixList") if name in selection]
    if len(lists) != (status == "tagged"):
        raise PolicyError(
            f"{path}: a rule with tagStatus tagged must have tagPatternList or "
            "tagPrefixList; other rules must have neither"
        )
    for name in lists:
        selection[name] = _tags(selection[name], f"{path}: {name}", name)
    count = selection.get("countType")
    if count not in (*_DAYS, "imageCountMoreThan"):
        raise PolicyError(
            f"{path}: countType must be imageCountMoreThan or {', '.join(_DAYS)}"
        )
    if selection.get("countUnit") != ("days" if count in _DAYS else None):
        raise PolicyError(
            f"{path}: countUnit must be days, or absent if countType is "
            "imageCountMoreThan"
        )
    if not _positive(selection.get("countNumber")):
        raise PolicyError(f"{path}: countNumber must be a whole number, 1 or more")
    transitioned = count == "sinceImageTransitioned"
    if transitioned and selection["countNumber"] < SHORTEST_ARCHIVE:
        raise PolicyError(
            f"{path}: countNumber must be {SHORTEST_ARCHIVE} or more for archived "
            "images"
        )
    storage = selection.get("storageClass", "standard")
    if storage != ("archive" if transitioned else "standard"):
        raise PolicyError(
            f"{path}: storageClass must be archive if countType is "
            "sinceImageTransitioned, otherwise standard"
        )
    return selection


def _tags(value: Any, path: str, name: str) -> list[str]:
    if not isinstance(value, list) or not value:
        raise PolicyError(f"{path} must be a list of strings, and not empty")
    for tag in value:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise PolicyError(
                f"{path}: a tag has at most 128 letters, digits, '_', '.', '-' and "
                "wildcards (*)"
            )
        stars = tag.count("*")
        if stars > (_MOST_WILDCARDS if name == "tagPatternList" else 0):
            raise PolicyError(
                f"{path}: a pattern has at most {_MOST_WILDCARDS} wildcards (*), and a "
                "prefix has none"
            )
    return sorted(value)


def _action(value: Any, count: str, path: str) -> dict[str, Any]:
    action = _object(value, f"{path}: action", _ACTION)
    kind, target = action.get("type"), action.get("targetStorageClass")
    if (kind, target) not in (("expire", None), ("transition", "archive")):
        raise PolicyError(
            f"{path}: action must have type expire, or type transition with "
            "targetStorageClass archive"
        )
    only = {"sinceImagePulled": "transition", "sinceImageTransitioned": "expire"}
    if only.get(count, kind) != kind:
        raise PolicyError(
            f"{path}: the action type for countType {count} must be {only[count]}"
        )
    return action


def _object(value: Any, path: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict) or not set(value) <= set(keys):
        raise PolicyError(
            f"{path} must be an object with only these fields: {', '.join(keys)}"
        )
    return {key: value[key] for key in keys if key in value}


def _positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
