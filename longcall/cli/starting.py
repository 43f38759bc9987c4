"""`run` and `start`: from what a person gives to a job."""

from collections.abc import Sequence
from typing import Annotated

import typer

from longcall.cli.calls import call, follow, open_client
from longcall.cli.options import Auth, Json, StackFile, UserName, Where
from longcall.cli.stack import AuthMode, Caller
from longcall.cli.targets import Target
from longcall.requests import DEFAULT_MODEL, InferenceRequest, Options, new_request

File = Annotated[str | None, typer.Argument(metavar="FILE", help="A UTF-8 text, or - for standard input.")]
Prompt = Annotated[str | None, typer.Option("--prompt", metavar="TEXT", help="The text, or what stands before FILE.")]
Model = Annotated[str, typer.Option("--model", help="Which workload runs it.")]
System = Annotated[str | None, typer.Option("--system", metavar="TEXT", help="Instructions before the prompt.")]
Messages = Annotated[
    str | None,
    typer.Option("--messages", metavar="FILE", help="A conversation instead: JSON [{role, text}, ...], or -."),
]
Images = Annotated[list[str] | None, typer.Option("--image", metavar="FILE", help="An image to show; may be repeated.")]
MaxTokens = Annotated[int | None, typer.Option("--max-tokens", help="Most tokens of the answer.")]
Temperature = Annotated[float | None, typer.Option("--temperature", help="Randomness, from 0 to 2.")]
TopP = Annotated[float | None, typer.Option("--top-p", help="Share of the likeliest tokens, from 0 to 1.")]
Stops = Annotated[list[str] | None, typer.Option("--stop", metavar="TEXT", help="End before it; may be repeated.")]
MaxCost = Annotated[float | None, typer.Option("--max-cost", metavar="USD", help="Most that the job may cost.")]
ProcessTime = Annotated[float | None, typer.Option("--process-time", help="Seconds that a simulated model takes.")]
Metadata = Annotated[str | None, typer.Option("--metadata", metavar="JSON", help="Comes back with every event.")]
OwnId = Annotated[str | None, typer.Option("--job-id", metavar="UUID", help="The same id twice is the same job.")]

RUN_EXAMPLES = """\b
Examples:
  longcall run report.txt
  longcall run --model simulated.story --process-time 5 --prompt 'a story'
  longcall run report.txt --prompt 'What does this decide?' --json
  cat notes.txt | longcall run - > summary.txt"""
START_EXAMPLES = "\b\nExample:\n  id=$(longcall start report.txt) && longcall watch $id"


def run(
    file: File = None,
    prompt: Prompt = None,
    messages: Messages = None,
    image: Images = None,
    model: Model = DEFAULT_MODEL,
    system: System = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    stop: Stops = None,
    process_time: ProcessTime = None,
    max_cost: MaxCost = None,
    metadata: Metadata = None,
    job_id: OwnId = None,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Start a job, and show it live.

    The result goes to standard output, what happens on the way to standard error. Ctrl-C detaches; the job goes on.
    """
    options = Options(
        model=model, system=system, max_tokens=max_tokens, temperature=temperature, top_p=top_p,
        stop_sequences=stop or (), process_time=process_time, max_cost=max_cost, job_id=job_id,
    )  # fmt: skip
    request = request_of((file, prompt, messages, image or ()), metadata, options)
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)
    follow(caller, request.job_id, as_json=as_json, begin=request)


def start(
    file: File = None,
    prompt: Prompt = None,
    messages: Messages = None,
    image: Images = None,
    model: Model = DEFAULT_MODEL,
    system: System = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    stop: Stops = None,
    process_time: ProcessTime = None,
    max_cost: MaxCost = None,
    metadata: Metadata = None,
    job_id: OwnId = None,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Start a job, print its id, and leave it to itself."""
    options = Options(
        model=model, system=system, max_tokens=max_tokens, temperature=temperature, top_p=top_p,
        stop_sequences=stop or (), process_time=process_time, max_cost=max_cost, job_id=job_id,
    )  # fmt: skip
    request = request_of((file, prompt, messages, image or ()), metadata, options)
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        from longcall import display

        async with open_client(caller) as client:
            event = await client.start_request(request)
        if as_json:
            typer.echo(display.json_line(display.wire(event)))
        else:
            typer.echo(event.job_id)
            typer.echo(
                f"started on {display.line(event.model)}; follow it with: longcall watch {event.job_id}", err=True
            )

    call(caller, ask())


def request_of(
    text: tuple[str | None, str | None, str | None, Sequence[str]], metadata: str | None, options: Options
) -> InferenceRequest:
    """The request for what a person gave: file, prompt, messages and images; checked.

    Raises:
        InvalidInput
    """
    from longcall.cli.inputs import compose_text, parse_metadata

    options["metadata"] = parse_metadata(metadata)
    return new_request(compose_text(*text), options)
