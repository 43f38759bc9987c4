"""From an ES module to a plain script, every character of code keeping its line and column.

The embedded engine evaluates text without a module loader, so `import` becomes a `const`, `export` becomes blanks, and
the exported names are reported. Only what AppSync's runtime lets a file import is known.

Source: AppSync Developer Guide, "JavaScript runtime features for resolvers and functions", and "Bundling, TypeScript,
and source maps": the run-time module is `@aws-appsync/utils`, and bundles are a single ES module.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

# Module name to the expression that holds its exports inside the prelude.
MODULES: Final[Mapping[str, str]] = {"@aws-appsync/utils": "__modules.utils"}

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<word>[A-Za-z_$][\w$]*)
  | (?P<number>\d[\w.]*)
  | (?P<mark>[`{}()\[\];,*/=]|[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)
_TEMPLATE: Final = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(?P<end>`|\$\{)", re.DOTALL)
_REGEX: Final = re.compile(r"/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
# A slash after one of these begins a regular expression, elsewhere it divides.
_BEFORE_REGEX: Final = frozenset({"(", ",", "=", ":", "[", "!", "&", "|", "?", "{", "}", ";", "return", "typeof", "=>"})


class ModuleInvalid(Exception):
    """A module this engine cannot load; `offset` is where in its text."""

    def __init__(self, message: str, offset: int) -> None:
        self.message = message
        self.offset = offset
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Module:
    """A script with the same lines and columns, and what the module exports: exported name to local name."""

    script: str
    exports: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def to_script(text: str) -> Module:
    """Turn the text of an ES module into a function body.

    Raises:
        ModuleInvalid: An import of something else than AppSync's modules, or an export form that is not supported.
    """
    tokens = [token for token in _tokens(text) if token.kind != "blank"]
    pieces: list[str] = []
    exports: dict[str, str] = {}
    copied = 0
    depth = 0
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.text in ("{", "(", "[", "${") and token.kind == "mark":
            depth += 1
        elif token.text in ("}", ")", "]") and token.kind == "mark":
            depth -= 1
        elif depth == 0 and token.kind == "word" and token.text in ("import", "export"):
            read = _import if token.text == "import" else _export
            replacement, index, end = read(tokens, index, exports)
            pieces += [text[copied : token.start], _padded(replacement, text[token.start : end])]
            copied = end
            continue
        index += 1
    pieces.append(text[copied:])
    return Module("".join(pieces), exports)


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    templates: list[int] = []  # per open `${`, how many braces are open inside it
    before = ";"
    while position < len(text):
        if text[position] == "/" and before in _BEFORE_REGEX and (match := _REGEX.match(text, position)):
            token = _Token("regex", match.group(), position, match.end())
        elif text[position] == "`" or (text[position] == "}" and templates and templates[-1] == 0):
            if text[position] == "}":
                templates.pop()
            found = _TEMPLATE.match(text, position + 1)
            if found is None:
                raise ModuleInvalid("this template literal has no end", position)
            if found["end"] == "${":
                templates.append(0)
            token = _Token("template", "`", position, found.end())
        else:
            match = _TOKEN.match(text, position)
            if match is None:
                raise ModuleInvalid(f"{text[position]!r} is not understood here", position)
            token = _Token(match.lastgroup or "mark", match.group(), position, match.end())
            if templates and token.kind == "mark" and token.text in "{}":
                templates[-1] += 1 if token.text == "{" else -1
        yield token
        if token.kind != "blank":
            before = token.text
        position = token.end


def _padded(replacement: str, original: str) -> str:
    """The replacement with as many lines as the original, and as wide where both have one line."""
    return replacement.ljust(len(original)) if "\n" not in original else replacement + "\n" * original.count("\n")


def _import(tokens: list[_Token], index: int, _exports: dict[str, str]) -> tuple[str, int, int]:
    start = tokens[index]
    last = index + 1
    while last < len(tokens) and tokens[last].kind != "string":
        last += 1
    if last == len(tokens):
        raise ModuleInvalid("an import needs a module name in quotes", start.start)
    name = tokens[last].text[1:-1]
    source = MODULES.get(name)
    if source is None:
        raise ModuleInvalid(f"module {name!r} is not there at run time; import from {', '.join(MODULES)}", start.start)
    names = _names(tokens[index + 1 : last - 1], start)
    last, end = _past_semicolon(tokens, last + 1, tokens[last].end)
    bindings = ", ".join(f"{outer}: {local}" for outer, local in names)
    return f"const {{ {bindings} }} = {source};", last, end


def _export(tokens: list[_Token], index: int, exports: dict[str, str]) -> tuple[str, int, int]:
    start, following = tokens[index], tokens[index + 1] if index + 1 < len(tokens) else tokens[index]
    if following.text == "{":
        close = next((i for i in range(index, len(tokens)) if tokens[i].text == "}"), None)
        if close is None:
            raise ModuleInvalid("this export list has no end", start.start)
        exports.update({outer: local for local, outer in _names(tokens[index + 1 : close + 1], start)})
        last, end = _past_semicolon(tokens, close + 1, tokens[close].end)
        return "", last, end
    if following.text in ("function", "const", "let", "var") and index + 2 < len(tokens):
        name = tokens[index + 2].text
        exports[name] = name
        return "", index + 1, following.start
    raise ModuleInvalid("write `export function name(ctx)`, or `export { name }`", start.start)


def _names(tokens: list[_Token], start: _Token) -> list[tuple[str, str]]:
    """`{ a, b as c }` as [("a", "a"), ("b", "c")]."""
    texts = [token.text for token in tokens]
    if len(texts) < 2 or texts[0] != "{" or texts[-1] != "}":
        raise ModuleInvalid("name what you import, as in `import { util } from ...`", start.start)
    names: list[tuple[str, str]] = []
    part: list[str] = []
    for text in [*texts[1:-1], ","]:
        if text != ",":
            part.append(text)
        elif len(part) == 1:
            names.append((part[0], part[0]))
            part = []
        elif len(part) == 3 and part[1] == "as":
            names.append((part[0], part[2]))
            part = []
        elif part:
            raise ModuleInvalid(f"`{' '.join(part)}` is no name to import or export", start.start)
    return names


def _past_semicolon(tokens: list[_Token], index: int, end: int) -> tuple[int, int]:
    if index < len(tokens) and tokens[index].text == ";":
        return index + 1, tokens[index].end
    return index, end
