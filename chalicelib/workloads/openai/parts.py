"""The text, the reasoning and the refusal in a message or a delta, whatever form a server gives them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from chalicelib.jobs.model import Json

# Fields with reasoning, which OpenAI's protocol lacks: of llama.cpp, vLLM and DeepSeek; of Ollama and others.
REASONING_FIELDS: Final = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
REASONING_PARTS: Final = ("thinking", "reasoning", "redacted_thinking", "reasoning_content")
TEXT_FIELDS: Final = ("text", "content", "value")
DEPTH: Final = 4  # parts in parts


class NotText(Exception):
    """The content is not text, and none of its parts has text."""


class Parts(Struct, frozen=True):
    """What one message or delta adds."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""


def parts_of(delta: Mapping[str, Json]) -> Parts:
    """Read a message or a delta. Fields that are not about text are ignored.

    Raises:
        NotText: The content is a number, for example, or a list with an image.
    """
    text, thoughts, refused = list[str](), list[str](), list[str]()
    for kind, piece in _content(delta.get("content"), DEPTH):
        {"text": text, "reasoning": thoughts, "refusal": refused}[kind].append(piece)
    fields = ("".join(_texts(delta.get(name), DEPTH)) for name in REASONING_FIELDS)
    thoughts.append(next((it for it in fields if it), ""))  # some servers send the same under two names
    refused += _texts(delta.get("refusal"), DEPTH)
    return Parts("".join(text), "".join(thoughts), "".join(refused))


def _content(value: Json, depth: int) -> Iterator[tuple[str, str]]:
    """The pieces of a content, each with its kind."""
    if value is None or isinstance(value, str):
        yield "text", value or ""
    elif isinstance(value, list) and depth:
        for part in value:
            yield from _content(part, depth - 1)
    elif isinstance(value, Mapping) and depth:
        yield from _part(value, depth)
    else:
        raise NotText


def _part(part: Mapping[str, Json], depth: int) -> Iterator[tuple[str, str]]:
    kind = part.get("type")
    if isinstance(kind, str) and kind in REASONING_PARTS:
        yield "reasoning", "".join(it for name in (kind, *TEXT_FIELDS) for it in _texts(part.get(name), depth - 1))
    elif kind == "refusal":
        yield "refusal", "".join(_texts(part.get("refusal"), depth - 1))
    elif found := [name for name in TEXT_FIELDS if name in part]:
        yield from _content(part[found[0]], depth - 1)
    elif part:
        raise NotText


def _texts(value: Json, depth: int) -> Iterator[str]:
    """All texts in a value. Empty if it has no text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        yield from (it for entry in value for it in _texts(entry, depth - 1))
    elif isinstance(value, Mapping) and depth:
        yield from (it for name in TEXT_FIELDS for it in _texts(value.get(name), depth - 1))
