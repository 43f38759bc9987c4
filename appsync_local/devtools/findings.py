"""The results of the doctor's checks."""

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """The result of one check."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"  # information only


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. The names of the attributes are those of the doctor's JSON.

    Attributes:
        about: The subject of the check, one or two words.
        status: The result.
        found: What the check found, in one line.
        advice: What to do if the result is bad; None if there is nothing to do.
    """

    about: str
    status: CheckStatus
    found: str
    advice: str | None = None


def duration(seconds: float) -> str:
    """A duration for a person: `90 s`, `5 min`, `3 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
