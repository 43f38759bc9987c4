"""Counts in what a service reports. Values that are not counts are ignored, and do not spoil an answer. Pure."""

from collections.abc import Mapping
from typing import Final

from chalicelib.jobs.model import Json

MAX_COUNT: Final = 2**53  # JSON numbers above it are not exact everywhere


def count_in(counts: Json, *names: str) -> int | None:
    """The first of these members that is a count; None if there is none."""
    if not isinstance(counts, Mapping):
        return None
    for name in names:
        value = counts.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
            return value
    return None
