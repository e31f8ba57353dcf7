"""Lifecycle policies: which images ECR deletes or archives by itself.

The rules are those of the ECR user guide, "Lifecycle policy properties in Amazon ECR";
lengths those of shape LifecyclePolicyText of the ECR API model ecr/2015-09-21; the
number of rules that of "Amazon ECR service quotas".
"""

import re
from typing import Any

from function.ecr import policy_json as document
from function.ecr.policy_json import PolicyError

SHORTEST, LONGEST = 100, 30_720
MOST_RULES = 50
_MOST_WILDCARDS = 4
_ARCHIVED_AT_LEAST = 90  # days
_DAYS = ("sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
# In the order of that page, in which ECR gives a policy back.
_RULE = ("rulePriority", "description", "selection", "action")
_SELECTION = (
    *("tagStatus", "tagPatternList", "tagPrefixList", "storageClass"),
    *("countType", "countUnit", "countNumber"),
)
_ACTION = ("type", "targetStorageClass")
_TAG = re.compile(r"[A-Za-z0-9_.*-]{1,128}")


def older_than(days: int) -> dict[str, Any]:
    """Select what was pushed longer ago."""
    return {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}


def all_but(newest: int) -> dict[str, Any]:
    """Select all but the newest ones."""
    return {"countType": "imageCountMoreThan", "countNumber": newest}


def of(selections: list[dict[str, Any]]) -> str:
    """Return the policy that expires what is selected, the first one first.

    Raises:
        PolicyError: It breaks one of ECR's rules.
    """
    return _written(
        [
            {
                "rulePriority": priority,
                "selection": selection,
                "action": {"type": "expire"},
            }
            for priority, selection in enumerate(selections, 1)
        ]
    )


def parse(text: str) -> str:
    """Return a policy that somebody wrote, as we write it.

    Raises:
        PolicyError: It breaks one of ECR's rules.
    """
    policy = document.parse(text)
    rules = policy.get("rules")
    if set(policy) != {"rules"} or not isinstance(rules, list) or not rules:
        raise PolicyError("it must have a list of `rules`, and nothing else")
    return _written(rules)


def _written(rules: list[Any]) -> str:
    if len(rules) > MOST_RULES:
        raise PolicyError(f"it has {len(rules)} rules, and ECR takes {MOST_RULES}")
    checked = [_rule(rule, f"rule {n}") for n, rule in enumerate(rules, 1)]
    priorities = [rule["rulePriority"] for rule in checked]
    if len(set(priorities)) != len(priorities):
        raise PolicyError("every rule must have a rulePriority of its own")
    # One for each storage class: the last of those that select from it.
    for storage in ("standard", "archive"):
        of_it = [r for r in checked if _storage(r) == storage]
        last = max((r["rulePriority"] for r in of_it), default=0)
        for rule in of_it:
            any_tag = rule["selection"]["tagStatus"] == "any"
            if any_tag and rule["rulePriority"] != last:
                raise PolicyError(
                    "the rule whose tagStatus is any must have the highest rulePriority"
                )
    text = document.write(
        {"rules": sorted(checked, key=lambda rule: rule["rulePriority"])},
        LONGEST,
        ordered=True,
    )
    if len(text) < SHORTEST:
        raise PolicyError(f"it has {len(text)} characters, and ECR wants {SHORTEST}")
    return text


def _storage(rule: dict[str, Any]) -> str:
    return str(rule["selection"].get("storageClass", "standard"))


def _rule(given: Any, which: str) -> dict[str, Any]:  # noqa: ANN401
    rule = _object(given, which, _RULE)
    if not _positive(rule.get("rulePriority")):
        raise PolicyError(f"{which}: rulePriority must be a whole number from 1")
    if not isinstance(rule.get("description", ""), str):
        raise PolicyError(f"{which}: description must be a string")
    selection = _selection(rule.get("selection"), which)
    action = _action(rule.get("action"), selection["countType"], which)
    # Anew, in order.
    return {
        key: {**rule, "selection": selection, "action": action}[key]
        for key in _RULE
        if key != "description" or key in rule
    }


def _selection(given: Any, which: str) -> dict[str, Any]:  # noqa: ANN401
    selection = _object(given, f"{which}: selection", _SELECTION)
    status = selection.get("tagStatus")
    if status not in ("tagged", "untagged", "any"):
        raise PolicyError(f"{which}: tagStatus must be tagged, untagged or any")
    lists = [name for name in ("tagPatternList", "tagPrefixList") if name in selection]
    if len(lists) != (status == "tagged"):
        raise PolicyError(
            f"{which}: a rule for tagged images needs one of tagPatternList and "
            "tagPrefixList, any other none"
        )
    for name in lists:
        selection[name] = _tags(selection[name], f"{which}: {name}", name)
    count = selection.get("countType")
    if count not in (*_DAYS, "imageCountMoreThan"):
        raise PolicyError(
            f"{which}: countType must be imageCountMoreThan or {', '.join(_DAYS)}"
        )
    if selection.get("countUnit") != ("days" if count in _DAYS else None):
        raise PolicyError(
            f"{which}: countUnit must be days where countType is a time, and is left "
            "out where it is imageCountMoreThan"
        )
    if not _positive(selection.get("countNumber")):
        raise PolicyError(f"{which}: countNumber must be a whole number from 1")
    transitioned = count == "sinceImageTransitioned"
    if transitioned and selection["countNumber"] < _ARCHIVED_AT_LEAST:
        raise PolicyError(
            f"{which}: what is archived stays for {_ARCHIVED_AT_LEAST} days at least"
        )
    storage = selection.get("storageClass", "standard")
    if storage != ("archive" if transitioned else "standard"):
        raise PolicyError(
            f"{which}: storageClass must be archive where countType is "
            "sinceImageTransitioned, and standard elsewhere"
        )
    return selection


def _tags(given: Any, which: str, name: str) -> list[str]:  # noqa: ANN401
    if not isinstance(given, list) or not given:
        raise PolicyError(f"{which} must be a list of strings")
    for tag in given:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise PolicyError(f"{which} must have what image tags have, and wildcards")
        stars = tag.count("*")
        if stars > (_MOST_WILDCARDS if name == "tagPatternList" else 0):
            raise PolicyError(
                f"{which}: a pattern has {_MOST_WILDCARDS} wildcards at most, and a "
                "prefix none"
            )
    return sorted(given)


def _action(given: Any, count: str, which: str) -> dict[str, Any]:  # noqa: ANN401
    action = _object(given, f"{which}: action", _ACTION)
    kind, target = action.get("type"), action.get("targetStorageClass")
    if (kind, target) not in (("expire", None), ("transition", "archive")):
        raise PolicyError(
            f"{which}: action must be of type expire, or of type transition with "
            "targetStorageClass archive"
        )
    only = {"sinceImagePulled": "transition", "sinceImageTransitioned": "expire"}
    if only.get(count, kind) != kind:
        raise PolicyError(f"{which}: the action of {count} must be {only[count]}")
    return action


def _object(given: Any, which: str, keys: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(given, dict) or not set(given) <= set(keys):
        raise PolicyError(f"{which} must be an object of {', '.join(keys)}")
    return {key: given[key] for key in keys if key in given}


def _positive(given: Any) -> bool:  # noqa: ANN401
    return isinstance(given, int) and not isinstance(given, bool) and given >= 1
