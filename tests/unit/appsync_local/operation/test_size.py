"""The limits on the size of documents, responses and events."""

import pytest

from appsync_local import Engine
from appsync_local.api.limits import VALUE_LIMIT
from appsync_local.errors import OperationInvalid
from appsync_local.operation.documents import Documents
from appsync_local.operation.size import FIELD_LIMIT, INTROSPECTION_LIMIT, LEVEL_LIMIT
from appsync_local.resolvers.loading import ExecutableApi
from tests.support.engine_clients import Http, Realtime
from tests.support.engine_doubles import RecordingInvoker, note


@pytest.fixture
def api(engine: Engine) -> ExecutableApi:
    return engine.served.api


@pytest.fixture
def documents(api: ExecutableApi) -> Documents:
    return Documents(api)


def refusal(documents: Documents, text: str) -> str:
    with pytest.raises(OperationInvalid) as caught:
        documents.get(text)
    [entry] = caught.value.entries
    return str(entry["message"])


def doubling(steps: int) -> str:
    """Fragments that each spread the next one twice."""
    bodies = (
        f"fragment F{n} on Person {{ a: id ...G{n} }} fragment G{n} on Person {{ "
        f"x: notes {{ author {{ ...F{n + 1} }} }} y: notes {{ author {{ ...F{n + 1} }} }} }}"
        for n in range(steps)
    )
    return '{ note(id: "1") { author { ...F0 } } } ' + " ".join(bodies) + f" fragment F{steps} on Person {{ id }}"


def chain(levels: int) -> str:
    """Fragments that are flat in the text and form this number of levels."""
    pairs = levels // 2 - 1
    bodies = (f"fragment F{n} on Note {{ author {{ notes {{ ...F{n + 1} }} }} }}" for n in range(pairs))
    return '{ note(id: "1") { ...F0 } } ' + " ".join(bodies) + f" fragment F{pairs} on Note {{ id }}"


def test_fragments_that_double_at_every_step_are_rejected_before_they_are_expanded(documents: Documents) -> None:
    assert refusal(documents, doubling(20)) == (
        f"The document is too large: it has more than {FIELD_LIMIT} fields, with its fragments written out."
    )
    documents.get(doubling(8))


def test_levels_count_through_fragments(documents: Documents) -> None:
    documents.get(chain(LEVEL_LIMIT))

    assert refusal(documents, chain(LEVEL_LIMIT + 2)) == (
        f"The document is too large: it has more than {LEVEL_LIMIT} levels of fields."
    )


def test_too_many_fragments_within_fragments_are_rejected(documents: Documents) -> None:
    bodies = (f"fragment F{n} on Note {{ ...F{n + 1} }}" for n in range(900))
    text = '{ note(id: "1") { ...F0 } } ' + " ".join(bodies) + " fragment F900 on Note { id }"

    assert "nested too deeply" in refusal(documents, text) or "too many fragments" in refusal(documents, text)


def test_too_many_introspections_in_one_operation_are_rejected(documents: Documents) -> None:
    def text(count: int) -> str:
        return "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(count)) + " }"

    documents.get(text(INTROSPECTION_LIMIT))

    assert "begin an introspection" in refusal(documents, text(INTROSPECTION_LIMIT + 1))


def test_too_many_fields_of_one_name_are_rejected_before_they_are_compared(documents: Documents) -> None:
    fields = " ".join(f'note(id: "1") {{ a{n}: id }}' for n in range(900))

    assert refusal(documents, f"{{ {fields} }}") == "The document has too many fields of the same name to compare."


async def test_a_field_is_counted_for_every_type_that_its_parent_may_have(http: Http) -> None:
    wide = " ".join(f"a{n}: __typename" for n in range(FIELD_LIMIT // 4))

    answer = await http.ask(f"{{ a: search {{ {wide} }} b: search {{ {wide} }} c: search {{ id: __typename }} }}")
    refused = await http.ask(f"{{ a: search {{ {wide} }} b: search {{ {wide} }} c: search {{ {wide} }} }}")

    assert "errors" not in answer or "too large" not in str(answer["errors"])
    assert "errors" in refused


def test_a_document_is_kept_unless_it_is_large(documents: Documents) -> None:
    small = '{ note(id: "1") { id } }'
    large = "query Q($v: Boolean!) { " + " ".join(f"a{n}: __typename @skip(if: $v)" for n in range(700)) + " }"

    assert documents.get(small) is documents.get(small)
    assert documents.get(large) is not documents.get(large)
    assert documents.get(small) is documents.get(small)


def test_the_last_used_documents_are_kept_up_to_a_total_size(documents: Documents) -> None:
    def text(name: str) -> str:
        return f"query {name} {{ __typename }} # {'x' * 40_000}"

    first = documents.get(text("First"))
    for number in range(12):
        documents.get(text(f"Q{number}"))

    assert documents.get(text("Q11")) is documents.get(text("Q11"))
    assert documents.get(text("First")) is not first


async def test_a_response_with_too_many_values_is_not_built(http: Http, invoker: RecordingInvoker) -> None:
    invoker.functions["notes"] = lambda _: [note(f"n{n}") for n in range(1000)]
    aliases = " ".join(f"a{n}: id" for n in range(VALUE_LIMIT // 1000 + 1))

    answer = await http.ask(f"{{ notes {{ {aliases} }} }}")

    [error] = answer["errors"]
    assert answer["data"] is None
    assert error["message"].startswith(f"the response has more than {VALUE_LIMIT} values")


async def test_values_count_over_all_fields_of_a_request(http: Http, invoker: RecordingInvoker) -> None:
    invoker.functions["notes"] = lambda _: [note(f"n{n}") for n in range(1000)]
    aliases = " ".join(f"a{n}: id" for n in range(VALUE_LIMIT // 2000 + 1))

    alone = await http.ask(f"{{ notes {{ {aliases} }} }}")
    together = await http.ask(f"{{ x: notes {{ {aliases} }} y: notes {{ {aliases} }} }}")

    assert "errors" not in alone
    assert together["data"] is None


async def test_an_event_of_too_many_values_is_dropped_and_counted(
    engine: Engine, http: Http, realtime: Realtime, invoker: RecordingInvoker
) -> None:
    invoker.functions["notes"] = lambda payload: note(payload["arguments"]["id"], tags=["t"] * (VALUE_LIMIT // 50))
    aliases = " ".join(f"a{n}: tags" for n in range(51))
    await realtime.start("1", f"subscription {{ written {{ id {aliases} }} }}")

    answer = await http.ask('mutation { write(id: "n1") { id tags } }')

    assert answer["data"]["write"]["id"] == "n1"
    assert engine.counters.oversized_events == 1
    assert await realtime.silent()


async def test_the_total_size_of_one_connections_subscriptions_is_limited(realtime: Realtime) -> None:
    def text(start: int) -> str:
        return f"subscription {{ written {{ id }} }} # {start} {'x' * 80_000}"

    answers = [await realtime.start(str(start), text(start)) for start in range(8)]

    assert [answer["type"] for answer in answers] == ["start_ack"] * 4 + ["error"] * 4
    assert answers[4]["payload"]["errors"][0]["errorType"] == "MaxSubscriptionsReachedError"
    await realtime.send(id="0", type="stop")
    assert await realtime.receive() == {"id": "0", "type": "complete"}
    assert (await realtime.start("again", text(0)))["type"] == "start_ack"
