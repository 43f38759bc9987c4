"""What callers and the backend ask of the relay, and what the relay asks of a worker."""

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
    # By a key of the API, which callers do not have: good for the worker's two fields alone, valid for a year from the
    # deployment. AppSync tells of no identity then.
    API_KEY = "API_KEY"


@dataclass(frozen=True, slots=True)
class Backend:
    """Something with AWS credentials, such as the worker, or with the API's key; then it has no `arn`."""

    arn: str | None


@dataclass(frozen=True, slots=True)
class StartInference:
    job_id: JobId
    request: InferenceRequest
    metadata: Json


@dataclass(frozen=True, slots=True)
class QuoteInference:
    model: str
    text_bytes: int  # that the model reads, of UTF-8
    max_tokens: int | None
    process_time: float | None  # seconds


@dataclass(frozen=True, slots=True)
class CreateUpload:
    size: int  # bytes
    sha256: str  # in hex


@dataclass(frozen=True, slots=True)
class GetInference:
    job_id: JobId
    with_output: bool  # reading the whole output costs a read of the log, so only where it is selected
    with_url: bool = False  # whoever has it can read the result, so it is made only where it is selected


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
