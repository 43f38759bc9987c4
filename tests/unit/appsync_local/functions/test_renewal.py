"""Code that changes on disk while functions are warm: who takes it up, and who goes on with what it began with."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from appsync_local.functions.import_check import check_imports
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.snapshot import KEPT, Snapshots
from tests.unit.appsync_local.functions.conftest import StartRuntime
from tests.unit.appsync_local.functions.test_invocations import spec
from tests.unit.appsync_local.functions.waiting import eventually, is_running, lines

WriteHandlers = Callable[..., None]

OLD = """
    def f(event, context):
        if event:
            note(event, "began")
            wait_for(event["gate"])
        return ["old", os.getpid()]
"""
NEW = """
    def f(event, context):
        return ["the new code", os.getpid()]
"""


async def test_warm_workers_are_replaced_by_workers_with_the_new_code(
    write_handlers: WriteHandlers, start_runtime: StartRuntime
) -> None:
    write_handlers(OLD)
    runtime = await start_runtime(spec())
    answer = await runtime.invoke("f", None)
    assert isinstance(answer, list)
    write_handlers(NEW)
    assert await runtime.invoke("f", None) == answer

    runtime.renew()

    renewed = await runtime.invoke("f", None)
    assert isinstance(renewed, list)
    assert renewed[0] == "the new code"
    await eventually(lambda: not is_running(answer[1]), "the old worker has ended")


async def test_an_invocation_that_runs_ends_on_the_code_it_began_with_and_is_its_workers_last(
    write_handlers: WriteHandlers, start_runtime: StartRuntime, tmp_path: Path, notes: Path
) -> None:
    write_handlers(OLD)
    runtime = await start_runtime(spec())
    gate = tmp_path / "gate"
    running = asyncio.create_task(runtime.invoke("f", {"notes": str(notes), "gate": str(gate)}))
    await eventually(lambda: lines(notes) == ["began"], "the old code runs")
    write_handlers(NEW)

    runtime.renew()
    meanwhile = await runtime.invoke("f", None)
    gate.touch()
    ended = await running

    assert isinstance(meanwhile, list)
    assert isinstance(ended, list)
    assert (meanwhile[0], ended[0]) == ("the new code", "old")
    assert await runtime.invoke("f", None) == meanwhile
    await eventually(lambda: not is_running(ended[1]), "the old worker has ended")


async def test_new_worker_imports_the_newest_copy_and_an_old_one_stays_with_its_own(
    root: Path, queue: Path, tmp_path: Path
) -> None:
    snapshots = Snapshots(root, ["app.py", "lib"], tmp_path / "copies")
    (root / "lib").mkdir()
    (root / "app.py").write_text("def f(event, context):\n    from lib import word\n    return word.WORD\n")
    (root / "lib" / "word.py").write_text("WORD = 'one'\n")
    snapshots.take()
    runtime = FunctionRuntime([spec(), spec("g")], root=snapshots.root, queue=queue)
    await runtime.start()
    try:
        # Wrong code on disk is not what a worker that starts now imports.
        (root / "lib" / "word.py").write_text("WORD = = 'wrong'\n")
        assert await runtime.invoke("f", None) == "one"

        (root / "lib" / "word.py").write_text("WORD = 'the second'\n")
        snapshots.take()
        assert await runtime.invoke("f", None) == "one"
        runtime.renew()
        assert await runtime.invoke("f", None) == "the second"
    finally:
        await runtime.stop()


def test_copies_are_kept_for_a_while_and_those_of_an_earlier_run_are_not(root: Path, tmp_path: Path) -> None:
    (root / "app.py").write_text("")
    for _ in range(2):
        snapshots = Snapshots(root, ["app.py"], tmp_path / "copies")
        for _ in range(KEPT + 3):
            snapshots.take()

    kept = {path.name for path in (tmp_path / "copies").iterdir()}

    assert kept == {"current", *(str(number) for number in range(4, KEPT + 4))}
    assert snapshots.root.resolve().name == str(KEPT + 3)


async def test_handlers_that_can_be_imported_leave_nothing_to_say(root: Path, write_handlers: WriteHandlers) -> None:
    write_handlers("print('[]')\ndef f(event, context): return 1")

    assert await check_imports(root, ["app.f"]) == ()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def f(event, context:\n    pass\n", "app.py:1:6: SyntaxError: '(' was never closed"),
        (
            "import json\nimport no_such_module\n",
            "app.py:2: ModuleNotFoundError: No module named 'no_such_module'; install it, or correct the import",
        ),
        ("x = {}\n\ny = x['k']\n", "app.py:3: KeyError: 'k'"),
        ("def g(event, context): pass\n", "app.py: there is no handler 'f'; define it, or unwire its function"),
        ("import os\nos._exit(3)\n", "importing the handlers' modules ended Python with status 3"),
    ],
)
async def test_a_fault_is_one_sentence_with_file_and_line(root: Path, source: str, sentence: str) -> None:
    (root / "app.py").write_text(source)

    assert await check_imports(root, ["app.f"]) == (sentence,)


async def test_a_changed_module_is_tried_even_where_handlers_import_it_only_when_called(root: Path) -> None:
    (root / "app.py").write_text("def f(event, context):\n    from lib.rules import rule\n")
    (root / "lib").mkdir()
    (root / "lib" / "__init__.py").write_text("")
    (root / "lib" / "rules.py").write_text("from app import nothing\n")

    [sentence] = await check_imports(root, ["app.f"], [root / "lib" / "rules.py"])

    assert sentence.startswith("lib/rules.py:1: ImportError: cannot import name 'nothing' from 'app'")


async def test_one_fault_that_stops_several_handlers_is_said_once(root: Path) -> None:
    (root / "app.py").write_text("1 / 0\n")

    found = await check_imports(root, ["app.f", "app.g"], [root / "app.py"])

    assert found == ("app.py:1: ZeroDivisionError: division by zero",)
