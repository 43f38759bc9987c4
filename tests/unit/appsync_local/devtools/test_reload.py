"""Reloading code while the engine runs: what continues, what changes, and how mistakes are handled."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from appsync_local import Engine
from appsync_local.devtools.reload import Reloader, ReloadResult
from appsync_local.errors import ApiInvalid
from tests.support.engine_clients import Http, Realtime, connected
from tests.support.engine_doubles import API, HANDLERS, NOTES, RecordingInvoker, allow, answer_notes

SUBSCRIPTION = "subscription { written { id room } }"
WRITE = 'mutation { write(id: "n1", room: "hall") { id room words } }'


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A copy of the notes API's schema and code that tests can change."""
    return shutil.copytree(NOTES, tmp_path / "notes")


@pytest.fixture
async def engine(code: Path) -> AsyncIterator[Engine]:
    invoker = RecordingInvoker(notes=answer_notes, worker=lambda payload: None, authorizer=allow)
    engine = Engine(api=API, schema=code / "schema.graphql", code=code, invoker=invoker, handlers=HANDLERS)
    await engine.start(port=0)
    yield engine
    await engine.stop()


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def rename_echo(code: Path) -> None:
    (code / "resolvers" / "Query.echo.js").write_text(
        "export function request(ctx) { return { payload: null }; }\n"
        'export function response(ctx) { return "the new code"; }\n'
    )


async def test_changed_resolver_answers_the_next_request(engine: Engine, http: Http, code: Path) -> None:
    before = await http.ask('{ echo(word: "hello") }')
    rename_echo(code)

    engine.reload()

    assert await http.ask('{ echo(word: "hello") }') == {"data": {"echo": "the new code"}} != before


async def test_a_field_added_to_the_schema_is_served_on_the_same_port(engine: Engine, http: Http, code: Path) -> None:
    query = '{ __type(name: "Query") { fields { name } } added: __typename }'
    change(code / "schema.graphql", "type Query {", "type Query {\n  brandNew: String")

    engine.reload()

    names = [field["name"] for field in (await http.ask(query))["data"]["__type"]["fields"]]
    assert "brandNew" in names
    assert await http.ask("{ brandNew }") == {"data": {"brandNew": None}}


async def test_an_open_subscription_receives_events_of_the_reloaded_api(
    engine: Engine, realtime: Realtime, http: Http, code: Path
) -> None:
    await realtime.start("s1", SUBSCRIPTION)
    change(code / "schema.graphql", "type Query {", "type Query {\n  brandNew: String")

    engine.reload()
    await http.ask(WRITE)

    assert (await realtime.receive())["payload"]["data"] == {"written": {"id": "n1", "room": "hall"}}
    assert (await realtime.start("s2", SUBSCRIPTION))["type"] == "start_ack"
    assert len(engine.registry) == 2


async def test_an_open_subscription_uses_the_new_schema(
    engine: Engine, realtime: Realtime, http: Http, code: Path
) -> None:
    await realtime.start("s1", "subscription { written { id words } }")
    change(code / "schema.graphql", "words: Int", "words: String")

    engine.reload()
    await http.ask(WRITE)

    assert (await realtime.receive())["payload"]["data"] == {"written": {"id": "n1", "words": "12"}}


async def test_a_subscription_whose_field_was_removed_is_ended(
    engine: Engine, realtime: Realtime, session: aiohttp.ClientSession, http: Http, code: Path
) -> None:
    await realtime.start("s1", "subscription { written { id words } }")
    async with connected(engine, session) as other:
        await other.start("s1", SUBSCRIPTION)
        (code / "schema.graphql").write_text((code / "schema.graphql").read_text().replace("  words: Int\n", ""))

        engine.reload()
        await http.ask(WRITE.replace(" words", ""))

        assert await realtime.receive() == {
            "id": "s1",
            "type": "complete",
            "payload": {"message": "Subscription complete."},
        }
        assert (await other.receive())["payload"]["data"] == {"written": {"id": "n1", "room": "hall"}}
        assert len(engine.registry) == 1


