"""The errors that a caller receives for an invalid operation or a failed field."""

import json

import pytest

from tests.support.engine_clients import Http
from tests.support.engine_doubles import RecordingInvoker, note


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ nothing }", "FieldUndefined: Field 'nothing' in type 'Query' is undefined @ 'nothing'"),
        ('{ note(id: "1") { nope } }', "FieldUndefined: Field 'nope' in type 'Note' is undefined @ 'note/nope'"),
        ('{ note(id: "1", x: 1) { id } }', "UnknownArgument: Unknown field argument x @ 'note'"),
        ("{ note { id } }", "MissingFieldArgument: Missing field argument id @ 'note'"),
        (
            '{ note(id: "1") }',
            "SubSelectionRequired: Sub selection required for type Note of field note @ 'note'",
        ),
        (
            '{ note(id: "1") { id { x } } }',
            "SubSelectionNotAllowed: Sub selection not allowed on leaf type ID of field id @ 'note/id'",
        ),
        ("{ notes(limit: $n) { id } }", "UndefinedVariable: Undefined variable n @ 'notes'"),
        ("query ($n: Int) { fails }", "UnusedVariable: Unused variable n"),
        ("{ ...Gone }", "UndefinedFragment: Undefined fragment Gone"),
        ("query ($n: Nope) { notes(limit: $n) { id } }", "UnknownType: Unknown type Nope"),
        (
            "query ($n: String) { notes(limit: $n) { id } }",
            "VariableTypeMismatch: Variable type 'String' doesn't match expected type 'Int' @ 'notes'",
        ),
        ("{ fails @nope }", "UnknownDirective: Unknown directive nope @ 'fails'"),
    ],
)
async def test_an_invalid_document_is_reported_in_the_words_of_appsync(http: Http, query: str, message: str) -> None:
    response = await http.send(json.dumps({"query": query}))

    assert response.status == 200
    assert response.json["data"] is None
    assert f"Validation error of type {message}" in [entry["message"] for entry in response.json["errors"]]
    for entry in response.json["errors"]:
        assert entry.keys() == {"path", "locations", "message"}
        assert entry["path"] is None
        assert entry["locations"][0].keys() == {"line", "column", "sourceName"}


async def test_a_value_of_the_wrong_type_is_named_with_its_argument(http: Http) -> None:
    answer = await http.ask('{ notes(limit: "many") { id } }')

    assert answer["errors"][0]["message"].startswith(
        "Validation error of type WrongType: argument 'limit' with value 'StringValue{value='many'}' is not a valid"
    )


async def test_a_syntax_error_has_line_and_column(http: Http) -> None:
    answer = await http.ask("{ note(")

    assert answer["data"] is None
    assert answer["errors"][0]["message"].startswith("Invalid Syntax : ")
    assert answer["errors"][0]["locations"] == [{"line": 1, "column": 8, "sourceName": None}]


async def test_a_document_beyond_the_token_limit_is_refused(http: Http) -> None:
    answer = await http.ask("{" + " fails" * 15_001 + "}")

    assert answer["errors"][0]["message"].startswith("Maximum char length exceeded.")


async def test_a_document_nested_too_deeply_is_rejected_and_the_engine_continues(http: Http) -> None:
    answer = await http.ask("{ note(id: 1) " + "{ author " * 3000 + "{ id }" + "}" * 3001)

    assert answer["data"] is None
    assert (await http.ask("{ fails }"))["data"] == {"fails": None}


@pytest.mark.parametrize("variables", [None, {}, {"id": None}])
async def test_a_missing_variable_is_named_with_its_type(http: Http, variables: object) -> None:
    answer = await http.ask("query Q($id: ID!) { note(id: $id) { id } }", variables)

    assert answer == {
        "data": None,
        "errors": [
            {
                "path": None,
                "locations": [{"line": 1, "column": 9, "sourceName": None}],
                "message": "Variable 'id' has coerced Null value for NonNull type 'ID!'",
            }
        ],
    }


