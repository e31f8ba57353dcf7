"""Word equations: solved as trying all words does."""

import itertools
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.ecr.word_equations import (
    Automaton,
    Solver,
    Symbol,
    TooComplexError,
    explore,
)

ANY, LABELS, ONLY_AB = range(3)
# The same languages, for those who read the tests.
PATTERNS = ["[ab-]+", "[ab]([ab-]*[ab])?", "ab|b-a"]
ALPHABET = "ab-"
WORDS = [
    "".join(letters)
    for length in (1, 2, 3)
    for letters in itertools.product(ALPHABET, repeat=length)
]


def word_list(*words: str) -> Automaton:
    """Return the automaton of some words."""

    def step(state: str, character: str) -> str | None:
        after = state + character
        return after if any(word.startswith(after) for word in words) else None

    return explore("", step, words.__contains__, ALPHABET, 100)


def automata() -> list[Automaton]:
    def label(state: int, character: str) -> int | None:
        if character == "-":
            return 2 if state else None
        return 1

    return [
        explore(0, lambda state, _: state, lambda _: True, ALPHABET, 10),
        explore(0, label, lambda state: state == 1, ALPHABET, 10),
        word_list("ab", "b-a"),
    ]


AUTOMATA = automata()


def solver(limit: int = 1_000_000) -> Solver:
    return Solver(AUTOMATA, limit)


def text(pattern: Sequence[Symbol], values: Sequence[str]) -> str:
    return "".join(values[s] if isinstance(s, int) else s for s in pattern)


@pytest.mark.parametrize(
    ("left", "right", "languages", "want", "reason"),
    [
        ("ab", "ab", [], (), "equal texts need no values"),
        ("ab", "aa", [], None, "different texts"),
        ((0,), "a-b", [ANY], ("a-b",), "one variable is the text"),
        ((0,), "a-", [LABELS], None, "the text is not in the language"),
        ((0,), (1,), [LABELS, ONLY_AB], ("ab", "ab"), "in both languages"),
        ((0, "a"), ("a", 0), [ANY], ("a",), "the same word twice"),
        ((0, "a"), ("b", 0), [ANY], None, "begins with b for ever"),
        ((0, 0), "aba", [ANY], None, "an odd length"),
        ((0, 1), (1, 0), [ANY, ANY], ("a", "a"), "two variables twice"),
        (("a", 0), "a", [ANY], None, "no variable is empty"),
        ((0, "#", 1), ("a#", 0), [ANY, ANY], ("a", "a"), "two equations in one"),
        ((0,), "#", [ANY], None, "no variable contains the separator"),
    ],
)
def test_solving(
    left: Sequence[Symbol],
    right: Sequence[Symbol],
    languages: list[int],
    want: tuple[str, ...] | None,
    reason: str,
) -> None:
    flat = [[*itertools.chain(*map(symbols, side))] for side in (left, right)]
    solutions = solver().solutions(flat[0], flat[1], languages, 1000)
    assert next(solutions, None) == want, reason


def symbols(part: Symbol) -> Sequence[Symbol]:
    """Split text into characters."""
    return part if isinstance(part, str) else [part]


@st.composite
def equations(
    draw: st.DrawFn,
) -> tuple[list[Symbol], list[Symbol], list[int]]:
    """Draw the sides of an equation, and the languages of its variables."""
    languages = draw(st.lists(st.sampled_from([ANY, LABELS, ONLY_AB]), max_size=3))
    variables: list[Symbol] = [*range(len(languages))] * 2
    letters: list[Symbol] = [*draw(st.text(alphabet=ALPHABET, max_size=4))]
    both = draw(st.permutations(variables + letters))
    middle = draw(st.integers(0, len(both)))
    return both[:middle], both[middle:], languages


@given(equations())
def test_the_solver_finds_what_trying_all_words_finds(
    equation: tuple[list[Symbol], list[Symbol], list[int]],
) -> None:
    left, right, languages = equation
    solutions = [*solver().solutions(left, right, languages, 100_000)]
    for values in solutions:
        assert text(left, values) == text(right, values)
        for value, language in zip(values, languages, strict=True):
            assert re.fullmatch(PATTERNS[language], value)
    choices = [
        [word for word in WORDS if re.fullmatch(PATTERNS[language], word)]
        for language in languages
    ]
    if any(text(left, v) == text(right, v) for v in itertools.product(*choices)):
        assert solutions


def test_a_search_has_a_limit() -> None:
    with pytest.raises(TooComplexError):
        list(solver().solutions((0, "-", 1), (2, "-", 3), [ANY] * 4, 3))


def test_all_searches_together_have_a_limit() -> None:
    with pytest.raises(TooComplexError):
        list(solver(3).solutions((0, "-", 1), (2, "-", 3), [ANY] * 4, 1000))


def test_a_search_knows_what_an_earlier_one_found() -> None:
    limited = solver(10)
    for _ in range(20):
        assert list(limited.solutions((0, 0), ("a", "b", "a"), [ANY], 1000)) == []


def test_a_variable_that_occurs_three_times_is_refused() -> None:
    with pytest.raises(ValueError, match="more than twice"):
        list(solver().solutions((0, 0), (0, "a"), [ANY], 1000))


def test_an_automaton_has_a_limit() -> None:
    with pytest.raises(TooComplexError):
        explore(0, lambda state, _: state + 1, lambda _: True, "a", 10)


def test_a_language_without_words_has_no_solutions() -> None:
    solver = Solver([word_list()], 1000)
    assert list(solver.solutions((0,), (0,), [0], 1000)) == []
    assert solver.words(0) == ()


def test_short_words_come_first() -> None:
    assert solver().words(LABELS)[:6] == ("a", "b", "aa", "ab", "ba", "bb")
    assert solver().words(ONLY_AB) == ("ab", "b-a")
