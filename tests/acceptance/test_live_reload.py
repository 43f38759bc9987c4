"""`longcall serve --watch`: reloads changed code while a job runs and is watched."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from longcall import LambdaToken, Status
from longcall.listening import Link
from tests.acceptance.checkout import Checkout, ask, client, sign_in
from tests.acceptance.stack import READY, wait_until

UNKNOWN = "00000000-0000-4000-8000-000000000000"
QUERY = f'{{ inferenceEvents(jobId: "{UNKNOWN}") {{ jobId }} }}'
FIELDS = '{ __type(name: "Query") { fields { name } } }'
MISSING = "never existed"  # part of the message of JobNotFound


async def until(holds: Callable[[], bool]) -> None:
    """Call `wait_until` in a thread, so that this event loop continues."""
    await asyncio.to_thread(wait_until, holds, READY)


async def test_schema_and_handlers_are_reloaded_while_a_job_is_watched_and_mistakes_are_not(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    with checkout.running("--watch") as stack:
        headers = await LambdaToken(sign_in(stack)).headers()
        links: list[Link] = []
        statuses: list[Status | str] = []

        async def follow() -> None:
            async with client(stack, links.append) as watching:
                async for view in watching.run("a story", model="simulated.story", process_time=6.0):
                    statuses.append(view.status)  # noqa: PERF401  # one by one, as they come

        following = asyncio.create_task(follow())
        await until(lambda: Status.PROCESSING in statuses)

        # A new field of the schema can be queried.
        checkout.change("graphql/schema.graphql", "type Query {", "type Query {\n  brandNew: String @aws_lambda")
        await until(lambda: "brandNew" in str(ask(stack, headers, FIELDS)))

        # A handler answers with its new code.
        assert MISSING in str(ask(stack, headers, QUERY))
        checkout.change("chalicelib/jobs/errors.py", MISSING, "is unknown to this stage")
        await until(lambda: "is unknown to this stage" in str(ask(stack, headers, QUERY)))

        # A mistake is reported and the previous version is still served.
        checkout.change("chalicelib/jobs/errors.py", "class JobError(", "class JobError((")
        await until(
            lambda: "chalicelib/jobs/errors.py cannot be used; the previous version is still served" in checkout.output
        )
        checkout.change("graphql/schema.graphql", "type Query {", "type Query {{")
        await until(lambda: "graphql/schema.graphql cannot be used" in checkout.output)
        assert "is unknown to this stage" in str(ask(stack, headers, QUERY))
        assert "brandNew" in str(ask(stack, headers, FIELDS))

        await following
        assert statuses[-1] is Status.COMPLETED
        assert Link.LOST not in links
    assert "Traceback" not in checkout.output


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("app.py", "import os\n", "import os\nimport nothing_of_the_kind\n", "app.py:7: ModuleNotFoundError: "),
        ("graphql/schema.graphql", "@aws_iam", "@aws_imm", "Unknown directive '@aws_imm'. Did you mean @aws_iam?"),
        (
            "infrastructure/api.py", 'PipelineFunction("open"', 'PipelineFunction("opn"',
            "uses pipeline function open, which is not defined; did you mean opn?",
        ),
    ],
)  # fmt: skip
def test_mistake_at_the_start_is_reported_on_one_screen_with_file_and_line(
    tmp_path: Path, file: str, old: str, new: str, sentence: str
) -> None:
    checkout = Checkout(tmp_path)
    checkout.change(file, old, new)

    code = checkout.serve("--once").wait(READY)

    assert code == 3
    assert sentence in checkout.output
    assert f"{file.rpartition('/')[2]}:" in checkout.output
    assert "Traceback" not in checkout.output
    assert len(checkout.output.splitlines()) < 10
