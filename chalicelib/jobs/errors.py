"""The errors of the handlers.

JobError
├── MissingSettings      absent or invalid environment variables, all of them at once
├── InvalidRequest       the caller's input
├── Unauthorized         this caller may not use this field
├── JobIdTaken           the id belongs to a job with other input, or of another owner
├── JobNotFound          no such job for this caller
├── JobUnfinished        a job that has not ended cannot be deleted
├── QuotaExceeded        too many unfinished jobs
├── LedgerUnavailable    the job log cannot be reached at the moment
├── InternalError        anything that is not an error of the contract; `error_id` finds it in the log
├── InvalidTransition    both statuses
├── TokenRejected        `reason`, an enum
├── ObjectsUnavailable   an input or a result could not be read or stored
│   └── NoBucket         the stage has no bucket
├── WorkloadFailed       the workload's own failure, in words for a person
│   ├── OutOfTime        its deadline passed
│   └── BudgetExceeded   it reached its `maxCost` or `maxTokens`
└── PublishFailed        AppSync stayed unreachable, or
    └── UpdateRefused    answered with an error; `error_type`

The name of a class is the `errorType` that a GraphQL caller sees.
"""

from collections.abc import Sequence
from enum import Enum, StrEnum


class ErrorType(StrEnum):
    """Why a job FAILED. The values are those of the GraphQL enum."""

    WORKLOAD_FAILED = "WORKLOAD_FAILED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    MODEL_THROTTLED = "MODEL_THROTTLED"
    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    MODEL_ACCESS_DENIED = "MODEL_ACCESS_DENIED"
    MODEL_REJECTED_INPUT = "MODEL_REJECTED_INPUT"
    CONTEXT_TOO_LONG = "CONTEXT_TOO_LONG"
    GUARDRAIL_INTERVENED = "GUARDRAIL_INTERVENED"
    MODEL_FAILED = "MODEL_FAILED"
    MODEL_TIMED_OUT = "MODEL_TIMED_OUT"
    NEVER_STARTED = "NEVER_STARTED"
    CRASHED = "CRASHED"
    TIMED_OUT = "TIMED_OUT"
    THROTTLED = "THROTTLED"
    STALLED = "STALLED"
    OPERATOR = "OPERATOR"


class JobError(Exception):
    """The root of all errors that this package raises on purpose."""


class MissingSettings(JobError):
    """Environment variables that are absent or invalid. `problems` has one phrase for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"the environment does not fit this handler: {'; '.join(self.problems)}")


class InvalidRequest(JobError):
    """The caller's input is not valid for the field. The message says what is valid."""


class Unauthorized(JobError):
    """The caller is known, but may not use this field."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"not authorized to use {field}")


class JobIdTaken(JobError):
    """The id is in use. The message is the same for other input and for another owner's job."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"jobId {job_id} is taken by another job; choose a new UUID")


class JobNotFound(JobError):
    """The caller has no such job. It is also the answer for another caller's job."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"no job {job_id} was found; it never existed, or it has expired")


class JobUnfinished(JobError):
    """Only a job that has ended can be deleted."""

    def __init__(self, job_id: str, status: str) -> None:
        self.job_id = job_id
        self.status = status
        super().__init__(f"job {job_id} is {status}, and only a job that has ended can be deleted; cancel it first")


class QuotaExceeded(JobError):
    """The owner has as many unfinished jobs as the stage allows."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"{limit} of your jobs are unfinished, which is the most allowed; wait for one to end, or cancel one"
        )


class LedgerUnavailable(JobError):
    """The job log cannot be reached, or refuses for want of capacity. The same request may succeed later."""

    def __init__(self) -> None:
        super().__init__("the job log cannot be reached at the moment; try again in a few seconds")


class InternalError(JobError):
    """An error that no caller can do anything about. The log has its cause, under `error_id`."""

    def __init__(self, error_id: str) -> None:
        self.error_id = error_id
        super().__init__(f"an internal error occurred; report it with the id {error_id}, which is also in the log")


