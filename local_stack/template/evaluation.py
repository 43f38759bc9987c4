"""Evaluates CloudFormation's intrinsic functions as far as their arguments are known.

Source: CloudFormation User Guide, "Intrinsic function reference".
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

_VARIABLE: Final = re.compile(r"\$\{([^!{}][^{}]*|![^{}]*)\}")
_FUNCTION: Final = re.compile(r"Ref|Fn::\w+")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that cannot be known on this machine, with the reason. What uses it is refused."""

    reason: str


class NoValue:
    """The type of `AWS::NoValue`, which removes a property or an item."""


NO_VALUE: Final = NoValue()


class Names(Protocol):
    """The values of the names in a template.

    Each method may return an expression again, if the value is not known yet, or an `Unknown`.
    """

    def ref(self, name: str) -> Any:
        """The value of `Ref`."""

    def attribute(self, name: str, attribute: str) -> Any:
        """The value of `Fn::GetAtt`."""

    def imported(self, name: str) -> Any:
        """The value of `Fn::ImportValue`."""

    def holds(self, condition: str) -> bool | Unknown:
        """Whether a condition is met."""

    def mapped(self, path: tuple[str, str, str]) -> Any:
        """The value of `Fn::FindInMap`: of map, first and second key. `NO_VALUE` if there is none."""

    def unknown(self, value: Unknown) -> Any:
        """What is used in place of a value that cannot be known."""


def evaluate(value: Any, names: Names) -> Any:
    """A value with its intrinsic functions replaced by their results. A function stays if an argument is not known."""
    match value:
        case Unknown():
            return names.unknown(value)
        case dict() if len(value) == 1 and _FUNCTION.fullmatch(name := next(iter(value))):
            function = _FUNCTIONS.get(name)
            if function is None:
                return names.unknown(Unknown(f"{name} is not supported by the local stack"))
            try:
                return function(value[name], names)
            except (TypeError, ValueError, LookupError):
                shown = json.dumps(value, default=str)[:200]
                return names.unknown(Unknown(f"the arguments of {name} are not valid: {shown}"))
        case dict():
            members = {name: evaluate(it, names) for name, it in value.items()}
            return {name: it for name, it in members.items() if it is not NO_VALUE}
        case list():
            return [it for it in (evaluate(each, names) for each in value) if it is not NO_VALUE]
        case _:
            return value


def is_known(value: Any) -> bool:
    """Whether a value contains no function that is still to be evaluated."""
    match value:
        case Unknown() | NoValue():
            return False
        case dict():
            is_function = len(value) == 1 and _FUNCTION.fullmatch(next(iter(value)))
            return not is_function and all(map(is_known, value.values()))
        case list():
            return all(map(is_known, value))
        case _:
            return True


def as_text(value: Any) -> str:
    """A known value as text, as CloudFormation writes numbers and booleans.

    Raises:
        TypeError: It is a list, an object or null.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise TypeError(value)


def _all_known(name: str, arguments: Any, compute: Callable[[], Any]) -> Any:
    """The result, or else the function with its arguments as far as they are known."""
    reason = _unknown_in(arguments)
    if reason is not None:
        return reason
    return compute() if is_known(arguments) else {name: arguments}


def _unknown_in(value: Any) -> Unknown | None:
    match value:
        case Unknown():
            return value
        case list():
            return next((found for it in value if (found := _unknown_in(it)) is not None), None)
        case _:
            return None


def _ref(name: Any, names: Names) -> Any:
    return names.ref(as_text(name))


def _attribute(arguments: Any, names: Names) -> Any:
    logical_id, attribute = arguments.split(".", 1) if isinstance(arguments, str) else arguments
    found = evaluate(attribute, names)
    return _all_known("Fn::GetAtt", [logical_id, found], lambda: names.attribute(logical_id, as_text(found)))


def _join(arguments: Any, names: Names) -> Any:
    separator, parts = arguments[0], evaluate(arguments[1], names)
    return _all_known("Fn::Join", [separator, parts], lambda: separator.join(map(as_text, parts)))


def _substitute(arguments: Any, names: Names) -> Any:
    text, given = (arguments, {}) if isinstance(arguments, str) else arguments
    parts: list[Any] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts.append(text[end : found.start()])
        parts.append(_variable(found[1], given))
        end = found.end()
    return _join(["", [*parts, text[end:]]], names)


def _variable(name: str, given: Mapping[str, Any]) -> Any:
    if name.startswith("!"):
        return f"${{{name[1:]}}}"
    name = name.strip()
    if name in given:
        return given[name]
    logical_id, dot, attribute = name.partition(".")
    return {"Fn::GetAtt": [logical_id, attribute]} if dot else {"Ref": name}


def _select(arguments: Any, names: Names) -> Any:
    index, items = (evaluate(it, names) for it in arguments)
    if isinstance(items, list) and is_known(index):
        return items[int(index)]  # the other items need not be known
    return _all_known("Fn::Select", [index, items], lambda: items[int(index)])


def _split(arguments: Any, names: Names) -> Any:
    separator, text = arguments[0], evaluate(arguments[1], names)
    return _all_known("Fn::Split", [separator, text], lambda: as_text(text).split(separator))


def _if(arguments: Any, names: Names) -> Any:
    condition, met, otherwise = arguments
    holds = names.holds(condition)
    return holds if isinstance(holds, Unknown) else evaluate(met if holds else otherwise, names)


def _find_in_map(arguments: Any, names: Names) -> Any:
    path = [evaluate(it, names) for it in arguments[:3]]
    default = arguments[3]["DefaultValue"] if len(arguments) > len(path) else NO_VALUE

    def found() -> Any:
        first, second, third = map(as_text, path)
        value = names.mapped((first, second, third))
        if value is NO_VALUE:
            value = evaluate(default, names)
        return Unknown(f"the mapping {first} has no {second}.{third}") if value is NO_VALUE else value

    return _all_known("Fn::FindInMap", path, found)


def _base64(argument: Any, names: Names) -> Any:
    text = evaluate(argument, names)
    return _all_known("Fn::Base64", text, lambda: base64.b64encode(as_text(text).encode()).decode())


def _length(argument: Any, names: Names) -> Any:
    items = evaluate(argument, names)
    return _all_known("Fn::Length", items, lambda: len(items))


def _json_text(argument: Any, names: Names) -> Any:
    value = evaluate(argument, names)
    return _all_known("Fn::ToJsonString", value, lambda: json.dumps(value, separators=(",", ":")))


def _import(argument: Any, names: Names) -> Any:
    name = evaluate(argument, names)
    return _all_known("Fn::ImportValue", name, lambda: names.imported(as_text(name)))


_FUNCTIONS: Final[Mapping[str, Callable[[Any, Names], Any]]] = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAtt": _attribute,
    "Fn::If": _if,
    "Fn::ImportValue": _import,
    "Fn::Join": _join,
    "Fn::Length": _length,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _substitute,
    "Fn::ToJsonString": _json_text,
}
