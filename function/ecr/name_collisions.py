"""Whether two workloads can ever get the same repository name. Pure.

The names of two repositories are two patterns: literal text, and variables for the
workload, the namespace and so on. Names are equal if the patterns make the same text.
That is a word equation, and word_equations decides it for all values at once. Length
limits are ignored for a proof, but the names of a collision that is shown obey them.

What the variables can be:

* a namespace is a DNS label (RFC 1123);
* a workload is one path segment by ECR's rules. It may also end with hyphens, if the
  names of all its repositories are valid then (name_template.repository_names);
* a repository that a workload adds is a DNS label that is no other repository's key;
* a prefix is a path by ECR's rules that the platform allows.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from itertools import combinations, product
from typing import NamedTuple

from function.ecr.name_languages import (
    HYPHENS,
    LABEL_ALPHABET,
    LABEL_TOKENS,
    LETTER,
    NAMESPACE_TEXT,
    START,
    Globs,
    Places,
    Token,
    Tokens,
    label_step,
    name_step,
    parse_glob,
    reduced_alphabet,
    segment_step,
    subdomain_step,
)
from function.ecr.name_template import (
    RECOMMENDED_TEMPLATE,
    RESERVED_KEYS,
    NamedRepository,
    NameTemplate,
    Part,
    Placeholder,
    SuffixTemplate,
)
from function.ecr.naming import parse_repository_name
from function.ecr.word_equations import (
    Automaton,
    Pattern,
    Solver,
    Symbol,
    TooComplexError,
    explore,
)
from function.errors import InvalidParameterError

PREFIX, WORKLOAD = Placeholder.PREFIX, Placeholder.WORKLOAD
NAMESPACE, REPOSITORY = Placeholder.NAMESPACE, Placeholder.REPOSITORY

# It separates equations, because no variable can contain it.
_SEPARATOR = "#"
# Kubernetes: RFC 1123 labels and subdomains.
_LONGEST_LABEL, _LONGEST_WORKLOAD = 63, 253
# Limits of the search, so that a verdict comes in seconds. Beyond them, it is open.
_MOST_STATES = 2_000
_BRIEF_SEARCH, _LONGEST_SEARCH, _MOST_EQUATIONS = 300, 20_000, 150_000
_MOST_FORMS = 16
_LIKELY_NAMESPACES = 4


@dataclass(frozen=True, slots=True)
class AddedRepositories:
    """Repositories that workloads add themselves, under names that they choose.

    Attributes:
        template: The template of their names.
        suffix: The template of their suffixes.
        globs: Patterns of the names that they can choose.
    """

    template: NameTemplate
    suffix: SuffixTemplate
    globs: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The prefixes that claims can have, without registry hosts.

    Attributes:
        globs: Patterns that a prefix must match one of. `{namespace}` in them is the
            claim's namespace.
        wildcards: Whether *, ? and [ in them are wildcards.
    """

    globs: tuple[str, ...]
    wildcards: bool = True

    @classmethod
    def fixed(cls, path: str) -> "Prefixes":
        """Return one prefix for all claims, such as tap or tap/{namespace}."""
        return cls((path,), wildcards=False)

    @classmethod
    def matching(cls, globs: Iterable[str]) -> "Prefixes":
        """Return all prefixes that match a pattern of `allow.repoPrefixes`."""
        return cls(tuple(globs))

    @classmethod
    def anything(cls) -> "Prefixes":
        """Return all prefixes, as without `allow.repoPrefixes`."""
        return cls(("*",))

    def allow(self, path: str, namespace: str) -> bool:
        """Whether a claim in a namespace can have a prefix."""
        if not self.wildcards:
            fixed = (glob.replace(NAMESPACE_TEXT, namespace) for glob in self.globs)
            return path in fixed
        placeholder = re.escape(NAMESPACE_TEXT)
        return any(
            re.match(translate(glob).replace(placeholder, re.escape(namespace)), path)
            for glob in self.globs
        )


class Owner(NamedTuple):
    """One repository of one workload.

    Attributes:
        namespace: The workload's namespace.
        workload: The workload's name.
        repository: The repository's key, such as image.
        prefix: The claim's prefix.
    """

    namespace: str
    workload: str
    repository: str
    prefix: str


