"""The calls of the relay: one record for each field, and who makes the call."""

from enum import StrEnum

from msgspec import Struct

from chalicelib.jobs.model import DispatchNext, InferenceRequest, JobId, Json, Owner, Redispatch, Status, StatusUpdate


class Caller(Struct, frozen=True):
    """A signed-in person or program; owns the jobs it starts."""

    owner: Owner


class Reporting(StrEnum):
    """How the worker proves that it is the backend."""

    SIGNATURE = "SIGNATURE"  # by its role
    # By a key of the API, which callers do not have. It opens the worker's two fields only, and is valid for a year
    # from the deployment. AppSync then sends no identity.
    API_KEY = "API_KEY"


class Backend(Struct, frozen=True):
    """A program with AWS credentials, such as the worker, or with the API's key. With the key, `arn` is None."""

    arn: str | None


class StartInference(Struct, frozen=True):
    job_id: JobId
    request: InferenceRequest
    metadata: Json


class ListModels(Struct, frozen=True):
    pass


class QuoteInference(Struct, frozen=True):
    model: str
    text_bytes: int  # of UTF-8 that the model reads
    max_tokens: int | None
    process_time: float | None  # seconds


class CreateUpload(Struct, frozen=True):
    size: int  # bytes
    sha256: str  # in hex


class GetInference(Struct, frozen=True):
    job_id: JobId
    with_output: bool  # reads the whole log, so it is set only if the field is selected
    with_url: bool = False  # anyone with the URL can read the result, so it is made only if it is selected


class ListInferences(Struct, frozen=True):
    status: Status | None
    limit: int
    next_token: str | None


class InferenceEvents(Struct, frozen=True):
    job_id: JobId
    after: int
    limit: int


class CancelInference(Struct, frozen=True):
    job_id: JobId


class DeleteInference(Struct, frozen=True):
    job_id: JobId


class UpdateStatus(Struct, frozen=True):
    update: StatusUpdate


class DispatchInference(Struct, frozen=True):
    request: Redispatch | DispatchNext


Call = (
    StartInference
    | ListModels
    | QuoteInference
    | CreateUpload
    | GetInference
    | ListInferences
    | InferenceEvents
    | CancelInference
    | DeleteInference
    | UpdateStatus
    | DispatchInference
)