class InvalidTransition(JobError):
    """A status that cannot follow the current one."""

    def __init__(self, current: str, requested: str) -> None:
        self.current = current
        self.requested = requested
        super().__init__(f"a job that is {current} cannot become {requested}")


class TokenRejection(Enum):
    """Why a token was refused. It is logged, and never sent to the caller."""

    MALFORMED = "malformed"  # no JWT, or one without a key id
    ALGORITHM = "algorithm"  # anything but RS256
    UNKNOWN_KEY = "unknown_key"  # not signed by a published key of the issuer
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ISSUER = "issuer"
    AUDIENCE = "audience"  # another client's token
    TOKEN_USE = "token_use"  # noqa: S105  # neither an access nor an ID token
    CLAIMS = "claims"  # a required claim is missing or of the wrong type
    KEYS_UNAVAILABLE = "keys_unavailable"  # the issuer's keys could not be fetched


class TokenRejected(JobError):
    """A bearer token that is not valid."""

    def __init__(self, reason: TokenRejection) -> None:
        self.reason = reason
        super().__init__(f"token rejected: {reason.value}")


class ObjectsUnavailable(JobError):
    """Content in the bucket could not be read or stored. The message is shown to the job's owner."""


class NoBucket(ObjectsUnavailable):
    """This stage has no bucket."""

    def __init__(self) -> None:
        super().__init__(
            "this stage has no bucket for large inputs and results; send and ask for less, or have its operator set "
            "LONGCALL_BUCKET"
        )


class WorkloadFailed(JobError):
    """The workload failed. The message and `error_type` are shown to the job's owner."""

    error_type: ErrorType = ErrorType.WORKLOAD_FAILED

    def __init__(self, message: str, error_type: ErrorType = ErrorType.WORKLOAD_FAILED) -> None:
        self.error_type = error_type
        super().__init__(message)


class OutOfTime(WorkloadFailed):
    """The workload's deadline passed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"the work did not finish within the {seconds:.0f} seconds it had; "
            "give it less to do, or raise the function's time-out",
            ErrorType.DEADLINE_EXCEEDED,
        )


class BudgetExceeded(WorkloadFailed):
    """The work reached a limit that its owner set. `reached` names it, such as `maxTokens of 500`."""

    def __init__(self, reached: str, advice: str) -> None:
        self.reached = reached
        super().__init__(
            f"the job was stopped at its {reached}; the output up to there is kept; {advice}",
            ErrorType.BUDGET_EXCEEDED,
        )

    @classmethod
    def at_tokens(cls, most: int) -> "BudgetExceeded":
        """A model stopped at its maximum number of tokens."""
        return cls(f"maxTokens of {most}", "raise maxTokens for a longer answer, or ask for a shorter one")

    @classmethod
    def at_cost(cls, most: float, spent: float) -> "BudgetExceeded":
        """A job has cost `spent` US dollars."""
        return cls(
            f"maxCost of {dollars(most)} US dollars, having cost {dollars(spent)}",
            "raise maxCost, or use a cheaper model, a shorter text or fewer maxTokens",
        )

    @classmethod
    def before_reading(cls, most: float, needed: float) -> "BudgetExceeded":
        """Only reading the text would bring the job's cost to `needed` US dollars."""
        return cls(
            f"maxCost of {dollars(most)} US dollars before the text was sent to the model, since reading it would "
            f"bring the cost to {dollars(needed)}",
            "raise maxCost, or use a cheaper model or a shorter text",
        )


def dollars(amount: float) -> str:
    """An amount in US dollars, with enough digits for jobs that cost less than a cent."""
    return f"{amount:.6f}".rstrip("0").rstrip(".") if amount >= 0.000001 or amount == 0 else f"{amount:.2g}"


class PublishFailed(JobError):
    """An update could not be delivered to AppSync. The worker still has to send it."""


class UpdateRefused(PublishFailed):
    """AppSync or the relay refused the update, so sending it again does not help."""

    def __init__(self, error_type: str, message: str) -> None:
        self.error_type = error_type
        super().__init__(message)