class Collision(NamedTuple):
    """Two different repositories that get the same name.

    Attributes:
        name: The name.
        first: One of the two.
        second: The other one.
    """

    name: str
    first: Owner
    second: Owner


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether two workloads can get the same repository name.

    Attributes:
        collision_free: Whether it is proven that they never do.
        reason: Why, in one or a few sentences.
        collision: An example, if they do. Without proof and example, it is undecided.
    """

    collision_free: bool
    reason: str
    collision: Collision | None = None


def decide(
    repositories: Sequence[NamedRepository],
    prefixes: Prefixes,
    added: AddedRepositories | None = None,
) -> Verdict:
    """Decide whether two different repositories can ever get the same name.

    A repository is identified by its namespace, its workload and its key. The names of
    all workloads in all namespaces are considered.

    Args:
        repositories: The repositories of each workload. Each key occurs once.
        prefixes: The prefixes that claims can have.
        added: The repositories that workloads can add; None if they cannot.
    """
    for repository in repositories:
        if not repository.template.can_give_valid_names(repository.suffix):
            return Verdict(
                collision_free=True,
                reason=f"There are no repositories: each name of {repository.key} "
                "breaks ECR's rules.",
            )
    try:
        verdict = _Search(repositories, prefixes, added).verdict()
        if verdict.collision_free:
            return verdict
        # Names that Kubernetes allows for a workload make a better example.
        likely = _Search(repositories, prefixes, added, kubernetes=True).verdict()
    except TooComplexError:
        return _undecided(
            "allow.repoPrefixes or allow.repositories has too many patterns"
        )
    if likely.collision:
        return likely
    if verdict.collision and likely.collision_free:
        reason = (
            f"{verdict.reason} Kubernetes allows no such name for a workload, but a "
            "claim can have it."
        )
        return replace(verdict, reason=reason)
    return verdict


def _undecided(why: str) -> Verdict:
    return Verdict(
        collision_free=False,
        reason=f"Not proven: {why}. Two workloads may get the same repository name.",
    )


# A {namespace} in a glob for keys is no placeholder, and no key contains braces.
_NONE = Token(frozenset())
# A state of a rule for names, places in globs, and what a key begins with.
_KeyState = tuple[int, Places, str | None]
_PrefixState = tuple[int, Places]


class _Form(NamedTuple):
    """One way to write a prefix.

    Attributes:
        pieces: Literal text, the index of a language, or the namespace.
        namespaces: The index of the language of namespaces.
        exact: Whether all prefixes of this form are allowed.
    """

    pieces: tuple[str | int | Placeholder, ...]
    namespaces: int
    exact: bool = True

    @property
    def has_namespace(self) -> bool:
        return NAMESPACE in self.pieces

    @property
    def is_literal(self) -> bool:
        return all(isinstance(piece, str) for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of one repository of each workload, or of all added ones.

    Attributes:
        key: The repository's key; None for added ones.
        parts: The template with its suffix.
        workloads: The index of the language of workload names.
    """

    key: str | None
    parts: tuple[Part, ...]
    workloads: int

    def placeholders(self) -> list[Placeholder]:
        """Return its placeholders, each once, in order."""
        return list(dict.fromkeys(p for p in self.parts if isinstance(p, Placeholder)))

    def pattern(
        self, values: "_Values", parts: Sequence[Part] | None = None
    ) -> Pattern:
        """Return its pattern, or that of some of its parts."""
        pattern: list[Symbol] = []
        for part in self.parts if parts is None else parts:
            if isinstance(part, Placeholder):
                pattern += values.of(part)
            else:
                pattern += part
        return tuple(pattern)

    def after(self, placeholder: Placeholder) -> tuple[Part, ...]:
        """Return the parts after a placeholder."""
        return self.parts[self.parts.index(placeholder) + 1 :]


class _Values(NamedTuple):
    """What stands for the placeholders of one of two repositories.

    Attributes:
        prefix: The pattern of its prefix.
        variables: The variables of the other placeholders.
    """

    prefix: Pattern
    variables: dict[Placeholder, int]

    def of(self, placeholder: Placeholder) -> Pattern:
        if placeholder is PREFIX:
            return self.prefix
        return (self.variables[placeholder],)


