"""Schemas as other people write them: what AppSync accepts, and where a refusal says what is wrong."""

from pathlib import Path

import pytest
from graphql import GraphQLScalarType

from appsync_local.api.schema import load_schema
from appsync_local.errors import ApiInvalid


def written(folder: Path, text: str) -> Path:
    path = folder / "schema.graphql"
    path.write_text(text)
    return path


def test_scalar_of_appsync_may_be_declared_again(tmp_path: Path) -> None:
    schema = load_schema(written(tmp_path, "scalar AWSDate\nscalar Money\ntype Query { day(of: AWSDate): Money }"))

    day = schema.type_map["AWSDate"]
    assert isinstance(day, GraphQLScalarType)
    with pytest.raises(ValueError, match="as a valid date"):
        day.coerce_input_value("no day")
    assert "Money" in schema.type_map


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('type Query {\n  "a;"\n  a: Int; # ;\n  b: Int;\n}', ":3:9: GraphQL has no semicolons; the schema's 2 are"),
        (
            "input I @aws_iam { a: Int }\ntype Query { a(i: I): Int }",
            ":1:9: Directive '@aws_iam' may not be used on input",
        ),
    ],
)
def test_what_has_no_effect_is_accepted_with_a_warning(
    tmp_path: Path, text: str, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    schema = load_schema(written(tmp_path, text))

    assert schema.query_type is not None
    assert "a" in schema.query_type.fields
    assert caplog.messages[0].startswith(f"{tmp_path / 'schema.graphql'}{warning}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("type Query { a: Int @aws_apikey }", ":1:21: Unknown directive '@aws_apikey'. Did you mean @aws_api_key"),
        ("type Query { a: Int }\ndirective @aws_iam on OBJECT", ":2:1: AppSync accepts no definitions of directives"),
        ("type AWSDate { a: Int }\ntype Query { a: Int }", ":1:6: There can be only one type named 'AWSDate'"),
    ],
)  # fmt: skip
def test_refusal_names_line_and_column_and_what_to_do(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ApiInvalid) as refused:
        load_schema(written(tmp_path, text))

    assert refused.value.problems[0].startswith(f"{tmp_path / 'schema.graphql'}{problem}")
