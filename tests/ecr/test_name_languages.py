"""The languages of names, compared with the regular expressions of the function."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.ecr.name_languages import (
    ALPHABET,
    LETTER,
    START,
    Globs,
    Token,
    label_step,
    name_step,
    parse_glob,
    reduced_alphabet,
    segment_step,
    subdomain_step,
)
from function.ecr.naming import PATTERN

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"


@pytest.mark.parametrize(
    ("step", "pattern"),
    [
        pytest.param(name_step, PATTERN, id="names"),
        pytest.param(segment_step, rf"(?!.*/){PATTERN}", id="segments"),
        pytest.param(label_step, LABEL, id="labels"),
        pytest.param(subdomain_step, rf"{LABEL}(\.{LABEL})*", id="subdomains"),
    ],
)
@given(text=st.text(alphabet="a0-._/", max_size=8))
def test_rules(step: Callable[[int, str], int | None], pattern: str, text: str) -> None:
    state: int | None = START
    for character in text:
        state = None if state is None else step(state, character)
    assert (state == LETTER) == bool(re.fullmatch(pattern, text))


GLOBS = st.lists(
    st.sampled_from([*"ab-/*?[]!", "[ab]", "[!a]", "[]a]", "[!]a]", "[a-b"]), max_size=6
).map("".join)


@given(st.lists(GLOBS, max_size=3), st.text(alphabet="ab-/", max_size=6))
def test_globs_match_as_fnmatch_does(globs: list[str], text: str) -> None:
    tokens = [
        [token for token in parse_glob(glob, wildcards=True) if token] for glob in globs
    ]
    language = Globs(tokens)
    state = language.start
    for character in text:
        after = language.step(state, character)
        if after is None:
            assert not any(fnmatchcase(text, glob) for glob in globs)
            return
        state = after
    assert language.accepts(state) == any(fnmatchcase(text, glob) for glob in globs)


@pytest.mark.parametrize(
    ("glob", "wildcards", "want", "reason"),
    [
        ("a{namespace}", True, (Token(frozenset("a")), None), "the placeholder"),
        ("[{namespace}]", True, (Token(frozenset("acemnps")),), "a class has letters"),
        ("*", False, (Token(frozenset()),), "no wildcard, and in no name"),
        ("A", True, (Token(frozenset()),), "names have no capital letters"),
    ],
)
def test_tokens(
    glob: str, wildcards: bool, want: tuple[Token | None, ...], reason: str
) -> None:
    assert parse_glob(glob, wildcards=wildcards) == want, reason


def test_the_alphabet_keeps_what_a_rule_can_tell_apart() -> None:
    globs = [parse_glob("[x-z]w*", wildcards=True)]
    alphabet = reduced_alphabet("tap", globs)
    assert set("tap" + "xyz" + "w" + "-._/") <= set(alphabet)
    assert len(alphabet) < len(ALPHABET)
    # Two namespaces that differ need two characters.
    assert len(set(alphabet) - set("tapxyzw-._/")) >= 2
