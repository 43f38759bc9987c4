"""The options that several commands share, each declared once.

A group of options is a frozen dataclass whose fields are annotated as typer expects it. A command takes a group as one
keyword-only parameter, and `with_groups` turns that parameter into the options of the group.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from longcall.cli.callers import AuthMode, Caller
from longcall.cli.stack import Stack
from longcall.cli.targets import Target, find_target
from longcall.requests import DEFAULT_MODEL

JobOption = Annotated[str, typer.Argument(metavar="ID", help="The job's id, or its first characters.")]
NewestJobOption = Annotated[
    str | None,
    typer.Argument(metavar="ID", help="The job's id, or its first characters.", show_default="the newest job"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line on standard output.")]
VerboseOption = Annotated[
    bool, typer.Option("-v", "--verbose", help="Mark the events that were read from the log, not pushed.")
]
StackOption = Annotated[
    Path | None, typer.Option("--stack", envvar="LONGCALL_STACK", metavar="FILE", help="The stack file of the API.")
]
TargetOption = Annotated[
    Target,
    typer.Option(
        "--target", case_sensitive=False, envvar="LONGCALL_TARGET", help="The local stack, or the deployed one."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """Which API is called."""

    stack: StackOption = None
    target: TargetOption = Target.LOCAL

    def find(self) -> Stack:
        """The API.

        Raises:
            Unreachable: No stack file was found.
            ConfigurationError: The stack file cannot be used.
        """
        return find_target(self.stack, self.target, start=Path.cwd())


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerOptions:
    """Which API is called, and who calls it."""

    stack: StackOption = None
    target: TargetOption = Target.LOCAL
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Who signs in; by default the first.")] = (
        None
    )
    auth: Annotated[
        AuthMode,
        typer.Option("--auth", case_sensitive=False, help="Which authorization mode of the API checks the token."),
    ] = AuthMode.LAMBDA

    def choose(self) -> Caller:
        """The caller.

        Raises:
            Unreachable: No stack file was found.
            ConfigurationError: The stack file cannot be used, or no password is known for the user.
        """
        return Caller.chosen(stack=self.stack, target=self.target, user=self.user, auth=self.auth)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """The input of a job, as far as its price depends on it."""

    file: Annotated[str | None, typer.Argument(metavar="FILE", help="A UTF-8 text, or - for standard input.")] = None
    prompt: Annotated[
        str | None, typer.Option("--prompt", metavar="TEXT", help="The text, or what comes before FILE.")
    ] = None
    messages: Annotated[
        str | None,
        typer.Option("--messages", metavar="FILE", help="A conversation instead: JSON [{role, text}, ...], or -."),
    ] = None
    image: Annotated[
        list[str] | None, typer.Option("--image", metavar="FILE", help="An image to show; may be repeated.")
    ] = None
    model: Annotated[str, typer.Option("--model", help="Which workload runs it.")] = DEFAULT_MODEL
    system: Annotated[str | None, typer.Option("--system", metavar="TEXT", help="Instructions before the prompt.")] = (
        None
    )
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Most tokens of the answer.")] = None
    process_time: Annotated[
        float | None, typer.Option("--process-time", help="Seconds that a simulated model takes.")
    ] = None

    @property
    def images(self) -> Sequence[str]:
        return self.image or ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """Everything else that can be said about a new job."""

    temperature: Annotated[float | None, typer.Option("--temperature", help="Randomness, from 0 to 2.")] = None
    top_p: Annotated[float | None, typer.Option("--top-p", help="Share of the likeliest tokens, from 0 to 1.")] = None
    stop: Annotated[
        list[str] | None, typer.Option("--stop", metavar="TEXT", help="End the answer before it; may be repeated.")
    ] = None
    max_cost: Annotated[float | None, typer.Option("--max-cost", metavar="USD", help="Most that the job may cost.")] = (
        None
    )
    metadata: Annotated[str | None, typer.Option("--metadata", metavar="JSON", help="Returned with every event.")] = (
        None
    )
    job_id: Annotated[
        str | None, typer.Option("--job-id", metavar="UUID", help="The same id twice is the same job.")
    ] = None


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with the options of each group in place of the parameter that takes the group."""
    hints = get_type_hints(command, include_extras=True)
    classes = {name: kind for name, kind in hints.items() if isinstance(kind, type)}
    groups = {name: kind for name, kind in classes.items() if is_dataclass(kind)}
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        if parameter.name in groups:
            parameters += _options(groups[parameter.name])
        else:
            parameters.append(parameter.replace(annotation=hints[parameter.name]))

    @wraps(command)
    def grouped(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        command(**given)

    annotations = {parameter.name: parameter.annotation for parameter in parameters}
    grouped.__annotations__ = annotations | {"return": None}
    grouped.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # the documented way to set it
    return grouped


def _options(group: type[Any]) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
        for field in fields(group)
    ]