async def test_a_request_that_runs_during_a_reload_finishes_with_the_old_code(
    engine: Engine, http: Http, code: Path
) -> None:
    gate, began = asyncio.Event(), asyncio.Event()
    invoker = RecordingInvoker(notes=answer_notes, authorizer=allow)

    async def hold(function: str, payload: object) -> object:
        if function == "notes":
            began.set()
            await gate.wait()
        return invoker.functions[function](payload)

    await engine.stop()
    invoker.invoke = hold  # type: ignore[method-assign]  # a function that takes its time
    slow = Engine(api=API, schema=code / "schema.graphql", code=code, invoker=invoker, handlers=HANDLERS)
    await slow.start(port=0)
    try:
        asking = asyncio.create_task(Http(slow, http.session).ask('{ note(id: "n1") { id words } }'))
        await began.wait()
        (code / "schema.graphql").write_text((code / "schema.graphql").read_text().replace("  words: Int\n", ""))
        slow.reload()
        gate.set()

        assert await asking == {"data": {"note": {"id": "n1", "words": 12}}}
    finally:
        await slow.stop()


async def test_the_lock_that_an_editor_leaves_beside_a_resolver_changes_nothing(
    engine: Engine, http: Http, code: Path
) -> None:
    (code / "resolvers" / ".#Query.echo.js").symlink_to("somebody@a-machine.1234")
    rename_echo(code)

    engine.reload()

    assert await http.ask('{ echo(word: "hello") }') == {"data": {"echo": "the new code"}}


async def test_an_invalid_change_has_no_effect(engine: Engine, realtime: Realtime, http: Http, code: Path) -> None:
    await realtime.start("s1", SUBSCRIPTION)
    before = await http.ask('{ echo(word: "hello") }')
    rename_echo(code)
    change(code / "schema.graphql", "type Query {", "type Query {{")

    with pytest.raises(ApiInvalid, match=r"schema\.graphql:\d+:\d+: "):
        engine.reload()

    assert await http.ask('{ echo(word: "hello") }') == before
    await http.ask(WRITE)
    assert (await realtime.receive())["type"] == "data"


class Recorder:
    """Engine and functions that record the calls of a reloader."""

    def __init__(self, faults: dict[str, str] | None = None) -> None:
        self.asked: list[str] = []
        self.faults = faults or {}

    def reload(self) -> None:
        if "api" in self.faults:
            raise ApiInvalid([self.faults["api"]])
        self.asked.append("reload")

    def renew(self) -> None:
        self.asked.append("renew")

    async def check_imports(self, changed: object) -> tuple[str, ...]:
        return (self.faults["handlers"],) if "handlers" in self.faults else ()


def reloader(recorder: Recorder, root: Path) -> Reloader:
    return Reloader(root, recorder, recorder, recorder.check_imports)


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (["schema.graphql"], ["reload"]),
        (["resolvers/Query.echo.js"], ["reload"]),
        # An authorizer's kept answers are forgotten with the service that kept them.
        (["app.py", "schema.graphql"], ["reload", "renew"]),
        (["notes.txt"], []),
    ],
)
async def test_a_change_reloads_the_affected_parts(tmp_path: Path, names: list[str], asked: list[str]) -> None:
    recorder = Recorder()

    result = await reloader(recorder, tmp_path).apply([tmp_path / name for name in names])

    assert recorder.asked == asked
    assert result is (ReloadResult.RELOADED if asked else ReloadResult.IRRELEVANT)


@pytest.mark.parametrize(
    "faults", [{"handlers": "app.py:1:6: SyntaxError: no"}, {"api": "schema.graphql:3:1: no"}], ids=["py", "graphql"]
)
async def test_a_problem_in_one_file_holds_back_the_whole_change_and_is_logged(
    tmp_path: Path, faults: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(faults)

    result = await reloader(recorder, tmp_path).apply([tmp_path / "app.py", tmp_path / "schema.graphql"])

    assert (result, recorder.asked) == (ReloadResult.REFUSED, [])
    assert caplog.messages == [
        "app.py, schema.graphql cannot be used; the previous version is still served:\n  - "
        + next(iter(faults.values()))
    ]


async def test_a_file_that_is_read_only_at_the_start_needs_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    wiring = tmp_path / "wiring.py"

    result = await replace(reloader(recorder, tmp_path), fixed=frozenset({wiring})).apply([wiring])

    assert (result, recorder.asked) == (ReloadResult.NEEDS_RESTART, [])
    assert caplog.messages == ["wiring.py changed, but it is read only at the start: restart the stack"]
