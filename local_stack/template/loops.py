"""Writes out the loops of a template, `Fn::ForEach`, which its language extensions allow.

Source: CloudFormation Template Reference, "Fn::ForEach".
"""

import re
from typing import Any, Final

from local_stack.template.evaluation import Names, as_text, evaluate, is_known

LOOP: Final = "Fn::ForEach::"
LOOP_FORM: Final = "a loop must be [Identifier, [values], {name: content}], with values that are known"
_UNFIT: Final = re.compile(r"[^A-Za-z0-9]")


class LoopInvalid(Exception):
    """A loop that cannot be written out; the message says why."""


def without_loops(value: Any, names: Names) -> Any:
    """A value with every loop in it replaced by its content, once for each of the loop's values.

    Raises:
        LoopInvalid: A loop has another form, or its values are not known.
    """
    match value:
        case dict():
            members: dict[str, Any] = {}
            for name, it in value.items():
                if str(name).startswith(LOOP):
                    members |= _written_out(it, names)
                else:
                    members[name] = without_loops(it, names)
            return members
        case list():
            return [without_loops(it, names) for it in value]
        case _:
            return value


def _written_out(loop: Any, names: Names) -> dict[str, Any]:
    match loop:
        case [str(identifier), collection, dict(content)]:
            values = evaluate(collection, names)
            if isinstance(values, list) and is_known(values):
                written: dict[str, Any] = {}
                for it in values:
                    written |= without_loops(_bound(content, identifier, as_text(it)), names)
                return written
    raise LoopInvalid(LOOP_FORM)


def _bound(value: Any, identifier: str, item: str) -> Any:
    """A value with the identifier of a loop replaced; `&{identifier}` is for names, which have letters and digits."""
    match value:
        case {"Ref": str(name)} if name == identifier and len(value) == 1:
            return item
        case dict():
            return {_bound(name, identifier, item): _bound(it, identifier, item) for name, it in value.items()}
        case list():
            return [_bound(it, identifier, item) for it in value]
        case str():
            text = value.replace(f"&{{{identifier}}}", _UNFIT.sub("", item))
            return text.replace(f"${{{identifier}}}", item)
        case _:
            return value
