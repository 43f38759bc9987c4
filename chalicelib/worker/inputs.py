"""Reads the uploads of a job before the work begins, so that workloads do not need the bucket."""

from collections.abc import Mapping

from msgspec.structs import replace

from chalicelib.jobs.dispatch import Dispatch
from chalicelib.jobs.errors import WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Message, UploadId
from chalicelib.objects import Objects


def with_uploads(work: Dispatch, objects: Objects) -> InferenceRequest:
    """The request with the content of its uploads.

    Raises:
        ObjectsUnavailable: An upload cannot be read.
        WorkloadFailed: An uploaded prompt is not UTF-8 text, or is empty.
    """
    request = work.request
    if not request.uploads:
        return request
    contents = {upload: objects.read_input(work.owner, work.job_id, upload) for upload in request.uploads}
    if request.prompt_upload is not None:
        prompt = _text(contents[request.prompt_upload], request.prompt_upload)
        request = replace(request, prompt=prompt, prompt_upload=None)
    return replace(request, messages=tuple(_with_images(message, contents) for message in request.messages))


def _with_images(message: Message, contents: Mapping[UploadId, bytes]) -> Message:
    return replace(message, images=tuple(replace(image, content=contents[image.upload]) for image in message.images))


def _text(content: bytes, upload_id: UploadId) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise WorkloadFailed(
            f"upload {upload_id} is not UTF-8 text: invalid byte at offset {error.start}; convert it and start again"
        ) from None
    if not text.strip():
        raise WorkloadFailed(f"upload {upload_id} is empty; upload the text to work on and start again")
    return text
