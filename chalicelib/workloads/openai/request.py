"""A job's request as the body of a chat completion.

Source: OpenAI API Reference, "Create chat completion".
"""

import base64
from collections.abc import Iterator
from typing import Any, Final

from chalicelib.jobs.model import Image, InferenceRequest, Message, Role
from chalicelib.workloads.images import format_of

PREFIX: Final = "openai/"
ROLES: Final = {Role.USER: "user", Role.ASSISTANT: "assistant"}


def chat_arguments(request: InferenceRequest, *, limit: str) -> dict[str, Any]:
    """The body of the call. Options that the caller left out are left to the server.

    Args:
        request: Of the job.
        limit: The server's name for the option with the maximum number of tokens.

    Raises:
        WorkloadFailed: An image is in an unknown format.
    """
    system = [{"role": "system", "content": request.system}] if request.system and request.system.strip() else []
    arguments: dict[str, Any] = {
        "model": request.model.removeprefix(PREFIX),
        "messages": [*system, *(_message(message) for message in request.conversation)],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    optional = {
        limit: request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop_sequences) or None,
    }
    return arguments | {name: value for name, value in optional.items() if value is not None}


def _message(message: Message) -> dict[str, Any]:
    """One turn, as plain text if it has no images, since some servers accept nothing else."""
    content = list(_parts(message)) if message.images else message.text
    return {"role": ROLES[message.role], "content": content}


def _parts(message: Message) -> Iterator[dict[str, Any]]:
    for image in message.images:
        yield {"type": "image_url", "image_url": {"url": _data_url(image)}}
    if message.text:
        yield {"type": "text", "text": message.text}


def _data_url(image: Image) -> str:
    """Source: RFC 2397."""
    encoded = base64.b64encode(image.content).decode("ascii")
    return f"data:image/{format_of(image)};base64,{encoded}"
