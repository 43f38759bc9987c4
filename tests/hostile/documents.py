"""GraphQL documents that are too large, too deep or invalid."""

from collections.abc import Callable
from random import Random
from typing import Final

VALID: Final = (
    '{ note(id: "1") { id text number author { name notes { id } } thread { id } } }',
    "query Q($input: NoteInput) { echo(input: $input) }",
    "query Q($words: [String], $detail: AWSJSON) { echo(words: $words, detail: $detail) }",
    'mutation M { pin(board: "attack", text: "t", number: 1) { id board text number } }',
    'subscription S { pinned(board: "attack") { id text } }',
    "subscription S($filter: AWSJSON) { filtered(filter: $filter) { id } }",
    'query A { note(id: "1") { ...F } } fragment F on Note { id author { latest { ... on Alert { level } } } }',
    "{ __schema { types { name fields { name type { name ofType { name } } } } } }",
    '{ __type(name: "Note") { fields { name } } __typename }',
)
_TOKENS: Final = (
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "$",
    "@",
    "...",
    "|",
    "&",
    "=",
    '"',
    '"""',
    "#",
    "\\",
    "\ufeff",
    "\0",
    "é",
    "💥",
)
_NAMES: Final = (
    "on",
    "fragment",
    "null",
    "true",
    "__typename",
    "__proto__",
    "constructor",
    "note",
    "query",
    "extend",
    "skip",
    "x" * 300,
)


def document(rng: Random) -> str:
    """Return a random document."""
    return rng.choice(_KINDS)(rng)


def _mutated(rng: Random) -> str:
    text = rng.choice(VALID)
    for _ in range(rng.randint(1, 4)):
        at, until = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        match rng.randrange(5):
            case 0:
                text = text[:at] + rng.choice(_TOKENS + _NAMES) + text[at:]
            case 1:
                text = text[:at] + text[min(until, at + 8) :]
            case 2:
                text = text[:until] + text[at:]
            case 3:
                text = text[:at]
            case _:
                words = text.split(" ")
                words[rng.randrange(len(words))] = rng.choice(_TOKENS + _NAMES)
                text = " ".join(words)
    return text


def _deep(rng: Random) -> str:
    depth = rng.choice((20, 90, 150, 1000, 5000))
    return '{ note(id: "1") { id ' + "author { notes { id " * depth + "} }" * depth + " } }"


def _deep_value(rng: Random) -> str:
    depth = rng.choice((20, 150, 240, 1000, 5000))
    match rng.randrange(3):
        case 0:
            return "{ echo(words: " + "[" * depth + "]" * depth + ") }"
        case 1:
            return '{ echo(input: { id: "1", replies: ' + '{ id: "1", replies: ' * depth + "null" + "}" * depth + "}) }"
        case _:
            return f"query Q($v: {'[' * depth}String{']' * depth}) {{ echo(words: $v) }}"


def _same_field(rng: Random) -> str:
    count = rng.choice((50, 1000, 6000))
    return "{ " + 'note(id: "1") { id } '.join(("", *[""] * (count // 10))) + "__typename " * count + "}"


def _conflicts(rng: Random) -> str:
    count = rng.choice((50, 600, 2000))
    return "{ " + " ".join(f'note(id: "{n}") {{ a{n % 7}: id a{n % 5}: text }}' for n in range(count)) + " }"


def _aliases(rng: Random) -> str:
    count = rng.choice((10, 200, 1500))
    field = rng.choice(
        ('note(id: "1") { id }', 'echo(words: ["a"])', "__typename", "__schema { types { name fields { name } } }")
    )
    return "{ " + " ".join(f"a{n}: {field}" for n in range(count)) + " }"


def _fragment_bomb(rng: Random) -> str:
    depth = rng.choice((4, 12, 12, 300))
    spread = "a: author {{ notes {{ ...F{0} }} latest {{ ...F{0} }} }} b: author {{ notes {{ ...F{0} }} }}"
    bodies = [f"fragment F{n} on Note {{ {spread.format(n + 1)} }}" for n in range(depth)]
    root = rng.choice(('query {{ note(id: "1") {{ {0} }} }}', "subscription {{ pinned {{ {0} }} }}"))
    return " ".join((root.format("...F0"), *bodies, f"fragment F{depth} on Note {{ id }}"))


def _types_bomb(rng: Random) -> str:
    depth = rng.choice((4, 15, 60))
    return '{ note(id: "1") { ' + "thread { id " * depth + "}" * depth + " } }"


def _chain(rng: Random) -> str:
    depth = rng.choice((20, 200, 900))
    step = rng.choice(("author {{ notes {{ ...F{0} }} }}", "...F{0}", "thread {{ ...F{0} }}"))
    type_ = "Item" if "thread" in step else "Note"
    bodies = [f"fragment F{n} on {type_} {{ {step.format(n + 1)} }}" for n in range(depth)]
    return " ".join(('{ note(id: "1") { ...F0 } }', *bodies, f"fragment F{depth} on {type_} {{ id }}"))


def _cycle(rng: Random) -> str:
    length = rng.choice((1, 2, 50, 400))
    bodies = [f"fragment F{n} on Note {{ id author {{ notes {{ ...F{(n + 1) % length} }} }} }}" for n in range(length)]
    return " ".join(('{ note(id: "1") { ...F0 } }', *bodies))


def _introspection(rng: Random) -> str:
    depth = rng.choice((2, 6, 20))
    step = rng.choice(
        ("fields { type { ", "possibleTypes { interfaces { ", "ofType { ofType { ", "fields { args { type { ")
    )
    return "{ __schema { types { name " + step * depth + "name " + "}" * (step.count("{") * depth) + " } } }"


def _operations(rng: Random) -> str:
    count = rng.choice((2, 300, 2500))
    return " ".join(f"query Q{n} {{ __typename }}" for n in range(count))


def _directives(rng: Random) -> str:
    count = rng.choice((3, 200, 2000))
    directive = rng.choice(("@skip(if: false)", "@include(if: $v)", "@aws_api_key", "@no"))
    return "query Q($v: Boolean = true) { __typename " + f"{directive} " * count + "}"


def _variables(rng: Random) -> str:
    count = rng.choice((5, 500, 2400))
    declared = " ".join(
        f"$v{n}: {rng.choice(('Int', 'NoteInput!', '[Kind]', 'Note', 'Nothing'))}" for n in range(count)
    )
    return f"query Q({declared}) {{ __typename }}"


def _text(rng: Random) -> str:
    size = rng.choice((0, 1, 20_000, 200_000))
    return "".join(
        rng.choice(("{", "a", "\u2028", '"', "#", "\n", "\\u{10FFFF}", "\x7f")) for _ in range(min(size, 2000))
    ) * max(1, size // 2000)


def _long(rng: Random) -> str:
    return f'{{ echo(words: ["{"x" * rng.choice((1000, 400_000))}"]) }}'


_KINDS: Final[tuple[Callable[[Random], str], ...]] = (
    _mutated, _mutated, _mutated, _mutated, _deep, _deep_value, _same_field, _conflicts, _aliases, _fragment_bomb,
    _fragment_bomb, _types_bomb, _chain, _cycle, _introspection, _operations, _directives, _variables, _text, _long,
)  # fmt: skip
