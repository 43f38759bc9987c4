"""`run` and `start`: start a job, and follow it or leave it."""

import typer

from longcall.cli.calls import call, follow, open_client
from longcall.cli.options import CallerOptions, InputOptions, JobOptions, JsonOption, VerboseOption, with_groups
from longcall.cli.program import program
from longcall.requests import InferenceRequest, Options, new_request

RUN_EXAMPLES = """\b
Examples:
  longcall run report.txt
  longcall run --model simulated.story --process-time 5 --prompt 'a story'
  longcall run report.txt --prompt 'What does this decide?' --json
  cat notes.txt | longcall run - > summary.txt"""
START_EXAMPLES = "\b\nExample:\n  id=$(longcall start report.txt) && longcall watch $id"


@with_groups
def run(
    *,
    text: InputOptions,
    job: JobOptions,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
    caller: CallerOptions,
) -> None:
    """Start a job, and show it live.

    The result goes to standard output, progress to standard error. Ctrl-C detaches; the job continues.
    """
    request = request_of(text, job)
    follow(caller.choose(), request.job_id, as_json=as_json, verbose=verbose, begin=request)


@with_groups
def start(*, text: InputOptions, job: JobOptions, as_json: JsonOption = False, caller: CallerOptions) -> None:
    """Start a job, print its id, and do not wait for it."""
    request = request_of(text, job)
    chosen = caller.choose()

    async def ask() -> None:
        from longcall import display

        async with open_client(chosen) as client:
            event = await client.start_request(request)
        if as_json:
            typer.echo(display.json_line(display.wire(event)))
        else:
            typer.echo(event.job_id)
            typer.echo(
                f"started on {display.line(event.model)}; follow it with: {program()} watch {event.job_id}",
                err=True,
            )

    call(chosen, ask())


def request_of(text: InputOptions, job: JobOptions) -> InferenceRequest:
    """The request that the options describe, checked.

    Raises:
        InvalidInput: A file cannot be read, or the API would refuse the input.
    """
    from longcall.cli.inputs import compose_text, parse_metadata

    composed = compose_text(text.file, text.prompt, text.messages, text.images)
    return new_request(
        composed,
        Options(
            model=text.model,
            system=text.system,
            max_tokens=text.max_tokens,
            temperature=job.temperature,
            top_p=job.top_p,
            stop_sequences=job.stop or (),
            process_time=text.process_time,
            max_cost=job.max_cost,
            job_id=job.job_id,
            metadata=parse_metadata(job.metadata),
        ),
    )
