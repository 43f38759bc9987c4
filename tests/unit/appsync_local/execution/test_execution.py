import asyncio
from typing import Any

from tests.support.engine_clients import Http
from tests.support.engine_doubles import RecordingInvoker, answer_notes, note


async def test_query_fields_run_at_the_same_time(http: Http, invoker: RecordingInvoker) -> None:
    both_asked = asyncio.Barrier(2)
    invoke = invoker.invoke

    async def meet(function: str, payload: Any) -> object:
        if function == "notes":
            async with asyncio.timeout(20):
                await both_asked.wait()
        return await invoke(function, payload)

    invoker.invoke = meet  # type: ignore[method-assign]

    answer = await http.ask('{ a: note(id: "a") { id } b: note(id: "b") { id } }')

    assert answer == {"data": {"a": {"id": "a"}, "b": {"id": "b"}}}


async def test_the_code_receives_a_json_argument_parsed_and_the_client_receives_text(
    http: Http, invoker: RecordingInvoker
) -> None:
    answer = await http.ask('{ echo(detail: "{\\"a\\": [1, null]}") }')
    invoker.functions["notes"] = lambda _: note("n1", detail={"a": [1]})
    left = await http.ask('{ note(id: "n1") { detail } }')

    assert '"args":{"detail":{"a":[1,null]}}' in answer["data"]["echo"]
    assert left == {"data": {"note": {"detail": '{"a":[1]}'}}}


async def test_arguments_have_defaults_and_variables_but_no_absent_values(http: Http) -> None:
    query = "query ($i: NoteInput, $w: String) { echo(input: $i, word: $w) }"

    answer = await http.ask(query, {"i": {"id": 7, "nested": {"id": "8", "mood": "LOUD"}}})

    assert '"args":{"input":{"id":"7","mood":"CALM","nested":{"id":"8","mood":"LOUD"}}}' in answer["data"]["echo"]


async def test_the_selection_list_has_paths_and_aliases(http: Http, invoker: RecordingInvoker) -> None:
    seen: list[Any] = []

    def look(payload: Any) -> Any:
        seen.append(payload)
        return answer_notes(payload)

    invoker.functions["notes"] = look
    await http.ask(
        """query { note(id: "n1") { key: id ...Rest author { ... on Thing { id } } } }
           fragment Rest on Note { words key: id }"""
    )

    assert seen[0]["selection"] == ["key", "words", "author", "author/id"]


async def test_fragments_and_conditions_decide_what_is_selected(http: Http) -> None:
    query = """query ($yes: Boolean!, $no: Boolean!) {
        note(id: "n1") { id @include(if: $no) words @skip(if: $no) ... @include(if: $yes) { room } __typename }
    }"""

    first = await http.ask(query, {"yes": True, "no": False})
    second = await http.ask(query, {"yes": False, "no": True})

    assert first == {"data": {"note": {"words": 12, "room": "hall", "__typename": "Note"}}}
    assert second == {"data": {"note": {"id": "n1", "__typename": "Note"}}}


async def test_the_type_name_selects_the_type_of_a_union(http: Http, invoker: RecordingInvoker) -> None:
    invoker.functions["notes"] = lambda _: [
        note("n1", __typename="Note"),
        {"__typename": "Person", "id": "p1", "name": "Ada"},
        {"id": "untold"},
    ]

    answer = await http.ask("{ search { ... on Thing { id } ... on Note { words } ... on Person { name } } }")

    assert answer["data"] == {"search": [{"id": "n1", "words": 12}, {"id": "p1", "name": "Ada"}, None]}
    assert [entry["path"] for entry in answer["errors"]] == [["search", 2]]


async def test_the_resolver_of_a_nested_field_receives_its_parent(http: Http, invoker: RecordingInvoker) -> None:
    answer = await http.ask("{ notes { id author { name notes { id } } } }")

    assert answer["data"] == {
        "notes": [{"id": "n1", "author": None}, {"id": "n2", "author": {"name": "Ada", "notes": []}}]
    }
    assert invoker.calls("notes")[-1]["source"] == {"id": "p1", "name": "Ada"}


async def test_the_code_sees_headers_and_variables_but_no_cookie(http: Http) -> None:
    headers = {"authorization": "custom-ada", "x-trace": "a", "cookie": "session=1"}

    answer = await http.ask("query ($w: String) { echo(word: $w) }", {"w": "hi"}, headers=headers)

    assert '"x-trace":"a"' in answer["data"]["echo"]
    assert '"variables":{"w":"hi"}' in answer["data"]["echo"]
    assert "session=1" not in answer["data"]["echo"]


async def test_a_pipeline_queues_an_invocation_and_answers_from_the_stash(
    http: Http, invoker: RecordingInvoker
) -> None:
    answer = await http.ask('mutation { queue(id: "n9") { id words } }')

    assert answer == {"data": {"queue": {"id": "n9", "words": 12}}}
    assert invoker.calls("notes") == [{"open": "n9"}]
    assert invoker.enqueued == [("worker", {"run": "n9", "previous": "n9"})]


async def test_a_refused_event_invocation_is_an_error_of_the_field(http: Http, invoker: RecordingInvoker) -> None:
    del invoker.functions["worker"]

    answer = await http.ask('mutation { queue(id: "n9") { id } }')

    assert answer["data"] == {"queue": None}
    assert answer["errors"][0]["errorType"] == "Lambda:TooManyRequestsException"


async def test_code_that_throws_ends_the_pipeline_and_reports_the_position(http: Http) -> None:
    answer = await http.ask("{ broken }")

    assert answer["data"] == {"broken": None}
    [entry] = answer["errors"]
    assert entry["errorType"] == "Code"
    assert entry["message"] == "code.js:3:14: TypeError: cannot read property 'member' of undefined"


async def test_an_early_return_skips_data_source_and_response_of_one_function(http: Http) -> None:
    answer = await http.ask("{ early }")

    assert answer["data"]["early"] == (
        '{"stash":{"seen":["first","one"]},"result":"after skipped","previous":"after skipped"}'
    )
