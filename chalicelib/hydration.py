"""What was uploaded for a job, put in its place before the work begins: a workload knows of no bucket."""

from dataclasses import replace

from chalicelib.calls import Dispatch
from chalicelib.errors import WorkloadFailed
from chalicelib.jobs import InferenceRequest, UploadId
from chalicelib.objects import Objects


def hydrated(work: Dispatch, objects: Objects) -> InferenceRequest:
    """The request with everything in it.

    Raises:
        ObjectsUnavailable: Something cannot be read.
        WorkloadFailed: An uploaded prompt is no text to work on.
    """
    request = work.request
    if request.prompt_upload is None:
        return request
    content = objects.read_input(work.owner, work.job_id, request.prompt_upload)
    return replace(request, prompt=_text(content, request.prompt_upload), prompt_upload=None)


def _text(content: bytes, upload_id: UploadId) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise WorkloadFailed(
            f"upload {upload_id} is no UTF-8 text (byte {error.start} fits nowhere); convert it and start again"
        ) from None
    if not text.strip():
        raise WorkloadFailed(f"upload {upload_id} is empty; upload the text to work on and start again")
    return text
