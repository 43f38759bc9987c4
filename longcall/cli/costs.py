"""`cost` and `quote`: what a job cost, and what one would."""

from collections.abc import Sequence

import typer

from longcall.cli.calls import call, open_client
from longcall.cli.exits import Ended, ExitCode
from longcall.cli.options import Auth, JobOption, Json, StackFile, UserName, Where
from longcall.cli.stack import AuthMode, Caller
from longcall.cli.starting import (
    File,
    Images,
    MaxTokens,
    Messages,
    Model,
    ProcessTime,
    Prompt,
    System,
    request_of,
)
from longcall.cli.targets import Target
from longcall.models import Cost, parse_job_id
from longcall.requests import DEFAULT_MODEL, Options

COST_EXAMPLES = """\b
Examples:
  longcall cost 123e4567-e89b-42d3-a456-426614174000
  longcall cost 123e4567-e89b-42d3-a456-426614174000 --json | jq .total"""
QUOTE_EXAMPLES = "\b\nExample:\n  longcall quote report.txt --model us.amazon.nova-pro-v1:0 --max-tokens 1500"


def cost(
    job: JobOption,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Show what a job cost, item by item."""
    job_id = parse_job_id(job)
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        async with open_client(caller) as client:
            view = await client.get(job_id)
        if view.cost is None:
            going = f"the job is {view.status}, and its bill comes with its end; see it with: longcall watch {job_id}"
            before = "the job was ended by a version that made no bills"
            raise Ended(ExitCode.USAGE, before if view.status.is_terminal else going)
        _show(view.cost, as_json=as_json)

    call(caller, ask())


def quote(
    file: File = None,
    prompt: Prompt = None,
    messages: Messages = None,
    image: Images = None,
    model: Model = DEFAULT_MODEL,
    system: System = None,
    max_tokens: MaxTokens = None,
    process_time: ProcessTime = None,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Estimate what a job would cost; none is started.

    The text stays here: only its size is sent.
    """
    texts: tuple[str | None, str | None, str | None, Sequence[str]] = (file, prompt, messages, image or ())
    options = Options(model=model, system=system, max_tokens=max_tokens, process_time=process_time)
    request = request_of(texts, None, options)
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        async with open_client(caller) as client:
            _show(await client.quote_request(request), as_json=as_json)

    call(caller, ask())


def _show(found: Cost, *, as_json: bool) -> None:
    """The table on standard output, what is to be said of it on standard error."""
    from rich.console import Console
    from rich.text import Text

    from longcall import display

    if as_json:
        typer.echo(display.json_line(found.render()))
        return
    console = Console(highlight=False)
    console.print(display.bill(found), soft_wrap=not console.is_terminal)
    for note in display.bill_notes(found):
        Console(stderr=True, highlight=False).print(Text(note, style="dim"), soft_wrap=True)
