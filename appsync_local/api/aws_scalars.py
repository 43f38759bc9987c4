"""AppSync's own scalars: which values they accept, and the words that refuse a value.

Source: AppSync Developer Guide, "Scalar types in GraphQL". The words after "as a valid" are those that users of the
service published, where they did; the others are the scalar's name.
"""

import ipaddress
import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import orjson

from appsync_local.api.java_text import java_text

LONGEST_SHOWN: Final = 1000  # characters of a value that a message quotes
EARLIEST: Final = -31_557_014_167_219_200  # seconds; Source: the description of AWSTimestamp
LATEST: Final = 31_556_889_864_403_199

# Patterns use [0-9]: \d matches the digits of every script. An offset reaches 18 hours, as in java.time.
_OFFSET = r"(?:Z|[+-](?:(?:0[0-9]|1[0-7]):[0-5][0-9](?::[0-5][0-9])?|18:00(?::00)?))"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_DAY = r"-?[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_DATE: Final = rf"{_DAY}{_OFFSET}?"
_TIME: Final = rf"{_CLOCK}{_OFFSET}?"
_DATE_TIME: Final = rf"{_DAY}T{_CLOCK}{_OFFSET}"  # the offset is required

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f-\U0010ffff]|\\[\x20-\x7e])*"'
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL: Final = rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Za-z.:]+\])"
_LONGEST_EMAIL: Final = 320  # characters: 64, the @, and 255

_PHONE: Final = r"\+?[0-9]+(?:[ -][0-9]+)*"
_LONGEST_PHONE: Final = 40  # characters: a number has at most 15 digits
_REGION: Final = "US"  # a number without a country code belongs to the North American numbering plan

_URL: Final = r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f<>\"{}|\\^`]+"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, compiled when its scalar is first used: no schema uses all of them, and it takes 1 ms each."""
    return re.compile(pattern)


def _is_date(text: str) -> bool:
    return _compiled(_DATE).fullmatch(text) is not None and _is_day(text)


def _is_time(text: str) -> bool:
    return _compiled(_TIME).fullmatch(text) is not None


def _is_date_time(text: str) -> bool:
    return _compiled(_DATE_TIME).fullmatch(text) is not None and _is_day(text)


def _is_day(text: str) -> bool:
    """Whether the date at the start of the text exists in the calendar."""
    date = text.lstrip("-")[:10]
    if date[8:] <= "28":
        return True
    year, month, day = (int(part) for part in date.split("-"))
    return day <= monthrange(2000 + year % 400, month)[1]  # leap years repeat every 400 years


def _is_email(text: str) -> bool:
    return len(text) <= _LONGEST_EMAIL and _compiled(_EMAIL).fullmatch(text) is not None


def _is_phone(text: str) -> bool:
    if len(text) > _LONGEST_PHONE or not _compiled(_PHONE).fullmatch(text):
        return False
    import phonenumbers  # imported on use: most schemas have no phone numbers, and it takes 30 ms

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, _REGION))
    except phonenumbers.NumberParseException:
        return False


def _is_url(text: str) -> bool:
    if not _compiled(_URL).fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        return False
    return bool(parts.netloc or parts.path) and "//" not in parts.path


def _is_ip_address(text: str) -> bool:
    address, slash, length = text.partition("/")
    if "%" in address or (slash and not (length.isascii() and length.isdigit())):
        return False
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class TextScalar:
    """A scalar whose values are texts of a certain form.

    Args:
        fits: Whether a text has the form.
        words: What a value is not, in a message.
    """

    fits: Callable[[str], bool]
    words: str

    def parse(self, value: object) -> object:
        """The value of an argument or a variable; raises ValueError if it does not fit."""
        if isinstance(value, str) and self.fits(value):
            return value
        raise _unfit("parse", value, self.words)

    def serialize(self, value: object) -> object:
        """The value of a result; raises ValueError if it does not fit."""
        if isinstance(value, str) and self.fits(value):
            return value
        raise _unfit("serialize", value, self.words)


class TimestampScalar:
    """Whole seconds since 1970."""

    words = (
        "timestamp. Ensure that the value provided is an Integer that lies within the limits specified in this "
        "scalar's description"
    )

    def parse(self, value: object) -> object:
        """The value of an argument or a variable; raises ValueError if it does not fit."""
        return self._seconds("parse", value)

    def serialize(self, value: object) -> object:
        """The value of a result; raises ValueError if it does not fit."""
        return self._seconds("serialize", value)

    def _seconds(self, verb: str, value: object) -> int:
        if isinstance(value, float) and value.is_integer():  # JavaScript has one kind of number
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and EARLIEST <= value <= LATEST:
            return value
        raise _unfit(verb, value, self.words)


class JsonScalar:
    """JSON: text for the client, a parsed value for resolvers."""

    words = "AWSJSON"

    def parse(self, value: object) -> object:
        """The parsed JSON of an argument or a variable; raises ValueError if it is not JSON."""
        if isinstance(value, str):
            try:
                return orjson.loads(value)
            except orjson.JSONDecodeError:
                pass
        raise _unfit("parse", value, self.words)

    def serialize(self, value: object) -> object:
        """JSON text. A text is returned unchanged if it is JSON, as resolvers that call JSON.stringify expect.

        Raises:
            ValueError: The value is a text that is not JSON, or cannot be written as JSON.
        """
        try:
            if not isinstance(value, str):
                return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
            orjson.loads(value)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            raise _unfit("serialize", value, self.words) from None
        return value


def _unfit(verb: str, value: object, words: str) -> ValueError:
    shown = java_text(value)
    if len(shown) > LONGEST_SHOWN:
        shown = f"{shown[:LONGEST_SHOWN]}…"
    return ValueError(f"Unable to {verb} `{shown}` as a valid {words}.")


AwsScalar = TextScalar | TimestampScalar | JsonScalar

AWS_SCALARS: Final[Mapping[str, AwsScalar]] = {
    "AWSDate": TextScalar(_is_date, "date"),
    "AWSDateTime": TextScalar(_is_date_time, "DateTime Object"),
    "AWSEmail": TextScalar(_is_email, "AWSEmail"),
    "AWSIPAddress": TextScalar(_is_ip_address, "AWSIPAddress"),
    "AWSJSON": JsonScalar(),
    "AWSPhone": TextScalar(_is_phone, "phone number"),
    "AWSTime": TextScalar(_is_time, "AWSTime"),
    "AWSTimestamp": TimestampScalar(),
    "AWSURL": TextScalar(_is_url, "AWSURL"),
}
