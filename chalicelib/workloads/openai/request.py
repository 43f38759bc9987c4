"""What a job asks for, in the shapes of a chat completion.

Source: OpenAI API Reference, "Create chat completion".
"""

import base64
from collections.abc import Iterator
from typing import Any, Final

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.jobs.model import Image, InferenceRequest, Message, Role
from chalicelib.workloads.images import image_format

PREFIX: Final = "openai/"
ROLES: Final = {Role.USER: "user", Role.ASSISTANT: "assistant"}


def chat_arguments(request: InferenceRequest, *, limit: str) -> dict[str, Any]:
    """The body of the call; what the caller left out is left to the server.

    Args:
        request: What the job asks for.
        limit: What the server calls the most tokens of an answer.

    Raises:
        WorkloadFailed: An image is none.
    """
    system = [{"role": "system", "content": request.system}] if request.system else []
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
    """One turn; as plain text wherever it is, since some servers know nothing else."""
    content = list(_parts(message)) if message.images else message.text
    return {"role": ROLES[message.role], "content": content}


def _parts(message: Message) -> Iterator[dict[str, Any]]:
    for image in message.images:
        yield {"type": "image_url", "image_url": {"url": _data_url(image)}}
    if message.text:
        yield {"type": "text", "text": message.text}


def _data_url(image: Image) -> str:
    """Source: RFC 2397."""
    kind = image_format(image.content)
    if kind is None:
        raise WorkloadFailed(
            f"image {image.upload} is no PNG, JPEG, GIF or WebP, by its first bytes; convert it to one of them and "
            "upload it again",
            ErrorType.MODEL_REJECTED_INPUT,
        )
    return f"data:image/{kind};base64,{base64.b64encode(image.content).decode('ascii')}"
