"""The event that invokes a worker. The relay writes it; the worker and the failure handler read it. Pure."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from chalicelib.jobs.model import Image, InferenceRequest, JobId, Json, Message, Owner, Role

Payload = Mapping[str, Any]


class Dispatch(Struct, frozen=True):
    """The event of an `inference` invocation. `continues` is the attempt that handed over, 0 for a first event."""

    job_id: JobId
    request: InferenceRequest
    owner: Owner
    continues: int = 0


def render_dispatch(dispatch: Dispatch) -> dict[str, Json]:
    """The event of an `inference` invocation; `parse_dispatch` reads it."""
    request = dispatch.request
    return {
        "jobId": dispatch.job_id,
        "owner": dispatch.owner,
        "continues": dispatch.continues,
        "request": {
            "prompt": request.prompt,
            "model": request.model,
            "system": request.system,
            "maxTokens": request.max_tokens,
            "temperature": request.temperature,
            "processTime": request.process_time,
            "topP": request.top_p,
            "stopSequences": list(request.stop_sequences),
            "maxCost": request.max_cost,
            "messages": [_render_message(message) for message in request.messages],
            "promptUpload": request.prompt_upload,
        },
    }


def parse_dispatch(payload: Payload) -> Dispatch:
    """Parse the event of an `inference` invocation. Fields that this version does not know are ignored."""
    request = payload["request"]
    return Dispatch(
        job_id=JobId(payload["jobId"]),
        owner=Owner(payload.get("owner") or ""),  # absent in events written before uploads existed
        request=InferenceRequest(
            prompt=request["prompt"],
            model=request["model"],
            system=request.get("system"),
            max_tokens=request.get("maxTokens"),
            temperature=request.get("temperature"),
            process_time=request.get("processTime"),
            top_p=request.get("topP"),
            stop_sequences=tuple(request.get("stopSequences") or ()),
            max_cost=request.get("maxCost"),
            messages=tuple(_message(turn) for turn in request.get("messages") or ()),
            prompt_upload=request.get("promptUpload"),
        ),
        continues=payload.get("continues") or 0,
    )


def _render_message(message: Message) -> dict[str, Json]:
    turn: dict[str, Json] = {"role": message.role.value, "text": message.text}
    return turn | ({"images": [image.upload for image in message.images]} if message.images else {})


def _message(turn: Payload) -> Message:
    return Message(Role(turn["role"]), turn["text"], tuple(Image(image) for image in turn.get("images") or ()))
