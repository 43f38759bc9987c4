"""Reads environment variables, and reports all problems together.

Each floor has a `settings.py` of its own, which says what it reads.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from chalicelib.jobs.errors import MissingSettings

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)


class Reader:
    """Reads environment variables and collects every problem, so that `check` reports all of them at once.

    An unset or empty variable gives the default. A wrong value is noted as a problem, and the default is returned.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environment.get(name) or default
        if value is None:
            self._problems.append(f"{name} is not set")
            return ""
        return value

    def number(self, name: str, default: float, *, least: float) -> float:
        return self._parsed(
            name, default, float, lambda value: math.isfinite(value) and value >= least, f">= {least:g}"
        )

    def count(self, name: str, default: int, *, least: int) -> int:
        return self._parsed(name, default, int, lambda value: value >= least, f"a whole number >= {least}")

    def optional(self, name: str, parse: Callable[[str], T], words: str) -> T | None:
        return self._parsed(name, None, parse, lambda _: True, words)

    def choice(self, name: str, default: Choice) -> Choice:
        kind = type(default)
        return self._parsed(name, default, kind, lambda _: True, f"one of {', '.join(kind)}")

    def _parsed(self, name: str, default: T, parse: Callable[[str], T], fits: Callable[[T], bool], words: str) -> T:
        text = self._environment.get(name)
        if not text:
            return default
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None or not fits(value):
            self._problems.append(f"{name} must be {words}, and is {text!r}")
            return default
        return value

    def refuse(self, problems: Iterable[str]) -> None:
        """Note problems that concern several variables, one sentence each."""
        self._problems.extend(problems)

    def check(self) -> None:
        """Raises: MissingSettings: A variable is missing or wrong; the message lists all of them."""
        if self._problems:
            raise MissingSettings(self._problems)
