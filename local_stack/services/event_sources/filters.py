"""Filters of event source mappings: which messages and records a function gets.

Source: Lambda Developer Guide, "Control which events Lambda sends to your function".
"""

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

_MISSING: Final = object()
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def passes(filters: Sequence[Mapping[str, Any]], event: Mapping[str, Any]) -> bool:
    """Whether an event matches one of the patterns; every event does if there are none."""
    return not filters or any(matches(pattern, event) for pattern in filters)


def message_passes(filters: Sequence[Mapping[str, Any]], message: Mapping[str, Any]) -> bool:
    """As `passes`, for a message of a queue. If the pattern of `body` is an object, the body is read as JSON."""
    return not filters or any(
        matches(pattern, {**message, "body": _body(pattern.get("body"), message["body"])}) for pattern in filters
    )


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event has what each member of a pattern asks for."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(matches(it, event) for it in wanted):
                return False
            continue
        value = event.get(name, _MISSING)
        if isinstance(wanted, Mapping):
            if not matches(wanted, value if isinstance(value, Mapping) else {}):
                return False
        elif not any(_fits(rule, value) for rule in wanted):
            return False
    return True


def _fits(rule: Any, value: Any) -> bool:
    match rule:
        case {"exists": bool(expected)}:
            return (value is not _MISSING) is expected
        case _ if value is _MISSING:
            return False
        case {"anything-but": refused}:
            return not any(_is(it, value) for it in _as_list(refused))
        case _:
            return any(_is(rule, it) for it in _as_list(value))


def _is(rule: Any, value: Any) -> bool:
    match rule:
        case {"prefix": str(text)}:
            return isinstance(value, str) and value.startswith(text)
        case {"suffix": str(text)}:
            return isinstance(value, str) and value.endswith(text)
        case {"equals-ignore-case": str(text)}:
            return isinstance(value, str) and value.casefold() == text.casefold()
        case {"numeric": list(terms)}:
            pairs = zip(terms[::2], terms[1::2], strict=True)
            return _is_number(value) and all(_COMPARISONS[sign](value, number) for sign, number in pairs)
        case _:
            return bool(value == rule) and isinstance(value, bool) == isinstance(rule, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _body(pattern: Any, text: str) -> Any:
    if not isinstance(pattern, Mapping):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