@dataclass(slots=True)
class _Equation:
    """An equation between two repositories' names. Its solutions are collisions.

    Attributes:
        names: The repositories.
        forms: The forms of their prefixes.
        languages: The languages of the variables.
        values: The variables of each repository.
        left: One side.
        right: The other side.
        differing: A variable that any other word of its language can replace, and one
            from which it must differ; None if the equation itself makes sure that the
            repositories differ.
    """

    names: tuple[_Names, _Names]
    forms: tuple[_Form, _Form]
    languages: list[int] = field(default_factory=list)
    values: list[_Values] = field(default_factory=list)
    left: Pattern = ()
    right: Pattern = ()
    differing: tuple[int, int] | None = None

    def variable(self, language: int) -> int:
        self.languages.append(language)
        return len(self.languages) - 1


class _Search:
    """The search for a collision."""

    def __init__(
        self,
        repositories: Sequence[NamedRepository],
        prefixes: Prefixes,
        added: AddedRepositories | None,
        *,
        kubernetes: bool = False,
    ) -> None:
        self._repositories, self._prefixes, self._added = repositories, prefixes, added
        globs = [parse_glob(g, wildcards=prefixes.wildcards) for g in prefixes.globs]
        added_globs = (
            [parse_glob(g, wildcards=True) for g in added.globs] if added else []
        )
        self._alphabet = reduced_alphabet(self._literals(), [*globs, *added_globs])
        self._automata: list[Automaton] = []
        self._labels = self._language(0, label_step, LETTER)
        self._anything = self._language(0, lambda state, _: state, 0)
        self._added_keys = self._added_language(added_globs) if added else 0
        self._names = list(self._all_names(kubernetes=kubernetes))
        self._forms = self._prefix_forms(globs)
        self._beginnings: dict[str, tuple[int, int]] = {}
        if any(NAMESPACE not in names.parts for names in self._names):
            self._beginnings = {
                c: (self._after(c), self._after(c, but=True))
                for c in self._alphabet
                if c in LABEL_ALPHABET
            }
        self._solver = Solver(self._automata, _MOST_EQUATIONS)
        self._not_proven = ""

    def verdict(self) -> Verdict:
        if not self._forms:
            return Verdict(
                collision_free=True,
                reason="There are no repositories: no allowed prefix follows ECR's "
                "rules.",
            )
        difficult = []
        # Collisions are often found at once. So first, look at each equation briefly.
        for equation in self._all_equations():
            try:
                if collision := self._collision(equation, _BRIEF_SEARCH):
                    return self._refutation(collision, equation)
            except TooComplexError:
                difficult.append(equation)
        for equation in difficult:
            try:
                if collision := self._collision(equation, _LONGEST_SEARCH):
                    return self._refutation(collision, equation)
            except TooComplexError:
                return _undecided("the templates or the prefixes are too complex")
        if self._not_proven:
            return _undecided(self._not_proven)
        return Verdict(
            collision_free=True,
            reason="Each repository name belongs to one repository of one workload in "
            "one namespace.",
        )

    def _refutation(self, collision: Collision, equation: _Equation) -> Verdict:
        return Verdict(
            collision_free=False,
            reason=_reason(collision, *equation.names, self._prefixes),
            collision=collision,
        )

    def _literals(self) -> str:
        """Return the characters that patterns and keys contain."""
        texts = [*RESERVED_KEYS]
        for repository in self._repositories:
            texts += [repository.key, repository.suffix, _literal(repository.template)]
        if self._added:
            texts += [_literal(self._added.template), _literal(self._added.suffix)]
        return "".join(texts)

    def _language(
        self, start: int, step: Callable[[int, str], int | None], *accepting: int
    ) -> int:
        """Add a language and return its index."""
        return self._add(
            explore(start, step, accepting.__contains__, self._alphabet, _MOST_STATES)
        )

    def _add(self, automaton: Automaton) -> int:
        self._automata.append(automaton)
        return len(self._automata) - 1

    def _added_language(self, globs: Sequence[Tokens]) -> int:
        """Add the language of the keys that workloads can add."""
        glob = Globs([[token or _NONE for token in tokens] for tokens in globs])
        taken = {*RESERVED_KEYS, *(repository.key for repository in self._repositories)}

        def step(state: _KeyState, character: str) -> _KeyState | None:
            label = label_step(state[0], character)
            places = glob.step(state[1], character)
            if label is None or places is None:
                return None
            word = None if state[2] is None else state[2] + character
            if word and not any(key.startswith(word) for key in taken):
                word = None
            return label, places, word

        def accepts(state: _KeyState) -> bool:
            return (
                state[0] == LETTER and glob.accepts(state[1]) and state[2] not in taken
            )

        start: _KeyState = (START, glob.start, "")
        return self._add(explore(start, step, accepts, self._alphabet, _MOST_STATES))

    def _all_names(self, *, kubernetes: bool) -> Iterator[_Names]:
        """Yield the repositories of each workload, and the added ones."""
        step = subdomain_step if kubernetes else segment_step
        segments = self._language(START, step, LETTER)
        hyphenated = segments
        if not kubernetes and all(
            r.template.can_give_valid_names(r.suffix, "0-") for r in self._repositories
        ):
            hyphenated = self._language(START, step, LETTER, HYPHENS)
        for repository in self._repositories:
            values: dict[Placeholder, tuple[Part, ...]] = {
                Placeholder.SUFFIX: (repository.suffix,),
                REPOSITORY: (repository.key,),
            }
            parts = _substituted(repository.template.parts, values)
            yield _Names(repository.key, parts, hyphenated)
        if not self._added:
            return
        template, suffix = self._added.template, self._added.suffix
        example = suffix.render("0")
        if template.can_give_valid_names(example):
            parts = _substituted(template.parts, {Placeholder.SUFFIX: suffix.parts})
            hyphen = template.can_give_valid_names(example, "0-")
            names = _Names(None, parts, hyphenated if hyphen else segments)
            if self._automata[self._added_keys].accepting:
                yield names

    def _prefix_forms(self, globs: Sequence[Tokens]) -> list[_Form]:
        """Return the ways to write an allowed prefix."""
        forms: list[_Form] = []
        shared = [[t for t in tokens if t] for tokens in globs if None not in tokens]
        if shared:
            # All prefixes without {namespace} are one language.
            fragments = self._fragment(shared, START, (LETTER,))
            forms += [_Form(fragment, self._labels) for fragment in fragments]
        own = dict.fromkeys(tokens for tokens in globs if None in tokens)
        if len(own) > _MOST_FORMS:
            raise TooComplexError
        for tokens in own:
            once = tokens.count(None) == 1
            # Another {namespace} becomes any label, which allows more prefixes. That
            # is enough for a proof. For examples, use some namespaces.
            forms += [
                _Form(pieces, self._labels, exact=once)
                for pieces in self._own_fragments(tokens, LABEL_TOKENS)
            ]
            for word in () if once else self._likely_namespaces():
                text = [Token(frozenset(character)) for character in word]
                single = self._single(word)
                forms += [
                    _Form(pieces, single)
                    for pieces in self._own_fragments(tokens, text)
                ]
        return [form for form in forms if form.pieces]

    def _own_fragments(
        self, tokens: Tokens, again: Sequence[Token]
    ) -> Iterator[tuple[str | int | Placeholder, ...]]:
        """Yield the ways to write a prefix with {namespace}.

        Args:
            tokens: The tokens of its glob.
            again: What to replace {namespace} by where it is repeated.
        """
        at = tokens.index(None)
        before = [token for token in tokens[:at] if token]
        after: list[Token] = []
        for token in tokens[at + 1 :]:
            after += (token,) if token else again
        befores = self._fragment([before], START, range(HYPHENS + 1))
        afters = self._fragment([after], LETTER, (LETTER,))
        for begin, end in product(befores, afters):
            yield (*begin, NAMESPACE, *end)

    def _likely_namespaces(self) -> list[str]:
        """Return namespaces that are likely in examples of collisions."""
        texts = [r.template.text + r.suffix for r in self._repositories]
        words = re.findall(r"[a-z0-9]+", " ".join([*texts, *self._prefixes.globs]))
        known = {placeholder.value for placeholder in Placeholder}
        found = dict.fromkeys(word for word in words if word not in known)
        return [*[*found][:_LIKELY_NAMESPACES], "a", "b"]

    def _single(self, word: str) -> int:
        """Add the language of one word."""

        def step(state: int, character: str) -> int | None:
            return state + 1 if word[state : state + 1] == character else None

        return self._language(0, step, len(word))

    def _fragment(
        self, globs: Sequence[Sequence[Token]], start: int, ends: Iterable[int]
    ) -> list[tuple[str | int, ...]]:
        """Return how a part of a prefix can be written.

        Args:
            globs: The globs, without {namespace}.
            start: The state of ECR's rule before it.
            ends: The states of ECR's rule that are right after it.
        """
        accepting = frozenset(ends)
        if len(globs) == 1 and all(
            len(t.characters) == 1 and not t.repeated for t in globs[0]
        ):
            text = "".join(c for token in globs[0] for c in token.characters)
            state: int | None = start
            for character in text:
                state = None if state is None else name_step(state, character)
            if state not in accepting:
                return []
            return [(text,)] if text else [()]
        glob = Globs(globs)

        def step(state: _PrefixState, character: str) -> _PrefixState | None:
            name = name_step(state[0], character)
            places = glob.step(state[1], character)
            return None if name is None or places is None else (name, places)

        def accepts(state: _PrefixState) -> bool:
            return state[0] in accepting and glob.accepts(state[1])

        first: _PrefixState = (start, glob.start)
        automaton = explore(first, step, accepts, self._alphabet, _MOST_STATES)
        found: list[tuple[str | int, ...]] = []
        if accepts(first):
            found.append(())
        if automaton.transitions[0]:
            found.append((self._add(automaton),))
        return found

    def _collision(self, equation: _Equation, limit: int) -> Collision | None:
        """Return a collision that solves an equation; None if there is none.

        Raises:
            TooComplexError: The search reached its limit.
        """
        solutions = self._solver.solutions(
            equation.left, equation.right, equation.languages, limit
        )
        collisions = (self._checked(equation, solution) for solution in solutions)
        return next((collision for collision in collisions if collision), None)

    def _all_equations(self) -> Iterator[_Equation]:
        """Yield the equations whose solutions are all collisions."""
        for first, second in combinations(self._names, 2):
            for forms in product(self._forms, repeat=2):
                yield self._different_keys(first, second, *forms)
        for names in self._names:
            for forms in product(self._forms, repeat=2):
                yield from self._equations(names, *forms)

    def _equation(
        self,
        names: tuple[_Names, _Names],
        forms: tuple[_Form, _Form],
        shared: Iterable[Placeholder] = (),
    ) -> _Equation:
        """Return an equation without sides.

        Args:
            names: The two repositories.
            forms: The forms of their prefixes.
            shared: Values that they have in common.
        """
        equation = _Equation(names, forms)
        for name, form in zip(names, forms, strict=True):
            languages = {WORKLOAD: name.workloads, NAMESPACE: form.namespaces}
            if name.key is None:
                languages[REPOSITORY] = self._added_keys
            variables = {
                placeholder: equation.values[0].variables[placeholder]
                if equation.values and placeholder in shared
                else equation.variable(language)
                for placeholder, language in languages.items()
            }
            prefix: list[Symbol] = []
            for piece in form.pieces:
                if isinstance(piece, int):
                    prefix.append(equation.variable(piece))
                elif isinstance(piece, str):
                    prefix += piece
                else:
                    prefix.append(variables[NAMESPACE])
            equation.values.append(_Values(tuple(prefix), variables))
        return equation

    def _different_keys(
        self, first: _Names, second: _Names, form: _Form, other: _Form
    ) -> _Equation:
        """Return the equation for repositories with different keys."""
        equation = self._equation((first, second), (form, other))
        equation.left = first.pattern(equation.values[0])
        equation.right = second.pattern(equation.values[1])
        return equation

    def _equations(
        self, names: _Names, form: _Form, other: _Form
    ) -> Iterator[_Equation]:
        """Yield the equations for two repositories with the same key.

        They must not be solved by one repository twice. So compare the values from left
        to right. The first two that differ begin at the same character, so the longer
        one begins with the shorter one. It cannot be the prefixes alone: all other
        values have the same length then, and so have the prefixes.
        """
        both, forms = (names, names), (form, other)
        placeholders = names.placeholders()
        for number, differing in enumerate(placeholders):
            if differing is PREFIX and form == other and form.is_literal:
                continue
            equal = placeholders[:number]
            equation = self._equation(both, forms, equal)
            first, second = equation.values
            left, right = _equal_prefixes(equation, equal)
            more = equation.variable(self._anything)
            rest = names.after(differing)
            equation.left = (
                *left,
                *first.of(differing),
                _SEPARATOR,
                more,
                *names.pattern(first, rest),
            )
            equation.right = (
                *right,
                *second.of(differing),
                more,
                _SEPARATOR,
                *names.pattern(second, rest),
            )
            yield equation
        if names.key is None and REPOSITORY not in placeholders and form == other:
            equal = [p for p in Placeholder if p is not REPOSITORY]
            equation = self._equation(both, forms, equal)
            first, second = equation.values
            equation.left, equation.right = _equal_prefixes(equation, equal)
            equation.differing = (
                second.variables[REPOSITORY],
                first.variables[REPOSITORY],
            )
            yield equation
        if NAMESPACE not in placeholders:
            yield from self._without_namespace(names, form, other)

    def _without_namespace(
        self, names: _Names, form: _Form, other: _Form
    ) -> Iterator[_Equation]:
        """Yield the equations for one workload name in two namespaces.

        The template has no {namespace}. So the namespaces collide unless their prefixes
        differ.
        """
        both, forms = (names, names), (form, other)
        equal = [p for p in names.placeholders() if p is not NAMESPACE]
        shared = {WORKLOAD, REPOSITORY}

        if PREFIX not in equal or not (form.has_namespace and other.has_namespace):
            equation = self._equation(both, forms, shared)
            first, second = equation.values
            equation.left, equation.right = _equal_prefixes(equation, equal)
            equation.differing = second.variables[NAMESPACE], first.variables[NAMESPACE]
            if other.has_namespace:
                equation.differing = (
                    first.variables[NAMESPACE],
                    second.variables[NAMESPACE],
                )
            yield equation
            return
        # One namespace is longer and begins with the other one …
        equation = self._equation(both, forms, shared)
        first, second = equation.values
        left, right = _equal_prefixes(equation, equal)
        more = equation.variable(self._anything)
        equation.left = (*left, *first.of(NAMESPACE))
        equation.right = (*right, *second.of(NAMESPACE), more)
        yield equation
        # … or after what they have in common, a character differs.
        for ends in self._beginnings.values():
            for common in ((), (self._anything,)):
                equation = self._equation(both, forms, shared)
                first, second = equation.values
                left, right = _equal_prefixes(equation, equal)
                begin = tuple(equation.variable(language) for language in common)
                one, two = (equation.variable(end) for end in ends)
                equation.left = (
                    *(*left, *first.of(NAMESPACE), _SEPARATOR),
                    *(*begin, two),
                )
                equation.right = (
                    *(*right, *begin, one, _SEPARATOR),
                    *second.of(NAMESPACE),
                )
                yield equation

    def _after(self, character: str, *, but: bool = False) -> int:
        """Add the words that begin with a character, or with any other one."""

        def step(state: int, found: str) -> int | None:
            return 1 if state or (found == character) != but else None

        return self._language(0, step, 1)

    def _checked(
        self, equation: _Equation, solution: tuple[str, ...]
    ) -> Collision | None:
        """Return the collision that a solution is; None if it breaks a limit."""
        words = list(solution)
        if equation.differing:
            variable, other = equation.differing
            choices = self._solver.words(equation.languages[variable])
            different = [word for word in choices if word != words[other]]
            if not different:
                return None
            words[variable] = different[0]
        owners = []
        found = set()
        for names, values in zip(equation.names, equation.values, strict=True):
            prefix, name = (
                "".join(words[s] if isinstance(s, int) else s for s in pattern)
                for pattern in (values.prefix, names.pattern(values))
            )
            key = names.key or words[values.variables[REPOSITORY]]
            owner = Owner(
                words[values.variables[NAMESPACE]],
                words[values.variables[WORKLOAD]],
                key,
                prefix,
            )
            owners.append(owner)
            found.add(name)
        if len(found) == 1 and self._is_possible(*owners):
            return Collision(found.pop(), *owners)
        if all(form.exact for form in equation.forms):
            self._not_proven = (
                "all examples that were found have names that are too long"
            )
        else:
            self._not_proven = "an allowed prefix has {namespace} more than once"
        return None

    def _is_possible(self, first: Owner, second: Owner) -> bool:
        """Whether claims can have two repositories, and these are not the same."""
        return first[:3] != second[:3] and all(map(self._is_valid, (first, second)))

    def _is_valid(self, owner: Owner) -> bool:
        """Whether a claim can have a repository, by all limits."""
        if not (
            len(owner.namespace) <= _LONGEST_LABEL
            and len(owner.repository) <= _LONGEST_LABEL
            and len(owner.workload) <= _LONGEST_WORKLOAD
            and self._prefixes.allow(owner.prefix, owner.namespace)
        ):
            return False
        repositories = list(self._repositories)
        if self._added and all(owner.repository != r.key for r in repositories):
            suffix = self._added.suffix.render(owner.repository)
            repositories.append(
                NamedRepository(owner.repository, self._added.template, suffix)
            )
        try:
            for repository in repositories:
                parse_repository_name(_name(repository, owner))
        except InvalidParameterError:
            return False
        return True


