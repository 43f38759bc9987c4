"""Values of arguments and variables: equal texts mean the same in a literal and in a variable."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.small_apis import small_api

SCHEMA = """
enum Colour { RED GREEN }
input Inner { d: AWSJSON phone: AWSPhone day: AWSDate colour: Colour number: Int list: [AWSDate] below: Inner
  must: ID! = "x" }
type Query { q(d: AWSJSON!): String o(d: AWSJSON): String l(d: [AWSJSON!]): String i(input: Inner): String
  at(d: AWSDateTime): String c(c: Colour!): String }
"""
RESPONSES = {f"Query.{name}": "return JSON.stringify(ctx.args);" for name in ("q", "o", "l", "i", "at", "c")}


@pytest.mark.parametrize("text", ["null", " null ", "{}", "[null]", '"x"', "1.50", "{", "NaN", "", "None", "nul"])
@pytest.mark.parametrize("argument", ["q(d: AWSJSON!)", "o(d: AWSJSON)", "l(d: [AWSJSON!])"])
async def test_a_json_text_means_the_same_as_a_literal_and_as_a_variable(
    tmp_path: Path, argument: str, text: str
) -> None:
    field, type_ = argument.rstrip(")").split("(d: ")
    async with small_api(tmp_path, SCHEMA, RESPONSES) as api:
        literal = await api.ask(f"{{ {field}(d: {json.dumps(text)}) }}")
        variable = await api.ask(f"query ($d: {type_}) {{ {field}(d: $d) }}", {"d": text})

    assert (literal.get("data") or {}).get(field) == (variable.get("data") or {}).get(field)
    assert ("errors" in literal) == ("errors" in variable)
    messages = json.dumps([entry["message"] for answer in (literal, variable) for entry in answer.get("errors", [])])
    assert not re.search(r"NoneType|dict|'str'|non-nullable|Expected value", messages)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"phone": "1110004444"},
         "Variable 'phone' has an invalid value. Unable to parse `1110004444` as a valid phone number."),
        ({"d": {"a": [1, None, 1.5]}},
         "Variable 'd' has an invalid value. Unable to parse `{a=[1, null, 1.5]}` as a valid AWSJSON."),
        ({"below": {"day": "2019-12-24T04:15:57.798Z"}},
         "Variable 'day' has an invalid value. Unable to parse `2019-12-24T04:15:57.798Z` as a valid date."),
        ({"list": ["2024-01-01", "x"]}, "Variable 'list' has an invalid value. Unable to parse `x` as a valid date."),
        ({"below": 7},
         ("Variable 'below' has an invalid value. Expected type 'Map' but was 'Integer'. Variables for input objects "
          "must be an instance of type 'Map'.")),
        ({"colour": "BLUE"},
         "Variable 'colour' has an invalid value. Invalid input for Enum 'Colour'. No value found for name 'BLUE'"),
        ({"colour": True},
         "Variable 'colour' has an invalid value. Invalid input for Enum 'Colour'. No value found for name 'true'"),
        ({"number": "7"}, "Variable 'number' has an invalid value. Expected type 'Int' but was 'String'."),
        ({"must": None}, "Variable 'i' has coerced Null value for NonNull type 'ID!'"),
    ],
)  # fmt: skip
async def test_an_invalid_variable_is_named_by_its_inner_field(tmp_path: Path, given: Any, message: str) -> None:
    async with small_api(tmp_path, SCHEMA, RESPONSES) as api:
        answer = await api.ask("query ($i: Inner) { i(input: $i) }", {"i": given})

    assert [entry["message"] for entry in answer["errors"]] == [message]


async def test_a_date_in_a_variable_is_refused_in_the_words_of_the_service(tmp_path: Path) -> None:
    async with small_api(tmp_path, SCHEMA, RESPONSES) as api:
        answer = await api.ask("query ($d: AWSDateTime) { at(d: $d) }", {"d": "soon"})

    [entry] = answer["errors"]
    assert entry["message"] == ("Variable 'd' has an invalid value. Unable to parse `soon` as a valid DateTime Object.")


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ('{"b":1,"a":[2,{"z":null,"y":1.10}]}', '{"b":1,"a":[2,{"z":null,"y":1.1}]}'),
        ("[0.1,5e-324,1.7976931348623157e308,9007199254740991,-0.5,1e21]",
         "[0.1,5e-324,1.7976931348623157e+308,9007199254740991,-0.5,1e+21]"),
        ("9007199254740993", "9007199254740992"),  # the nearest double
    ],
)  # fmt: skip
async def test_json_keeps_its_value_and_the_order_of_its_members(tmp_path: Path, sent: str, received: str) -> None:
    schema = "type Query { same(d: AWSJSON): AWSJSON }"
    async with small_api(tmp_path, schema, {"Query.same": "return ctx.args.d;"}) as api:
        answer = await api.ask("query ($d: AWSJSON) { same(d: $d) }", {"d": sent})

    assert answer == {"data": {"same": received}}


@pytest.mark.parametrize("text", ["1e400", "-1e400", "9" * 400])
async def test_a_literal_that_no_double_holds_is_refused_and_not_read_as_null(tmp_path: Path, text: str) -> None:
    schema = "input Limits { most: Float } type Query { f(limits: Limits): String }"
    async with small_api(tmp_path, schema, {"Query.f": "return JSON.stringify(ctx.args);"}) as api:
        refused = await api.ask(f"{{ f(limits: {{ most: {text} }}) }}")
        accepted = await api.ask("{ f(limits: { most: 1e300 }) }")

    [entry] = refused["errors"]
    assert entry["message"].startswith("Validation error of type WrongType: argument 'limits.most' with value ")
    assert json.loads(accepted["data"]["f"]) == {"limits": {"most": 1e300}}
