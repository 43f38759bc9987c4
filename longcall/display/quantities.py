"""Durations, shares, amounts of money and moments, in words for a person. Pure."""

import math
from datetime import UTC, datetime

from longcall.display.text import line
from longcall.models import Json


def duration(seconds: float) -> str:
    """A number of seconds as `38 ms`, `59.9 s`, `1 min 23 s` or `2 h 01 min`."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def age(seconds: float) -> str:
    """A number of seconds in at most six characters: `0.4 s`, `59 s`, `59 min`, `23 h` or `7 d`."""
    if seconds < 10:
        return f"{max(0.0, math.floor(seconds * 10) / 10):.1f} s"
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds // 86_400:.0f} d"


def share(progress: float) -> str:
    """A progress from 0 to 1 as a percentage of four characters."""
    return f"{progress:4.0%}"


def counts(usage: Json) -> str:
    """The numbers in a job's usage: `inputTokens 4,021 · outputTokens 180`."""
    if not isinstance(usage, dict):
        return ""
    numbers = {name: value for name, value in usage.items() if isinstance(value, int | float)}
    return " · ".join(f"{line(name)} {value:,}" for name, value in numbers.items())


def money(amount: float) -> str:
    """US dollars with enough digits to tell a cheap job from a free one: `$12.40`, `$0.0153`, `$0.00000975`."""
    if amount >= 1:
        return f"${amount:,.2f}"
    digits = 2 if amount <= 0 else max(2, 2 - math.floor(math.log10(amount)))
    return f"${amount:.{digits}f}"


def moment(at: datetime | None) -> str:
    """A moment as `2026-01-01 12:00:00 UTC`; empty for None."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
