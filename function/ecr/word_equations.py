"""Word equations: what makes two patterns the same text. Pure, and exact.

A pattern is a sequence of characters and variables. A variable is a non-empty word of
a regular language, the same word wherever it occurs. If no variable occurs more than
twice, Levi's lemma gives an algorithm that ends: compare the first symbols of both
sides, try each way to make them equal, and continue with the rest, which is never
longer (Lin and Majumdar, "Quadratic Word Equations with Length Constraints, Counter
Systems, and Presburger Arithmetic with Divisibility", 2018, section 3).
"""

import functools
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

# A character, or the number of a variable.
Symbol = str | int
Pattern = tuple[Symbol, ...]
State = TypeVar("State", bound=Hashable)

_MOST_OCCURRENCES = 2
# How many words of a variable's language an answer can choose from.
_WORDS = 64


class TooComplexError(Exception):
    """An automaton or a search is larger than its limit."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """A deterministic automaton. Its start is state 0, if it has states at all.

    Attributes:
        transitions: For each state, the next state for each character.
        accepting: The states in which a word may end.
    """

    transitions: tuple[Mapping[str, int], ...]
    accepting: frozenset[int]


def explore(
    start: State,
    step: Callable[[State, str], State | None],
    accepts: Callable[[State], bool],
    alphabet: Iterable[str],
    limit: int,
) -> Automaton:
    """Build an automaton from its rules.

    Args:
        start: The first state.
        step: Returns the state after another and a character; None for none.
        accepts: Whether a word may end in a state.
        alphabet: All characters.
        limit: The largest number of states.

    Raises:
        TooComplexError: It has more states.
    """
    characters = tuple(alphabet)
    numbers = {start: 0}
    transitions: list[dict[str, int]] = []
    states = deque([start])
    while states:
        state = states.popleft()
        row = {}
        for character in characters:
            after = step(state, character)
            if after is None:
                continue
            if after not in numbers:
                if len(numbers) >= limit:
                    raise TooComplexError
                numbers[after] = len(numbers)
                states.append(after)
            row[character] = numbers[after]
        transitions.append(row)
    accepting = frozenset(n for state, n in numbers.items() if accepts(state))
    return _without_dead_ends(transitions, accepting)


def _without_dead_ends(
    transitions: list[dict[str, int]], accepting: frozenset[int]
) -> Automaton:
    """Remove the transitions after which no word can end."""
    before: list[list[int]] = [[] for _ in transitions]
    for state, row in enumerate(transitions):
        for after in row.values():
            before[after].append(state)
    alive, states = set(accepting), list(accepting)
    while states:
        for state in before[states.pop()]:
            if state not in alive:
                alive.add(state)
                states.append(state)
    return Automaton(
        tuple({c: s for c, s in row.items() if s in alive} for row in transitions),
        accepting,
    )


class _Path(NamedTuple):
    """A condition on a word: it leads an automaton from a state to one of others."""

    automaton: int
    start: int
    ends: frozenset[int]


_Paths = frozenset[_Path]


class _Node(NamedTuple):
    """What is left of an equation, and the conditions on its variables."""

    left: Pattern
    right: Pattern
    paths: Mapping[int, _Paths]

    def key(self) -> Hashable:
        """Return what decides whether it has solutions: not its variables' numbers."""
        numbers: dict[int, int] = {}
        sides = [
            tuple(
                symbol
                if isinstance(symbol, str)
                else numbers.setdefault(symbol, len(numbers))
                for symbol in side
            )
            for side in (self.left, self.right)
        ]
        return (*sides, *[self.paths[variable] for variable in numbers])


class _Step(NamedTuple):
    """A node and how it was found: in its parent, a variable was replaced."""

    node: _Node
    parent: "_Step | None"
    variable: int
    replacement: Pattern


