"""The characters and the languages of the parts of repository names. Pure.

A language is given by the rules of an automaton: its states, and a step from a state
and a character to the next state, or None. word_equations builds automata from them.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from string import ascii_lowercase, digits
from typing import NamedTuple

NAMESPACE_TEXT = "{namespace}"

_LETTERS = ascii_lowercase + digits
ALPHABET = _LETTERS + "-._/"
LABEL_ALPHABET = frozenset(_LETTERS + "-")
# Characters that no rule tells apart are interchangeable. Two of them are enough for a
# proof, and a few more make examples easier to read.
_INTERCHANGEABLE = 4


class Token(NamedTuple):
    """A part of a glob: one of some characters, or any number of them."""

    characters: frozenset[str]
    repeated: bool = False


Tokens = tuple[Token | None, ...]
_ANY = frozenset(ALPHABET)
# Any label, and some texts that are no label.
LABEL_TOKENS = (Token(LABEL_ALPHABET), Token(LABEL_ALPHABET, repeated=True))


def parse_glob(glob: str, *, wildcards: bool) -> Tokens:
    """Split a glob as fnmatch does.

    Args:
        glob: The glob.
        wildcards: Whether *, ? and [ are wildcards.

    Returns:
        Its tokens. None stands for {namespace}.
    """
    tokens: list[Token | None] = []
    at = 0
    while at < len(glob):
        width = 1
        if glob.startswith(NAMESPACE_TEXT, at):
            tokens.append(None)
            width = len(NAMESPACE_TEXT)
        elif wildcards and glob[at] == "*":
            tokens.append(Token(_ANY, repeated=True))
        elif wildcards and glob[at] == "?":
            tokens.append(Token(_ANY))
        elif wildcards and glob[at] == "[" and (end := _class_end(glob, at)):
            width = end - at
            members = {c for c in ALPHABET if fnmatchcase(c, glob[at:end])}
            tokens.append(Token(frozenset(members)))
        else:
            tokens.append(Token(frozenset(glob[at]) & _ANY))
        at += width
    return tuple(tokens)


def _class_end(glob: str, at: int) -> int:
    """Return where a character class ends; 0 if the bracket opens none."""
    first = at + 1
    if glob[first : first + 1] == "!":
        first += 1
    # A bracket at the start of the class is one of its characters.
    return glob.find("]", first + 1) + 1 if first < len(glob) else 0


# A set of (number of a glob, position in it).
Places = frozenset[tuple[int, int]]


class Globs:
    """The language of all texts that match one of some globs.

    Attributes:
        start: Its first state.
    """

    def __init__(self, globs: Sequence[Sequence[Token]]) -> None:
        """Take the tokens of the globs."""
        self._globs = globs
        self.start = self._closed((number, 0) for number in range(len(globs)))

    def _closed(self, places: Iterable[tuple[int, int]]) -> Places:
        found = set()
        for number, place in places:
            at, glob = place, self._globs[number]
            found.add((number, at))
            while at < len(glob) and glob[at].repeated:
                at += 1
                found.add((number, at))
        return frozenset(found)

    def step(self, state: Places, character: str) -> Places | None:
        """Return the places after a character; None if no glob can match."""
        after = [
            (number, at if self._globs[number][at].repeated else at + 1)
            for number, at in state
            if at < len(self._globs[number])
            and character in self._globs[number][at].characters
        ]
        return self._closed(after) if after else None

    def accepts(self, state: Places) -> bool:
        """Whether a glob can match a text that ends here."""
        return any(at == len(self._globs[number]) for number, at in state)


# States of ECR's rules: what a name ends with so far.
START, LETTER, _DOT, _UNDERSCORE, _UNDERSCORES, HYPHENS = range(6)
_AFTER_LETTER = {".": _DOT, "_": _UNDERSCORE, "-": HYPHENS, "/": START}


def name_step(state: int, character: str) -> int | None:
    """Follow ECR's rule for repository names."""
    if character in _LETTERS:
        return LETTER
    if state == LETTER:
        return _AFTER_LETTER.get(character)
    if (state, character) == (_UNDERSCORE, "_"):
        return _UNDERSCORES
    return HYPHENS if (state, character) == (HYPHENS, "-") else None


def segment_step(state: int, character: str) -> int | None:
    """Follow ECR's rule for one path segment of a name."""
    return None if character == "/" else name_step(state, character)


def label_step(state: int, character: str) -> int | None:
    """Follow the rule for DNS labels."""
    return None if character in "._/" else name_step(state, character)


def subdomain_step(state: int, character: str) -> int | None:
    """Follow the rule for DNS subdomains: Kubernetes' names of workloads."""
    return None if character in "_/" else name_step(state, character)


def reduced_alphabet(literal: str, globs: Iterable[Tokens]) -> str:
    """Return characters that stand for all others.

    Args:
        literal: Characters that patterns contain.
        globs: Globs that languages depend on.
    """
    sets = {token.characters for tokens in globs for token in tokens if token}
    kinds: dict[tuple[str | bool, ...], list[str]] = {}
    for character in ALPHABET:
        special = character in literal or character not in _LETTERS
        kind = (special and character, *(character in chars for chars in sets))
        kinds.setdefault(kind, []).append(character)
    kept = {c for kind in kinds.values() for c in kind[:_INTERCHANGEABLE]}
    return "".join(c for c in ALPHABET if c in kept)
