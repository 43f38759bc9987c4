"""What handlers print and log, as the developer sees it."""

import logging
from collections.abc import Callable

import pytest

from appsync_local.errors import FunctionFailed
from appsync_local.functions.spec import FunctionSpec
from tests.unit.appsync_local.functions.conftest import StartRuntime

WriteHandlers = Callable[..., None]
LOG = "appsync_local.functions.f"


def seen(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Lines with the request id they belong to."""
    return [(record.getMessage(), vars(record)["request_id"]) for record in caplog.records if record.name == LOG]


async def test_each_line_is_logged_with_the_request_id_of_its_invocation(
    write_handlers: WriteHandlers, start_runtime: StartRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    write_handlers(
        """
        import logging
        log = logging.getLogger("app")
        def f(event, context):
            print("printed", event)
            print("two\\nlines", file=sys.stderr)
            log.warning("logged %s", event)
            print("unfinished", end="")
            return context.aws_request_id
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0))

    first = await runtime.invoke("f", 1)
    second = await runtime.invoke("f", 2)
    await runtime.stop()

    texts = ["printed {}", "two", "lines", "[WARNING]\tlogged {}"]
    assert seen(caplog) == [
        *((text.format(1), first) for text in texts),
        ("unfinishedprinted 2", second),
        *((text.format(2), second) for text in texts[1:]),
        ("unfinished", second),
    ]


async def test_last_words_and_traces_are_logged(
    write_handlers: WriteHandlers, start_runtime: StartRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    write_handlers(
        """
        def f(event, context):
            if event == "raise":
                raise ValueError("boom")
            print("last words")
            os._exit(1)
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0))

    for event in ("raise", "die"):
        with pytest.raises(FunctionFailed):
            await runtime.invoke("f", event)

    texts = [text for text, _ in seen(caplog)]
    assert texts[:2] == ["[ERROR] ValueError: boom", "Traceback (most recent call last):"]
    assert texts[-2:] == ['    raise ValueError("boom")', "last words"]


async def test_flood_of_output_neither_blocks_the_handler_nor_loses_a_line(
    write_handlers: WriteHandlers, start_runtime: StartRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    write_handlers(
        """
        def f(event, context):
            for number in range(20_000):
                print(number)
        """
    )
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0))

    await runtime.invoke("f", {})

    assert [text for text, _ in seen(caplog)] == [str(number) for number in range(20_000)]
