"""The input of a command, read and checked before anything is sent."""

import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from longcall.errors import InvalidInput
from longcall.models import Json
from longcall.requests import UPLOAD_LIMIT, Message, Role

STANDARD_INPUT: Final = "-"


def compose_text(
    file: str | None, prompt: str | None, messages: str | None, images: Sequence[str] = ()
) -> str | list[Message]:
    """The text of a job: file, prompt and images, or else a conversation.

    Raises:
        InvalidInput: The text is missing or given twice, or a file cannot be used.
    """
    if messages is not None:
        if file is not None or prompt is not None or images:
            raise InvalidInput(
                "--messages is the whole text; leave out FILE, --prompt and --image, or put them into the messages"
            )
        return parse_messages(read_text(messages))
    if images:
        text = "" if file is None and prompt is None else compose_prompt(file, prompt)
        return [Message(Role.USER, text, tuple(map(read_image, images)))]
    return compose_prompt(file, prompt)


def parse_messages(text: str) -> list[Message]:
    """Parse a conversation from JSON.

    Raises:
        InvalidInput: The text is not JSON, or not a list of messages.
    """
    try:
        match json.loads(text):
            case [_, *_] as turns:
                return [_parse_turn(turn) for turn in turns]
            case _:
                raise ValueError("not a list of messages")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InvalidInput(
            """the messages are not a conversation; write them like [{"role": "USER", "text": "Who wrote Hamlet?"}]"""
        ) from None


def _parse_turn(turn: Any) -> Message:
    images = tuple(_image(image + "") for image in turn.get("images", []))
    return Message(Role(turn["role"].upper()), turn["text"] + "", images)


def _image(text: str) -> str | bytes:
    """The id of an upload unchanged, or else the content of the file with this name."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return read_image(text)


def compose_prompt(file: str | None, prompt: str | None) -> str:
    """The prompt, the file, or the prompt, a blank line and the file.

    Raises:
        InvalidInput: Neither is given, or the file cannot be used.
    """
    if file is None and prompt is None:
        raise InvalidInput("there is nothing to work on; give a FILE, --prompt TEXT, or - to read standard input")
    parts = [prompt] if prompt is not None else []
    if file is not None:
        parts.append(read_text(file))
    return "\n\n".join(parts)


def read_text(file: str) -> str:
    """Read a UTF-8 text from a file or from standard input, without its byte order mark.

    Raises:
        InvalidInput: The file cannot be read, is too large, or is not UTF-8 text.
    """
    if not file:
        raise InvalidInput("the name of the file is empty; give the path of a text file, or - for standard input")
    name = "standard input" if file == STANDARD_INPUT else file
    content = _content(file, name, "text file", or_else=", or - for standard input")
    if len(content) > UPLOAD_LIMIT + 3:
        raise InvalidInput(f"{name} has more than {UPLOAD_LIMIT} bytes, which is the most allowed; shorten or split it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput(
            f"{name} is not UTF-8 text: invalid byte at offset {exc.start}. Convert it to UTF-8, or give a text file"
        ) from None


def read_image(file: str) -> bytes:
    """Read an image of any format.

    Raises:
        InvalidInput: The file cannot be read, is empty, or is too large.
    """
    content = _content(file, file or "an image without a name", "PNG, JPEG, GIF or WebP image")
    if not content:
        raise InvalidInput(f"{file} is empty; give an image")
    if len(content) > UPLOAD_LIMIT:
        raise InvalidInput(
            f"{file} has more than {UPLOAD_LIMIT} bytes, which is the most allowed; give a smaller image"
        )
    return content


def _content(file: str, name: str, kind: str, *, or_else: str = "") -> bytes:
    try:
        return _read(file)
    except FileNotFoundError:
        raise InvalidInput(f"no file {name} was found; give the path of a {kind}{or_else}") from None
    except IsADirectoryError:
        raise InvalidInput(f"{name} is a folder; give the path of a {kind}") from None
    except OSError as exc:
        raise InvalidInput(f"{name} cannot be read ({exc.strerror}); give a {kind} that you may read") from None


def _read(file: str) -> bytes:
    most = UPLOAD_LIMIT + 4  # the limit, a byte order mark and one byte more, which is enough to refuse the file
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read(most)
    with Path(file).open("rb") as opened:
        return opened.read(most)


def parse_metadata(text: str | None) -> Json:
    """Parse the value of --metadata.

    Raises:
        InvalidInput: The text is not JSON.
    """
    if text is None:
        return None
    try:
        value: Json = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidInput("""--metadata is not JSON; write it like --metadata '{"customer": 7}'""") from None
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
