"""JSON values and their types as the service's errors show them. The service is written in Java."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

_PLAIN_FROM: Final = 1e-3  # Source: Java, `Double.toString`
_PLAIN_BELOW: Final = 1e7
_INTEGER: Final = 2**31
_LONG: Final = 2**63


def java_text(value: object) -> str:
    """A value as `toString` prints it: `{name=Ada, tags=[a, b]}`, `1.5E10`, `true`, `null`."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return _double(value)
        case Mapping():
            return "{" + ", ".join(f"{name}={java_text(member)}" for name, member in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(java_text, value)) + "]"
        case _:
            return str(value)


def java_type(value: object) -> str:
    """The class that the service's JSON parser makes of a value."""
    match value:
        case str():
            return "String"
        case bool():
            return "Boolean"
        case int():
            if -_INTEGER <= value < _INTEGER:
                return "Integer"
            return "Long" if -_LONG <= value < _LONG else "BigInteger"
        case float():
            return "Double"
        case list() | tuple():
            return "ArrayList"
        case _:
            return "LinkedHashMap"


def _double(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, *rest = map(str, digits)
    power = len(digits) - 1 + int(exponent)
    return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}E{power}"
