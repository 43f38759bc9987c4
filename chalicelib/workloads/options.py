"""What a caller may send for a model besides a text and limits on costs: names, types and bounds. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from chalicelib.jobs.limits import (
    MAX_IMAGES,
    MAX_PROCESS_TIME,
    MAX_PROMPT,
    MAX_STOP_SEQUENCES,
    MAX_SYSTEM,
    MAX_TEMPERATURE,
    MAX_TOP_P,
)


class Option(StrEnum):
    """An option. The values are the names on the wire."""

    SYSTEM = "system"
    MAX_TOKENS = "maxTokens"
    TEMPERATURE = "temperature"
    PROCESS_TIME = "processTime"
    TOP_P = "topP"
    STOP_SEQUENCES = "stopSequences"
    MESSAGES = "messages"
    IMAGES = "images"


class OptionType(StrEnum):
    """What kind of value an option has. The values are those of the GraphQL enum."""

    INTEGER = "INTEGER"
    NUMBER = "NUMBER"
    TEXT = "TEXT"
    TEXTS = "TEXTS"
    CONVERSATION = "CONVERSATION"
    IMAGES = "IMAGES"


class OptionSpec(Struct, frozen=True):
    """An option as a form shows it.

    Attributes:
        type: What kind of value it has.
        description: One sentence about its effect.
        minimum: The smallest number allowed, or None if there is no lower limit.
        maximum: The largest number, the most bytes of a text or a conversation, or the most items.
    """

    type: OptionType
    description: str
    minimum: float | None = None
    maximum: float | None = None


SPECS: Final[Mapping[Option, OptionSpec]] = {
    Option.MESSAGES: OptionSpec(
        OptionType.CONVERSATION, "A conversation in place of a single text.", maximum=MAX_PROMPT
    ),
    Option.IMAGES: OptionSpec(
        OptionType.IMAGES, "Images in the messages: PNG, JPEG, GIF or WebP.", maximum=MAX_IMAGES
    ),
    Option.SYSTEM: OptionSpec(OptionType.TEXT, "Instructions before the text.", maximum=MAX_SYSTEM),
    Option.MAX_TOKENS: OptionSpec(OptionType.INTEGER, "The largest number of tokens in the answer.", minimum=1),
    Option.TEMPERATURE: OptionSpec(
        OptionType.NUMBER, "Randomness of the answer.", minimum=0, maximum=MAX_TEMPERATURE
    ),
    Option.TOP_P: OptionSpec(
        OptionType.NUMBER, "The probability mass that tokens are sampled from.", minimum=0, maximum=MAX_TOP_P
    ),
    Option.STOP_SEQUENCES: OptionSpec(
        OptionType.TEXTS, "Texts before which the answer ends.", maximum=MAX_STOP_SEQUENCES
    ),
    Option.PROCESS_TIME: OptionSpec(
        OptionType.NUMBER, "How long it takes, in seconds.", minimum=0, maximum=MAX_PROCESS_TIME
    ),
}  # fmt: skip