def _name(repository: NamedRepository, owner: Owner) -> str:
    return repository.template.render(
        prefix=owner.prefix,
        workload=owner.workload,
        namespace=owner.namespace,
        repository=repository.key,
        suffix=repository.suffix,
    )


def _literal(template: NameTemplate | SuffixTemplate) -> str:
    return "".join(part for part in template.parts if isinstance(part, str))


def _substituted(
    parts: Iterable[Part], values: dict[Placeholder, tuple[Part, ...]]
) -> tuple[Part, ...]:
    """Replace placeholders by their parts."""
    new: list[Part] = []
    for part in parts:
        if isinstance(part, Placeholder) and part in values:
            new += values[part]
        else:
            new.append(part)
    return tuple(new)


def _equal_prefixes(
    equation: _Equation, equal: Iterable[Placeholder]
) -> tuple[Pattern, Pattern]:
    """Return the beginning of the sides if the prefixes must be equal."""
    if PREFIX not in equal:
        return (), ()
    first, second = equation.values
    return (*first.prefix, _SEPARATOR), (*second.prefix, _SEPARATOR)


def _reason(
    collision: Collision, first: _Names, second: _Names, prefixes: Prefixes
) -> str:
    """Return why a collision happens, and what to change."""
    name, one, two = collision
    if one[:2] == two[:2] and one.prefix == two.prefix:
        what = (
            f"Workload {one.workload} in namespace {one.namespace} would get the "
            f"repository {name} twice, for {one.repository} and {two.repository}"
        )
    else:
        what = (
            f"{_described(one)} and {_described(two)} would both get the repository "
            f"{name}"
        )
    if one.prefix != two.prefix:
        what += f", with the prefixes {one.prefix} and {two.prefix}"
    fix = _fix(collision, first, second, prefixes)
    return f"{what[0].upper()}{what[1:]}. {fix}."


def _described(owner: Owner) -> str:
    return (
        f"workload {owner.workload} in namespace {owner.namespace} "
        f"(for {owner.repository})"
    )


def _fix(
    collision: Collision, first: _Names, second: _Names, prefixes: Prefixes
) -> str:
    _, one, two = collision
    if one[:2] == two[:2] and first.parts == second.parts:
        return (
            f"Give {one.repository} and {two.repository} different suffixes, and use "
            "{suffix} or {repository} in the template"
        )
    if one[1:] == two[1:] and NAMESPACE not in first.parts:
        return (
            "The template has no {namespace}, and two namespaces can have one prefix. "
            "Add {namespace} to the template, or allow only prefixes with {namespace}, "
            "such as tap/{namespace}"
        )
    if one.prefix != two.prefix and prefixes.wildcards:
        return (
            "Allow one prefix in allow.repoPrefixes, or one for each namespace, such "
            "as tap/{namespace}"
        )
    if first is second:
        return f"Separate the placeholders by slashes, as in {RECOMMENDED_TEMPLATE}"
    return (
        f"The suffix or the text in the template of {two.repository} can also be part "
        f"of another value. Use {RECOMMENDED_TEMPLATE} for all repositories, with "
        "suffixes that start with a slash"
    )