class Solver:
    """Solves equations between patterns whose variables have the given languages."""

    def __init__(self, automata: Sequence[Automaton], limit: int) -> None:
        """Take the languages.

        Args:
            automata: The automata of the languages. A variable refers to one by its
                index.
            limit: How many equations to look at in all searches together.
        """
        self._automata = tuple(automata)
        self._left = limit
        # What earlier searches found: names with different suffixes are much alike.
        self._unsolvable: set[Hashable] = set()
        # Characters that all automata treat alike lead to the same states.
        columns = {
            tuple(
                row.get(c) for automaton in automata for row in automaton.transitions
            ): c
            for automaton in automata
            for row in automaton.transitions
            for c in row
        }
        self._characters = tuple(columns.values())
        self._has_word = functools.cache(self._find_has_word)
        self._middles = functools.cache(self._find_middles)
        self._words = functools.cache(self._find_words)

    def solutions(
        self,
        left: Sequence[Symbol],
        right: Sequence[Symbol],
        languages: Sequence[int],
        limit: int,
    ) -> Iterator[tuple[str, ...]]:
        """Yield values of all variables that make both patterns the same text.

        Short ones come first. Not all solutions are found, but at least one if there
        is any.

        Args:
            left: A pattern.
            right: The other one.
            languages: For each variable, the index of its automaton.
            limit: How many equations to look at in this search.

        Raises:
            TooComplexError: The search reached its limit.
            ValueError: A variable occurs more than twice. The search might not end.
        """
        counts = Counter(s for s in (*left, *right) if isinstance(s, int))
        if any(count > _MOST_OCCURRENCES for count in counts.values()):
            raise ValueError("a variable occurs more than twice")
        paths = {
            variable: frozenset({_Path(index, 0, self._automata[index].accepting)})
            for variable, index in enumerate(languages)
        }
        root = _reduced(_Node(tuple(left), tuple(right), paths))
        if root and all(map(self._has_word, paths.values())):
            for step in self._solved(root, limit):
                yield from self._answers(step, len(languages))

    def _solved(self, root: _Node, limit: int) -> Iterator[_Step]:
        """Yield the steps after which nothing of an equation is left."""
        steps = deque([_Step(root, None, -1, ())])
        seen = {root.key()}
        if seen <= self._unsolvable:
            return
        solved = False
        while steps:
            step = steps.popleft()
            if not step.node.left:
                solved = True
                yield step
                continue
            for variable, replacement, changed in self._replacements(step.node):
                node = _reduced(_replace(step.node, variable, replacement, changed))
                key = node and node.key()
                if node is None or key in seen or key in self._unsolvable:
                    continue
                self._left -= 1
                if len(seen) >= limit or self._left < 0:
                    raise TooComplexError
                seen.add(key)
                steps.append(_Step(node, step, variable, replacement))
        if not solved:
            self._unsolvable |= seen

    def words(self, index: int) -> tuple[str, ...]:
        """Return some short words of a language, the shortest first."""
        automaton = self._automata[index]
        paths = frozenset({_Path(index, 0, automaton.accepting)})
        return self._words(paths) if self._has_word(paths) else ()

    def _answers(self, step: _Step, variables: int) -> Iterator[tuple[str, ...]]:
        """Yield a few answers: each of the variables that are left may be any word."""
        for shortest in (1, 2):
            values = {}
            for number, (variable, paths) in enumerate(step.node.paths.items()):
                words = self._words(paths)
                longer = [word for word in words if len(word) >= shortest] or words
                # Different words for different variables are easier to read.
                same = [word for word in longer if len(word) == len(longer[0])]
                values[variable] = same[number % len(same)]
            at: _Step | None = step
            while at is not None and at.parent is not None:
                values[at.variable] = "".join(
                    values[symbol] if isinstance(symbol, int) else symbol
                    for symbol in at.replacement
                )
                at = at.parent
            yield tuple(values[variable] for variable in range(variables))

    def _replacements(
        self, node: _Node
    ) -> Iterator[tuple[int, Pattern, dict[int, _Paths]]]:
        """Yield each way to make the first symbols equal.

        Yields:
            A variable, what to replace it by, and the new conditions on variables.
        """
        first, second = node.left[0], node.right[0]
        if isinstance(first, str):
            first, second = second, first
        if isinstance(first, str):  # two characters: _reduced found that they differ
            return
        if isinstance(second, str):
            yield from self._after_character(first, second, node.paths[first])
            return
        both = _joined((*node.paths[first], *node.paths[second]))
        if self._has_word(both):
            yield first, (second,), {second: both}
        yield from self._after_word(first, second, node.paths)
        yield from self._after_word(second, first, node.paths)

    def _after_character(
        self, variable: int, character: str, paths: _Paths
    ) -> Iterator[tuple[int, Pattern, dict[int, _Paths]]]:
        """Yield how a variable can begin with a character."""
        rest = []
        for path in paths:
            row = self._automata[path.automaton].transitions[path.start]
            if character not in row:
                return
            rest.append(path._replace(start=row[character]))
        if all(path.start in path.ends for path in rest):
            yield variable, (character,), {}
        after = _joined(rest)
        if self._has_word(after):
            yield variable, (character, variable), {variable: after}

    def _after_word(
        self, longer: int, shorter: int, paths: Mapping[int, _Paths]
    ) -> Iterator[tuple[int, Pattern, dict[int, _Paths]]]:
        """Yield how a variable can begin with another one, and be longer."""
        whole = tuple(paths[longer])
        for middles in self._middles(paths[shorter], whole):
            pairs = list(zip(whole, middles, strict=True))
            rest = _joined(path._replace(start=m) for path, m in pairs)
            if not self._has_word(rest):
                continue
            beginning = (path._replace(ends=frozenset({m})) for path, m in pairs)
            changed = {shorter: _joined((*paths[shorter], *beginning)), longer: rest}
            yield longer, (shorter, longer), changed

    def _find_middles(
        self, paths: _Paths, others: tuple[_Path, ...]
    ) -> tuple[tuple[int, ...], ...]:
        """Return where the words that meet some conditions can lead other ones.

        Args:
            paths: The conditions.
            others: The other conditions. A word only has to lead on to their ends.

        Returns:
            The states of the automata of the other conditions.
        """
        order = (*paths, *others)
        own = len(paths)
        found: dict[tuple[int, ...], None] = {}
        for states in self._reachable(order):
            if all(s in p.ends for s, p in zip(states[:own], paths, strict=True)):
                found[states[own:]] = None
        return tuple(found)

    def _reachable(self, order: tuple[_Path, ...]) -> Iterator[tuple[int, ...]]:
        """Yield the states that one non-empty word can lead to, for each condition."""
        rows = [self._automata[path.automaton].transitions for path in order]
        start = tuple(path.start for path in order)
        seen = set()
        queue = [start]
        for states in queue:
            here = [row[state] for row, state in zip(rows, states, strict=True)]
            for character in self._characters:
                after = tuple([row.get(character, -1) for row in here])
                if -1 not in after and after not in seen:
                    seen.add(after)
                    queue.append(after)
                    yield after

    def _find_has_word(self, paths: _Paths) -> bool:
        """Whether a non-empty word meets all conditions."""
        order = tuple(paths)
        return any(
            all(state in path.ends for state, path in zip(states, order, strict=True))
            for states in self._reachable(order)
        )

    def _find_words(self, paths: _Paths) -> tuple[str, ...]:
        """Return some short words that meet all conditions, the shortest first."""
        order = tuple(paths)
        rows = [self._automata[path.automaton].transitions for path in order]
        queue = deque([("", tuple(path.start for path in order))])
        seen: Counter[tuple[int, ...]] = Counter()
        words: list[str] = []
        while queue and len(words) < _WORDS:
            word, states = queue.popleft()
            here = [row[state] for row, state in zip(rows, states, strict=True)]
            for character in here[0]:
                after = tuple([row.get(character, -1) for row in here])
                seen[after] += 1
                if -1 in after or seen[after] > _WORDS:
                    continue
                if all(s in path.ends for s, path in zip(after, order, strict=True)):
                    words.append(word + character)
                queue.append((word + character, after))
        return tuple(words)


