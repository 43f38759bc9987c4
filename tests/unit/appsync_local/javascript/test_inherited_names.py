"""Names that every JavaScript object inherits are ordinary names to `util`: no look-up table finds them by accident."""

import json

import pytest

from appsync_local.errors import ScriptFailed
from tests.unit.appsync_local.javascript.conftest import Evaluate

INHERITED = ("constructor", "toString", "valueOf", "hasOwnProperty", "isPrototypeOf", "__proto__")
each_name = pytest.mark.parametrize("name", INHERITED)


@each_name
def test_a_pattern_with_an_inherited_name_is_compiled(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"[util.matches('{name}', 'x'), util.matches('{name}', '{name}')]") == [False, True]


@each_name
def test_a_replacement_finds_an_inherited_name_as_text(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"['a{name}b'.replace('{name}', '-'), '{name}{name}'.replaceAll('{name}', '-')]") == ["a-b", "--"]


@each_name
def test_an_inherited_name_is_not_a_character_class(evaluate: Evaluate, name: str) -> None:
    with pytest.raises(ScriptFailed, match="SyntaxError"):
        evaluate(f"util.matches('\\\\p{{{name}}}', 'a')")


@each_name
@pytest.mark.parametrize("method", ["toDynamoDBFilterExpression", "toDynamoDBConditionExpression"])
def test_an_inherited_name_is_not_an_operator_of_a_filter(evaluate: Evaluate, method: str, name: str) -> None:
    assert evaluate(f"util.transform.{method}({{ a: {{ ['{name}']: 1 }} }})") is None


@each_name
def test_an_inherited_name_is_not_an_attribute_type(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"util.transform.toDynamoDBFilterExpression({{ a: {{ attributeType: '{name}' }} }})") is None


@each_name
def test_an_inherited_name_is_not_an_operator_of_a_search(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"util.transform.toElasticsearchQueryDSL({{ a: {{ ['{name}']: 1 }} }})") is None


@each_name
def test_an_attribute_may_have_an_inherited_name(evaluate: Evaluate, name: str) -> None:
    made = json.loads(evaluate(f"util.transform.toDynamoDBFilterExpression({{ ['{name}']: {{ eq: 1 }} }})"))
    search = json.loads(evaluate(f"util.transform.toElasticsearchQueryDSL({{ ['{name}']: {{ eq: 1 }} }})"))
    groups = evaluate(f"util.transform.toSubscriptionFilter({{ ['{name}']: {{ eq: 1 }} }})")["filterGroup"]

    assert made["expression"] == f"(#{name} = :{name}_eq)"
    assert made["expressionNames"] == {f"#{name}": name}
    assert search == {"term": {name: 1}}
    assert groups == [{"filters": [{"fieldName": name, "operator": "eq", "value": 1}]}]


@each_name
def test_an_update_of_a_member_with_an_inherited_name_changes_that_member_alone(evaluate: Evaluate, name: str) -> None:
    update = evaluate(f"ddb.update({{ key: {{ id: 'a' }}, update: {{ deep: {{ ['{name}']: 1 }} }} }})")["update"]

    assert update["expression"] == "SET #expName_1.#expName_2 = :expValue_1"
    assert update["expressionNames"] == {"#expName_1": "deep", "#expName_2": name}


@each_name
def test_an_item_may_have_an_attribute_with_an_inherited_name(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"util.dynamodb.toMapValues({{ ['{name}']: 1 }})") == {name: {"N": 1}}


@each_name
def test_an_inherited_name_is_not_an_xml_entity(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"util.xml.toMap('<a>&{name};</a>')") == {"a": f"&{name};"}


@each_name
def test_an_xml_element_may_have_an_inherited_name(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"util.xml.toMap('<a><{name}>1</{name}></a>')") == {"a": {name: 1}}


@each_name
def test_an_inherited_name_is_not_a_time_zone(evaluate: Evaluate, name: str) -> None:
    with pytest.raises(ScriptFailed, match=f"there is no time zone {name}"):
        evaluate(f"util.time.nowFormatted('yyyy', '{name}')")


@pytest.mark.parametrize("owner", ["util", "util.math", "util.http", "runtime", "extensions"])
@each_name
def test_an_inherited_name_is_not_a_utility(evaluate: Evaluate, owner: str, name: str) -> None:
    with pytest.raises(ScriptFailed, match=f"{owner}.{name} is not supported by this engine"):
        evaluate(f"{owner}[['{name}'].join()]")  # a computed name, which the check at start cannot know


@each_name
def test_a_header_may_have_an_inherited_name(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"util.http.copyHeaders({{ ['{name}']: 'x' }})") == {name: "x"}


@each_name
def test_a_time_format_with_an_inherited_name_reads_its_letters(evaluate: Evaluate, name: str) -> None:
    assert evaluate(f"util.time.nowFormatted(\"'{name}'\")") == name
