"""One sentence about a command line that cannot be used: what was given, what is expected, and where the help is."""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

import typer
from typer.exceptions import TyperException

from longcall.cli.program import program

# Kinds of pydantic's errors, which checks the values of options.
EXPECTED: Final = {
    "float_parsing": "expected a number, such as 0.5, and found {value}",
    "int_parsing": "expected a whole number, and found {value}",
    "int_from_float": "expected a whole number, and found {value}",
    "greater_than_equal": "expected {ge:.12g} or more, and found {value}",
    "less_than_equal": "expected at most {le:.12g}, and found {value}",
}


def sentence_about(error: TyperException, given: Sequence[str]) -> str:
    """The sentence for a mistake.

    Args:
        error: Of the parser.
        given: The arguments.
    """
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else " ".join(["longcall", *_commands(given)])
    command = f"{program()}{path.removeprefix('longcall')}"
    text = _about_value(error) if isinstance(error, typer.BadParameter) else None
    text = " ".join((text or error.format_message()).split()).rstrip(".")
    if text.startswith("Usage:"):  # the help of a group of commands
        text = "expected a command"
    text = re.sub(r"\(Possible options: ([^)]*)\)", r"(did you mean \1?)", text)
    text = re.sub(r"Got unexpected extra argument(?:\(s\)|s)? \((.*)\)", r"unexpected argument: \1", text)
    text = re.sub(r"Option '(.*)' requires (?:an argument|\d+ arguments)", r"expected a value after \1", text)
    text = re.sub(r"Option '(.*)' does not take a value", r"\1 takes no value", text)
    text = re.sub(r"Missing argument '(.*?)'", r"missing argument \1", text)
    text = re.sub(r"\. Choose from: (.*)", r"; expected one of \1", text)
    text = re.sub(r"\. Did you mean (.*)\?", r"; did you mean \1?", text)
    begins_with_name = text[:2].isupper()  # such as STATUS
    return f"{text if begins_with_name else text[0].lower() + text[1:]}; see `{command} --help`"


def _commands(given: Sequence[str]) -> Sequence[str]:
    """The words before the first option: a command, or a group of commands and one of these."""
    return [*takewhile(lambda word: not word.startswith("-"), given)][: 2 if given[:1] == ["user"] else 1]


def _about_value(error: typer.BadParameter) -> str | None:
    """What is wrong with the value of an option or an argument; None if the parser's own words are as good."""
    found = getattr(error.__cause__, "errors", None)
    details: Sequence[Mapping[str, Any]] = found() if callable(found) else ()
    if not details or error.param is None:
        return None
    detail = details[0]
    is_option = error.param.opts[0].startswith("-")
    name = error.param.opts[0] if is_option else error.param.opts[0].upper().replace("_", "-")
    value = repr(str(detail.get("input")))[:80]
    if detail["type"] in EXPECTED:
        return f"{name}: {EXPECTED[detail['type']].format(value=value, **detail.get('ctx', {}))}"
    words = str(detail["msg"]).removeprefix("Value error, ").rstrip(".")
    choices = re.fullmatch(r"(.*) is not one of (.*)", words)
    if choices is None:
        return f"{name}: {words[0].lower()}{words[1:]}"
    return f"{name}: expected one of {choices[2].replace(chr(39), '')}, and found {value}"