def _joined(paths: Iterable[_Path]) -> _Paths:
    """Join the conditions that start in the same state of the same automaton."""
    ends: dict[tuple[int, int], frozenset[int]] = {}
    for path in paths:
        place = (path.automaton, path.start)
        ends[place] = ends.get(place, path.ends) & path.ends
    return frozenset(_Path(*place, states) for place, states in ends.items())


def _reduced(node: _Node) -> _Node | None:
    """Remove what both sides begin and end with; None if they can never be equal."""
    left, right = node.left, node.right
    begin, most = 0, min(len(left), len(right))
    while begin < most and left[begin] == right[begin]:
        begin += 1
    end = 0
    while end < most - begin and left[-1 - end] == right[-1 - end]:
        end += 1
    left, right = left[begin : len(left) - end], right[begin : len(right) - end]
    if not left or not right:
        return None if left or right else node._replace(left=(), right=())
    for a, b in ((left[0], right[0]), (left[-1], right[-1])):
        if isinstance(a, str) and isinstance(b, str):
            return None
    # No variable is empty: a side with all symbols of the other and more is longer.
    counts, other = Counter(left), Counter(right)
    if counts < other or other < counts:
        return None
    return node._replace(left=left, right=right)


def _replace(
    node: _Node, variable: int, replacement: Pattern, changed: Mapping[int, _Paths]
) -> _Node:
    """Replace a variable on both sides."""

    def side(pattern: Pattern) -> Pattern:
        new: list[Symbol] = []
        for symbol in pattern:
            if symbol == variable:
                new += replacement
            else:
                new.append(symbol)
        return tuple(new)

    paths = {**node.paths, **changed}
    if variable not in replacement:
        del paths[variable]
    return _Node(side(node.left), side(node.right), paths)
