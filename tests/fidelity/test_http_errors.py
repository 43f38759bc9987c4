"""Checklist B3: errors in HTTP responses."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from appsync_local import Engine, Introspection, Limits, UserPool
from tests.fidelity.application import API, HANDLERS, LIBRARY, SCHEMA, book, catalogue
from tests.fidelity.callers import ApiClient, Callers
from tests.support.engine_doubles import RecordingInvoker
from tests.support.issuer import ISSUER

FLAT = {"path", "data", "errorType", "errorInfo", "locations", "message"}


@asynccontextmanager
async def limited(client: ApiClient, callers: Callers, limits: Limits) -> AsyncIterator[ApiClient]:
    """A client of the library API with these limits."""
    engine = Engine(
        api=API,
        schema=SCHEMA,
        code=LIBRARY,
        invoker=RecordingInvoker(catalogue=catalogue),
        handlers=HANDLERS,
        user_pools=(UserPool(ISSUER, callers.issuer.jwks_url),),
        limits=limits,
    )
    await engine.start(port=0)
    try:
        yield replace(client, engine=engine)
    finally:
        await engine.stop()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Request body is empty."),
        (b"meow", "Unable to parse GraphQL query."),
        (b"{}", "Unable to parse GraphQL query."),
        (b"[]", "Unable to parse GraphQL query."),
        (b'[{"query":"{ membersOnly }"}]', "Unable to parse GraphQL query."),
        (b'{"query":"\xff"}', "Unable to parse GraphQL query."),
        (b'{"query":7}', "Unable to parse GraphQL query."),
        (b'{"query":null}', "Unable to parse GraphQL query."),
    ],
)
async def test_c57_a_body_without_a_query_is_malformed(
    client: ApiClient, callers: Callers, body: bytes, message: str
) -> None:
    response = await client.post(body, {"authorization": callers.user()})

    assert response.error == (400, "MalformedHttpRequestException", message)


async def test_c58_an_unknown_field_is_a_validation_error_with_status_200_and_no_error_type(client: ApiClient) -> None:
    response = await client.request("{badfield}")

    assert response.status == 200
    message = "Validation error of type FieldUndefined: Field 'badfield' in type 'Query' is undefined @ 'badfield'"
    entry = {"path": None, "locations": [{"line": 1, "column": 2, "sourceName": None}], "message": message}
    assert response.json == {"data": None, "errors": [entry]}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ book { isbn } }", "MissingFieldArgument: Missing field argument isbn @ 'book'"),
        ('{ book(isbn: "1", x: 1) { isbn } }', "UnknownArgument: Unknown field argument x @ 'book'"),
        ('{ book(isbn: "1") }', "SubSelectionRequired: Sub selection required for type Book of field book @ 'book'"),
        (
            "{ membersOnly { x } }",
            "SubSelectionNotAllowed: Sub selection not allowed on leaf type String of field membersOnly",
        ),
        (
            '{ books(shelf: "x") { isbn } }',
            "WrongType: argument 'shelf' with value 'StringValue{value='x'}' is not a valid 'Shelf' @ 'books'",
        ),
        (
            "{ books(limit: 1.5) { isbn } }",
            "WrongType: argument 'limit' with value 'FloatValue{value=1.5}' is not a valid 'Int' @ 'books'",
        ),
        (
            "{ book(isbn: null) { isbn } }",
            "WrongType: argument 'isbn' with value 'NullValue{}' must not be null @ 'book'",
        ),
        (
            "{ whoAmI(input: {shelf: SCIENCE}) }",
            (
                "WrongType: argument 'input' with value 'ObjectValue{objectFields=[ObjectField{name='shelf', "
                "value=EnumValue{name='SCIENCE'}}]}' is missing required fields '[isbn]' @ 'whoAmI'"
            ),
        ),
        (
            "{ whoAmI(input: {isbn: 1, measures: [{width: 1}, {width: true}]}) }",
            (
                "WrongType: argument 'input.measures[1].width' with value 'ObjectValue{objectFields=[ObjectField{"
                "name='isbn', value=IntValue{value=1}}, ObjectField{name='measures', value=ArrayValue{values=["
                "ObjectValue{objectFields=[ObjectField{name='width', value=IntValue{value=1}}]}, "
                "ObjectValue{objectFields=[ObjectField{name='width', value=BooleanValue{value=true}}]}]}}]}' "
                "is not a valid 'Int' @ 'whoAmI'"
            ),
        ),
        (
            "query ($i: ID!) { whoAmI(input: {isbn: $i, odd: 1}) }",
            (
                "WrongType: argument 'input' with value 'ObjectValue{objectFields=[ObjectField{name='isbn', "
                "value=VariableReference{name='i'}}, ObjectField{name='odd', value=IntValue{value=1}}]}' "
                "contains a field not in 'BookInput': 'odd' @ 'whoAmI'"
            ),
        ),
        ("query ($x: Int = true) { books(limit: $x) { isbn } }", "BadValueForDefaultArg: Bad default value"),
        (
            "query ($x: String!) { book(isbn: $x) { isbn } }",
            "VariableTypeMismatch: Variable type 'String!' doesn't match expected type 'ID!' @ 'book'",
        ),
        ("query ($x: Book) { membersOnly }", "NonInputTypeOnVariable: Wrong type for a variable"),
        ("query ($x: Nope) { books(limit: $x) { isbn } }", "UnknownType: Unknown type Nope"),
        ("query ($x: Int) { membersOnly }", "UnusedVariable: Unused variable x"),
        ("query ($x: Int, $x: Int) { books(limit: $x) { isbn } }", "There can be only one variable named 'x'"),
        ("{ books(limit: $x) { isbn } }", "UndefinedVariable: Undefined variable x @ 'books'"),
        ("{ ...Gone }", "UndefinedFragment: Undefined fragment Gone"),
        ("{ membersOnly } fragment F on Book { isbn }", "UnusedFragment: Unused fragment F"),
        ("{ ...F } fragment F on Query { ...F }", "FragmentCycle: Fragment cycles not allowed"),
        ("{ ...F ...F } fragment F on Query { a: nope }", "Field 'nope' in type 'Query' is undefined @ 'F/nope'"),
        (
            "{ ... on Shelf { x } }",
            (
                "InlineFragmentTypeConditionInvalid: Inline fragment type condition is invalid, must be on "
                "Object/Interface/Union"
            ),
        ),
        (
            '{ book(isbn: "1") { ... on Author { name } } }',
            (
                "InvalidFragmentType: Fragment cannot be spread here as objects of type Book can never be of type "
                "Author @ 'book'"
            ),
        ),
        (
            '{ book(isbn: "1") { ...F } } fragment F on Author { name }',
            (
                "InvalidFragmentType: Fragment F cannot be spread here as objects of type Book can never be of type "
                "Author @ 'book'"
            ),
        ),
        (
            '{ a: book(isbn: "1") { isbn } a: books { isbn } }',
            "FieldsConflict: a: book and books are different fields @ 'book'",
        ),
        (
            '{ book(isbn: "1") { isbn } book(isbn: "2") { isbn } }',
            "FieldsConflict: book: they have differing arguments @ 'book'",
        ),
        ("{ membersOnly @nope }", "UnknownDirective: Unknown directive nope @ 'membersOnly'"),
        ("query @skip(if: true) { membersOnly }", "MisplacedDirective: Directive skip not allowed here"),
        ("{ membersOnly @skip }", "MissingDirectiveArgument: Missing directive argument if @ 'membersOnly'"),
        (
            "{ membersOnly @skip(if: true, x: 1) }",
            "UnknownDirective: Unknown directive argument x @ 'membersOnly'",
        ),
        ("{ membersOnly } query B { oldRule }", "Anonymous operation with other operations."),
        (
            "query A { oldRule } query A { oldRule }",
            "DuplicateOperationName: There can be only one operation named 'A'",
        ),
        ("subscription { onBook { isbn } onWork { isbn } }", "SubscriptionMultipleRootFields: "),
        ("type A { a: Int }", "NonExecutableDefinition: The A definition is not executable."),
    ],
)
async def test_c58_every_validation_error_has_its_type_and_message(client: ApiClient, query: str, message: str) -> None:
    response = await client.request(query)

    assert response.status == 200
    assert response.json["data"] is None
    messages = [entry["message"] for entry in response.json["errors"]]
    assert any(text.startswith("Validation error of type ") and message in text for text in messages), messages
    assert all(entry.keys() == {"path", "locations", "message"} for entry in response.json["errors"])


async def test_c58_several_validation_errors_are_all_listed(client: ApiClient) -> None:
    answer = await client.ask("{ nope book { isbn } }")

    assert len(answer["errors"]) == 2


async def test_a_syntax_error_has_status_200_and_its_location(client: ApiClient) -> None:
    answer = await client.ask("{ book(")

    assert answer["data"] is None
    assert answer["errors"][0].keys() == {"path", "locations", "message"}
    assert answer["errors"][0]["locations"] == [{"line": 1, "column": 8, "sourceName": None}]


async def test_a_document_beyond_15000_tokens_is_refused(client: ApiClient) -> None:
    answer = await client.ask("{" + " membersOnly" * 15_000 + "}")

    assert answer["data"] is None
    assert answer["errors"][0]["message"].startswith("Maximum char length exceeded.")


@pytest.mark.parametrize("variables", [None, {}, {"x": None}])
async def test_c59_a_missing_variable_is_named_with_its_type(client: ApiClient, variables: Any) -> None:
    answer = await client.ask("query ($x: ID!) { book(isbn: $x) { isbn } }", variables)

    message = "Variable 'x' has coerced Null value for NonNull type 'ID!'"
    entry = {"path": None, "locations": [{"line": 1, "column": 8, "sourceName": None}], "message": message}
    assert answer == {"data": None, "errors": [entry]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Variable 'x' has coerced Null value for NonNull type 'ID!'"),
        ({"isbn": "1", "measures": [{"height": 1}]}, "Variable 'x' has coerced Null value for NonNull type 'Int!'"),
        (
            {"isbn": "1", "odd": 1},
            "The variables input contains a field name 'odd' that is not defined for input object type 'BookInput' ",
        ),
        (
            {"isbn": "1", "shelf": "ATTIC"},
            "Variable 'shelf' has an invalid value. Invalid input for Enum 'Shelf'. No value found for name 'ATTIC'",
        ),
        (
            {"isbn": "1", "measures": [{"width": "wide"}]},
            "Variable 'width' has an invalid value. Expected type 'Int' but was 'String'.",
        ),
        (
            "1",
            (
                "Variable 'x' has an invalid value. Expected type 'Map' but was 'String'. "
                "Variables for input objects must be an instance of type 'Map'."
            ),
        ),
    ],
)
async def test_c59_a_variable_of_the_wrong_type_is_named_with_the_reason(
    client: ApiClient, given: Any, message: str
) -> None:
    answer = await client.ask("query ($x: BookInput) { whoAmI(input: $x) }", {"x": given})

    assert (answer["data"], [entry["message"] for entry in answer["errors"]]) == (None, [message])


async def test_c60_a_document_with_several_operations_needs_an_operation_name(client: ApiClient) -> None:
    query = "query A { membersOnly } query B { oldRule }"

    assert (await client.request(query)).error == (400, "BadRequestException", "Missing operation name.")
    assert (await client.request(query, operationName="B")).json == {"data": {"oldRule": "oldRule"}}


async def test_c61_a_failed_field_does_not_affect_its_sibling_and_its_error_is_flat(client: ApiClient) -> None:
    answer = await client.ask('{\n  book(isbn: "burnt") { isbn }\n  other: book(isbn: "b1") { isbn }\n}')

    assert answer["data"] == {"book": None, "other": {"isbn": "b1"}}
    assert answer["errors"] == [
        {
            "path": ["book"],
            "data": None,
            "errorType": "Lambda:Unhandled",
            "errorInfo": None,
            "locations": [{"line": 2, "column": 3, "sourceName": None}],
            "message": "the book is burnt",
        }
    ]


async def test_c62_util_error_shows_its_data_as_far_as_selected_and_its_info_whole(client: ApiClient) -> None:
    selected, unselected = await client.ask("{ fails { title } }"), await client.ask("{ fails { isbn } }")

    [entry] = selected["errors"]
    assert selected["data"] == {"fails": None}
    assert (entry["message"], entry["errorType"]) == ("out of order", "Closed")
    assert (entry["data"], entry["errorInfo"]) == ({"title": "kept"}, {"until": "noon"})
    assert unselected["errors"][0]["data"] == {}


async def test_c63_util_append_error_keeps_the_data(client: ApiClient) -> None:
    answer = await client.ask("{ partly { isbn pages } }")

    assert answer["data"] == {"partly": {"isbn": "b1", "pages": 3}}
    [entry] = answer["errors"]
    assert (entry["message"], entry["errorType"], entry["data"]) == ("no cover", "Partial", {"pages": 3})
    assert entry.keys() == FLAT


async def test_c64_a_failed_function_is_an_error_only_if_the_response_handler_reports_it(
    client: ApiClient,
) -> None:
    raised = await client.ask('{ book(isbn: "burnt") { isbn } }')
    ignored = await client.ask("{ tolerant }")

    assert [(e["errorType"], e["message"]) for e in raised["errors"]] == [("Lambda:Unhandled", "the book is burnt")]
    assert ignored == {"data": {"tolerant": "without Lambda:Unhandled"}}


async def test_c67_code_that_throws_ends_the_pipeline_and_the_error_has_its_position(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    answer = await client.ask("{ broken }")

    assert answer["data"] == {"broken": None}
    [entry] = answer["errors"]
    assert entry["errorType"] == "Code"
    assert entry["message"].startswith("code.js:2:")
    assert "TypeError" in entry["message"]
    assert invoker.calls("catalogue") == []


async def test_c68_a_request_object_without_an_operation_is_a_mapping_template_error(client: ApiClient) -> None:
    answer = await client.ask("{ malformed }")

    assert answer["data"] == {"malformed": None}
    assert [(e["errorType"], e["message"]) for e in answer["errors"]] == [
        ("MappingTemplate", "Value for field '$[operation]' not found.")
    ]


async def test_c69_an_object_instead_of_a_list_is_a_type_mismatch(client: ApiClient, invoker: RecordingInvoker) -> None:
    invoker.functions["catalogue"] = lambda _: book("b1")

    answer = await client.ask("{ books { isbn } }")

    message = "Can't resolve value (/books) : type mismatch error, expected type LIST"
    assert answer == {"data": {"books": None}, "errors": [{"path": ["books"], "locations": None, "message": message}]}


async def test_c69_a_missing_required_field_makes_its_parent_null(client: ApiClient, invoker: RecordingInvoker) -> None:
    invoker.functions["catalogue"] = lambda _: {"isbn": "b1"}

    answer = await client.ask('{ book(isbn: "b1") { isbn copies } }')

    message = "Cannot return null for non-nullable type: 'Int' within parent 'Book' (/book/copies)"
    entry = {"path": ["book", "copies"], "locations": None, "message": message}
    assert answer == {"data": {"book": None}, "errors": [entry]}


async def test_c70_without_introspection_the_schema_is_undefined_and_the_type_name_is_not(
    client: ApiClient, callers: Callers
) -> None:
    async with limited(client, callers, Limits(introspection=Introspection.DISABLED)) as closed:
        for query, field in (
            ("{ __schema { types { name } } }", "__schema"),
            ('{ __type(name: "A") { name } }', "__type"),
        ):
            answer = await closed.ask(query)
            message = (
                f"Validation error of type FieldUndefined: Field '{field}' in type 'Query' is undefined @ '{field}'"
            )
            assert answer["data"] is None
            assert message in [entry["message"] for entry in answer["errors"]]
        assert await closed.ask("{ __typename }") == {"data": {"__typename": "Query"}}

    assert (await client.ask("{ __schema { queryType { name } } }"))["data"]["__schema"] == {
        "queryType": {"name": "Query"}
    }


async def test_c71_a_subscription_over_http_is_refused(client: ApiClient) -> None:
    response = await client.request("subscription { onBook { isbn } }")

    assert response.status == 200
    assert response.json["data"] is None
    assert [entry["errorType"] for entry in response.json["errors"]] == ["OperationNotSupported"]
    assert len(client.engine.registry) == 0


async def test_fields_below_the_depth_limit_fail_and_the_others_are_answered(
    client: ApiClient, callers: Callers
) -> None:
    async with limited(client, callers, Limits(depth=2)) as shallow:
        answer = await shallow.ask("{ books { isbn author { name books { isbn } } } __schema { types { name } } }")

    first, second = answer["data"]["books"]
    assert first == {"isbn": "b1", "author": {"name": None, "books": None}}
    assert second == {"isbn": "b2", "author": None}
    assert answer["data"]["__schema"]["types"]
    assert [(entry["errorType"], entry["path"]) for entry in answer["errors"]] == [
        ("QueryDepthLimitReached", ["books", 0, "author", "name"]),
        ("QueryDepthLimitReached", ["books", 0, "author", "books"]),
    ]


async def test_a_request_with_too_many_resolvers_fails_at_the_field_that_exceeds_the_limit(
    client: ApiClient, callers: Callers
) -> None:
    async with limited(client, callers, Limits(resolvers=2)) as thrifty:
        answer = await thrifty.ask("{ a: whoAmI b: whoAmI c: whoAmI }")

    assert [name for name, value in answer["data"].items() if value is None] == ["c"]
    assert [(e["errorType"], e["path"]) for e in answer["errors"]] == [("ResolverExecutionLimitReached", ["c"])]


async def test_nested_lists_unions_and_interfaces_use_their_own_resolvers(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    answer = await client.ask(
        """{ books { isbn author { name books { isbn } } }
             search(text: "j") { __typename ... on Book { isbn } ... on Author { name } }
             works { isbn ... on Recording { minutes } ... on Book { pages } } }"""
    )

    assert "errors" not in answer
    assert answer["data"]["books"][0]["author"] == {"name": "Jane", "books": [{"isbn": "b1"}, {"isbn": "b2"}]}
    assert answer["data"]["search"] == [{"__typename": "Book", "isbn": "b1"}, {"__typename": "Author", "name": "Jane"}]
    assert answer["data"]["works"] == [{"isbn": "r1", "minutes": 61}, {"isbn": "b1", "pages": 300}]
    assert [call["source"] for call in invoker.calls("catalogue") if call["field"] == "books"] == [
        None,
        {"id": "a1", "name": "Jane"},
    ]


async def test_no_error_contains_internals_of_the_engine(client: ApiClient, callers: Callers) -> None:
    async with client.session.put(client.engine.graphql_url) as response:
        assert response.status == 405
        assert json.loads(await response.text())["errors"][0]["errorType"] == "BadRequestException"
