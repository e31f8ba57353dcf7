"""Policy documents as text."""

import json

import pytest

from function.ecr.policy_json import PolicyError, parse, write


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "it is not valid JSON"),
        ("[]", "it is not a JSON object"),
        ('{"a": 1, "a": 1}', 'it has the key "a" twice'),
        ('{"a": {"b": 1, "b": 2}}', 'it has the key "b" twice'),
        ('{"a": NaN}', "NaN is not valid JSON"),
        ('{"a": -Infinity}', "-Infinity is not valid JSON"),
        ('{"a": %s}' % ("1" * 5000), "a number with too many digits"),
        ("[" * 100_000, "nested too deep"),
    ],
    ids=lambda value: value[:20],
)
def test_a_document_that_is_refused(text: str, rule: str) -> None:
    with pytest.raises(PolicyError) as e:
        parse(text)
    assert rule in str(e.value)


@pytest.mark.parametrize(
    ("ordered", "want"),
    [(False, '{"a":"\u00e9","b":[1,2]}'), (True, '{"b":[1,2],"a":"\u00e9"}')],
)
def test_one_spelling(want: str, *, ordered: bool) -> None:
    document = {"b": [1, 2], "a": "\u00e9"}
    assert write(document, 100, ordered=ordered) == want
    assert parse(want) == document


def test_a_policy_may_be_as_long_as_ecr_allows() -> None:
    document = {"a": "x" * 10}
    longest = len(json.dumps(document, separators=(",", ":")))
    assert len(write(document, longest)) == longest
    with pytest.raises(PolicyError, match=f"ECR allows at most {longest - 1}"):
        write(document, longest - 1)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(PolicyError, match="half a surrogate"):
        write({"a": "\ud800"}, 100)
