"""`update-status`, `user create` and `serve`: commands of an operator or a developer."""

from enum import StrEnum
from typing import Annotated

import typer

from longcall.cli import serving
from longcall.cli.calls import call
from longcall.cli.job_ids import find_job_of_stack
from longcall.cli.options import ApiOptions, JobOption, JsonOption, with_groups
from longcall.models import Status


class OperatorStatus(StrEnum):
    """The statuses that an operator can set; a job is cancelled by its owner."""

    PROCESSING = Status.PROCESSING
    COMPLETED = Status.COMPLETED
    FAILED = Status.FAILED


@with_groups
def update_status(
    *,
    job: JobOption,
    status: Annotated[
        OperatorStatus,
        typer.Argument(
            metavar="STATUS", case_sensitive=False, help="The job's new status: PROCESSING, COMPLETED or FAILED."
        ),
    ],
    result: Annotated[str | None, typer.Option("--result", metavar="JSON", help="With COMPLETED: the result.")] = None,
    error: Annotated[str | None, typer.Option("--error", metavar="TEXT", help="With FAILED: what went wrong.")] = None,
    as_json: JsonOption = False,
    api: ApiOptions,
) -> None:
    """Change a job's status as its operator.

    The request is signed with AWS credentials. On AWS, they are those of this shell, and must allow appsync:GraphQL on
    Mutation.updateStatus.
    """
    from longcall import display
    from longcall.cli.operating import report

    stack, job_id = find_job_of_stack(job, api)

    async def ask() -> None:
        event = await report(stack, job_id, Status(status), result=result, error=error)
        typer.echo(display.json_line(display.wire(event)) if as_json else display.log_row(event))

    call(stack, ask())


@with_groups
def create_user(*, api: ApiOptions) -> None:
    """Create the test user of .env, in place of one with the same name. No mail is sent.

    Reads TEST_USER_EMAIL and TEST_USER_PASSWORD. On AWS, the credentials are those of this shell.
    """
    from longcall.cli.users import create

    typer.echo(f"user {create(api.find())} can sign in")


def serve(context: typer.Context) -> None:
    """Run the whole stack on this machine."""
    serving.replace_process(context)
