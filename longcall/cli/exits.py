"""How a command ends: its exit code, and the exit code of each error."""

from enum import IntEnum

from longcall.errors import (
    ConfigurationError,
    InvalidInput,
    JobNotFound,
    LongcallError,
    NotAuthorized,
    RequestRejected,
    SignInFailed,
)


class ExitCode(IntEnum):
    """What a script can learn from the end of a command."""

    OK = 0  # done; for run and watch: the job COMPLETED
    JOB_FAILED = 1  # the job ended as FAILED or CANCELLED
    USAGE = 2  # the command or its input cannot be used; nothing was started
    UNREACHABLE = 3  # no API, or no usable answer from it
    REFUSED = 4  # the API or the user pool refused
    NOT_FOUND = 5  # no such job for this user
    INTERRUPTED = 130  # Ctrl-C; a job that was started continues
    OUTPUT_CLOSED = 141  # the reader of standard output closed the pipe


def exit_code(error: LongcallError) -> ExitCode:
    """The exit code of a command that ends with this error."""
    match error:
        case InvalidInput() | ConfigurationError() | RequestRejected(error_type="InvalidRequest"):
            return ExitCode.USAGE
        case JobNotFound():
            return ExitCode.NOT_FOUND
        case NotAuthorized() | SignInFailed() | RequestRejected():
            return ExitCode.REFUSED
        case _:
            return ExitCode.UNREACHABLE


class CommandEnded(Exception):
    """Ends a command with this exit code. `sentence`, if given, is printed on standard error."""

    def __init__(self, code: ExitCode, sentence: str | None = None) -> None:
        self.code = code
        self.sentence = sentence
        super().__init__(sentence or code.name)
