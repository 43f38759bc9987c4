"""Reads the parameters of Cognito's operations, and refuses wrong ones in Cognito's words."""

from collections.abc import Mapping
from typing import Any

from local_stack.services.cognito.errors import CognitoError, invalid_parameter

Parameters = Mapping[str, Any]


def text(parameters: Parameters, name: str) -> str:
    """A required text.

    Raises:
        CognitoError: It is missing or empty, or no text.
    """
    value = optional_text(parameters, name)
    if not value:
        raise missing(name)
    return value


def optional_text(parameters: Parameters, name: str) -> str | None:
    """A text; None if it is missing.

    Raises:
        CognitoError: It is not text.
    """
    value = parameters.get(name)
    if value is not None and not isinstance(value, str):
        raise CognitoError("SerializationException", f"{name} must be a string")
    return value


def texts(parameters: Parameters, name: str) -> Mapping[str, str]:
    """A map of texts, such as AuthParameters; empty if it is missing.

    Raises:
        CognitoError: It is something else.
    """
    value = parameters.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(it, str) for it in value.values()):
        raise CognitoError("SerializationException", f"{name} must be a map of strings")
    return value


def one_of(values: Mapping[str, str], name: str) -> str:
    """A required value of a map of texts.

    Raises:
        CognitoError: It is missing or empty.
    """
    if not values.get(name):
        raise invalid_parameter(f"Missing required parameter {name}")
    return values[name]


def attributes(parameters: Parameters, name: str = "UserAttributes") -> dict[str, str]:
    """Attributes of a user by name, from Cognito's list of names and values.

    Raises:
        CognitoError: It is not such a list.
    """
    value = parameters.get(name) or []
    if not isinstance(value, list):
        raise CognitoError("SerializationException", f"{name} must be a list")
    read: dict[str, str] = {}
    for entry in value:
        match entry:
            case {"Name": str(key), "Value": str(given)}:
                read[key] = given
            case {"Name": str(key)}:
                read[key] = ""
            case _:
                raise CognitoError("SerializationException", f"{name} must contain names and values")
    if "sub" in read:
        raise invalid_parameter("Cannot modify an already provided attribute: sub")
    return read


def listed(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Attributes as Cognito lists them."""
    return [{"Name": name, "Value": value} for name, value in sorted(values.items())]


def missing(name: str) -> CognitoError:
    """The words for a required parameter that is missing."""
    shown = name[0].lower() + name[1:]
    return invalid_parameter(
        f"1 validation error detected: Value null at '{shown}' failed to satisfy constraint: Member must not be null"
    )
