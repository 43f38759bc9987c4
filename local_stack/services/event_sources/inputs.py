"""What the target of a rule gets of an event: all of it, a part, a constant, or a text made of its values.

moto's own transformation is not used: it writes text without the quotes that EventBridge adds.

Source: Amazon EventBridge User Guide, "Amazon EventBridge input transformation".
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

PROPERTIES: Final = ("Input", "InputPath", "InputTransformer")  # of a target; at most one of them is given
_PLACEHOLDER: Final = re.compile(r"<([\w.-]+)>")
_EVENT: Final = ("aws.events.event", "aws.events.event.json")


def input_of(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """The payload for a target.

    Args:
        target: Those of `PROPERTIES` that the target has.
        event: The whole event.
    """
    if "Input" in target:
        return _value(target["Input"])
    if "InputPath" in target:
        return _at(target["InputPath"], event)
    if "InputTransformer" not in target:
        return event
    transformer = target["InputTransformer"]
    values = {name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= dict.fromkeys(_EVENT, event)
    return _value("".join(_filled(transformer["InputTemplate"], values)))


def _filled(template: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The pieces of a template with values: JSON outside of quotes, and text inside."""
    end, is_quoted = 0, False
    for found in _PLACEHOLDER.finditer(template):
        between = template[end : found.start()]
        is_quoted ^= len(re.findall(r'(?<!\\)"', between)) % 2 == 1
        end = found.end()
        yield between
        yield _inserted(values.get(found[1]), is_quoted=is_quoted)
    yield template[end:]


def _inserted(value: Any, *, is_quoted: bool) -> str:
    if not is_quoted:
        return json.dumps(value)
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1]


def _at(path: str, event: Mapping[str, Any]) -> Any:
    from jsonpath_ng.parser import parse  # imported on use: few rules need it

    found = parse(path).find(event)
    return found[0].value if found else None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