async def test_a_variable_of_the_wrong_type_is_named(http: Http) -> None:
    answer = await http.ask("query ($n: Int) { notes(limit: $n) { id } }", {"n": "x"})

    assert answer["errors"][0]["message"].startswith(
        "Variable 'n' has an invalid value. Expected type 'Int' but was 'String'."
    )


async def test_a_field_that_fails_leaves_the_others_their_data(http: Http) -> None:
    answer = await http.ask('{ fails note(id: "n1") { id } }')

    assert answer["data"] == {"fails": None, "note": {"id": "n1"}}
    assert answer["errors"] == [
        {
            "path": ["fails"],
            "data": {"ignored": 1},
            "errorType": "Unlucky",
            "errorInfo": {"hint": "again"},
            "locations": [{"line": 1, "column": 3, "sourceName": None}],
            "message": "no luck",
        }
    ]


async def test_an_appended_error_keeps_the_data_and_shows_only_selected_fields(http: Http) -> None:
    answer = await http.ask("{ partly { id words } }")

    assert answer["data"] == {"partly": {"id": "n1", "words": 3}}
    [entry] = answer["errors"]
    assert (entry["message"], entry["errorType"], entry["data"]) == ("half of it", "Partial", {"words": 3})


async def test_a_lambda_error_is_reported_if_the_code_raises_it(http: Http) -> None:
    answer = await http.ask('{ note(id: "boom") { id } }')

    assert answer["data"] == {"note": None}
    assert [(e["errorType"], e["message"]) for e in answer["errors"]] == [("Lambda:Unhandled", "boom")]


async def test_a_non_null_value_that_is_missing_makes_its_parent_null(http: Http, invoker: RecordingInvoker) -> None:
    invoker.functions["notes"] = lambda _: {"id": "n1"}

    answer = await http.ask('{ note(id: "n1") { id revision } }')

    assert answer["data"] == {"note": None}
    assert answer["errors"] == [
        {
            "path": ["note", "revision"],
            "locations": None,
            "message": "Cannot return null for non-nullable type: 'Int' within parent 'Note' (/note/revision)",
        }
    ]


async def test_null_propagates_to_the_root_if_every_field_between_is_non_null(
    http: Http, invoker: RecordingInvoker
) -> None:
    invoker.functions["notes"] = lambda _: [note("n1"), None]

    answer = await http.ask("{ notes { id } }")

    assert answer["data"] is None
    assert [entry["path"] for entry in answer["errors"]] == [["notes", 1]]


async def test_an_object_instead_of_a_list_is_a_type_mismatch(http: Http, invoker: RecordingInvoker) -> None:
    invoker.functions["notes"] = lambda _: note("n1", tags={"a": 1})

    answer = await http.ask('{ note(id: "n1") { id tags } }')

    assert answer["data"] == {"note": {"id": "n1", "tags": None}}
    assert answer["errors"][0]["message"] == (
        "Can't resolve value (/note/tags) : type mismatch error, expected type LIST"
    )


@pytest.mark.parametrize(
    ("field", "value"), [("mood", "ANGRY"), ("words", "many"), ("writtenAt", "yesterday"), ("detail", "{not json")]
)
async def test_a_value_that_does_not_fit_its_scalar_is_null_with_an_error(
    http: Http, invoker: RecordingInvoker, field: str, value: object
) -> None:
    invoker.functions["notes"] = lambda _: note("n1", **{field: value})

    answer = await http.ask(f'{{ note(id: "n1") {{ id {field} }} }}')

    assert answer["data"] == {"note": {"id": "n1", field: None}}
    assert answer["errors"][0]["message"].startswith(f"Can't serialize value (/note/{field}) : ")


async def test_a_field_without_a_resolver_is_null_at_the_root(http: Http) -> None:
    assert await http.ask("{ unanswered }") == {"data": {"unanswered": None}}


async def test_a_failed_mutation_does_not_stop_the_next_one(http: Http, invoker: RecordingInvoker) -> None:
    answer = await http.ask('mutation { a: write(id: "boom") { id } b: write(id: "n2") { id } }')

    assert answer["data"] == {"a": None, "b": {"id": "n2"}}
    assert [call["arguments"]["id"] for call in invoker.calls("notes")] == ["boom", "n2"]
