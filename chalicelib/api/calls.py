"""The calls of the relay: one record for each field, and who makes the call."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.jobs.model import DispatchNext, InferenceRequest, JobId, Json, Owner, Redispatch, Status, StatusUpdate


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person or program; owns the jobs it starts."""

    owner: Owner


class Reporting(StrEnum):
    """How the worker proves that it is the backend."""

    SIGNATURE = "SIGNATURE"  # by its role
    # By a key of the API, which callers do not have. It opens the worker's two fields only, and is valid for a year
    # from the deployment. AppSync then sends no identity.
    API_KEY = "API_KEY"


@dataclass(frozen=True, slots=True)
class Backend:
    """A program with AWS credentials, such as the worker, or with the API's key. With the key, `arn` is None."""

    arn: str | None


@dataclass(frozen=True, slots=True)
class StartInference:
    job_id: JobId
    request: InferenceRequest
    metadata: Json


@dataclass(frozen=True, slots=True)
class ListModels:
    pass


@dataclass(frozen=True, slots=True)
class QuoteInference:
    model: str
    text_bytes: int  # of UTF-8 that the model reads
    max_tokens: int | None
    process_time: float | None  # seconds


@dataclass(frozen=True, slots=True)
class CreateUpload:
    size: int  # bytes
    sha256: str  # in hex


@dataclass(frozen=True, slots=True)
class GetInference:
    job_id: JobId
    with_output: bool  # reads the whole log, so it is set only if the field is selected
    with_url: bool = False  # anyone with the URL can read the result, so it is made only if it is selected


@dataclass(frozen=True, slots=True)
class ListInferences:
    status: Status | None
    limit: int
    next_token: str | None


@dataclass(frozen=True, slots=True)
class InferenceEvents:
    job_id: JobId
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class CancelInference:
    job_id: JobId


@dataclass(frozen=True, slots=True)
class DeleteInference:
    job_id: JobId


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    update: StatusUpdate


@dataclass(frozen=True, slots=True)
class DispatchInference:
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
