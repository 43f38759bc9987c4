"""Offsets of named time zones for `util.time`, because the embedded JavaScript engine has none.

Source: the tz database, through `zoneinfo`.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2101, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(days=7)  # no zone has changed its offset twice within a week
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def offsets_of(name: str) -> str:
    """Changes of a zone's offset from 1900 to 2100, as JSON: [[milliseconds since 1970, seconds, abbreviation], ...].

    The first entry also applies to earlier times. `null` for an unknown zone.
    """
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "null"
    state = _state(zone, _FIRST)
    changes = [(0, *state)]
    at = _FIRST
    while at < _LAST:
        following = _state(zone, at + _STEP)
        if following != state:
            changes.append((_change(zone, at, at + _STEP), *following))
            state = following
        at += _STEP
    changes[0] = (_milliseconds(_FIRST), *changes[0][1:])
    return orjson.dumps(changes).decode()


def _state(zone: ZoneInfo, at: datetime) -> tuple[int, str]:
    local = at.astimezone(zone)
    offset = local.utcoffset() or timedelta()
    return int(offset.total_seconds()), local.tzname() or zone.key


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> int:
    """The time, to the second, at which the state of `after` began."""
    state = _state(zone, after)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _state(zone, middle) == state:
            after = middle
        else:
            before = middle
    return _milliseconds(after)


def _milliseconds(at: datetime) -> int:
    return int((at - _EPOCH).total_seconds()) * 1000
