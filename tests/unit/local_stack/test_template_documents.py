"""What a template says, read from JSON and YAML: parameters, conditions, functions, nested and imported stacks."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from local_stack.root_fields import root_fields
from local_stack.template.assembly import find_template
from local_stack.template.composition import read_template
from local_stack.template.document import TemplateInvalid
from local_stack.template.intrinsics import IntrinsicResolver


def written(folder: Path, text: str, name: str = "template.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


def values_of(path: Path, *, of: str = "It", **given: str) -> dict[str, Any]:
    """The resolved properties of one resource."""
    template = read_template(path, given)
    resolved: dict[str, Any] = IntrinsicResolver(template, "us-east-1").resolve(dict(template.resources[of].properties))
    return resolved


def value_of(folder: Path, expression: str, *, more: str = "", **given: str) -> Any:
    """What one expression in a template resolves to."""
    path = written(folder, f"Resources:\n  It: {{Type: 'X::Y::Z', Properties: {{Value: {expression}}}}}\n{more}")
    return values_of(path, **given).get("Value")


TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table"
RESOURCES = """
  Jobs: {Type: 'AWS::SQS::Queue'}
  Notes: {Type: 'AWS::DynamoDB::GlobalTable', Properties: {TableName: notes}}
  Work: {Type: 'AWS::Lambda::Function', Properties: {FunctionName: work}}
  Live: {Type: 'AWS::Lambda::Alias', Properties: {FunctionName: !Ref Work, Name: live}}
  First: {Type: 'AWS::Lambda::Version', Properties: {FunctionName: !GetAtt Work.Arn}}
  Topic: {Type: 'AWS::SNS::Topic'}
  Flag: {Type: 'AWS::SSM::Parameter', Properties: {Value: on}}
Parameters:
  Size: {Type: Number, Default: 5}
  Zones: {Type: CommaDelimitedList, Default: 'a, b'}
Mappings:
  Sizes: {us-east-1: {small: 1}}
Conditions:
  Big: !Equals [!Ref Size, 5]
  Small: !Not [!Condition Big]
  Both: !And [!Condition Big, !Or [!Condition Small, !Equals [a, a]]]
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Size", "5"),
        ("!Ref Zones", ["a", "b"]),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Join ['-', [!Ref 'AWS::Region', !Ref Notes]]", "us-east-1-notes"),
        ("!Sub '${Size} of ${Notes.Arn} in ${!literally}'", f"5 of {TABLE}/notes in ${{literally}}"),
        ("!Sub ['${a}-${Size}', {a: !Ref Notes}]", "notes-5"),
        ("!Select [1, !Split ['/', 'a/b']]", "b"),
        ("!Select [0, !Split [':', !GetAtt Work.Arn]]", "arn"),
        ("!FindInMap [Sizes, !Ref 'AWS::Region', small]", 1),
        ("!FindInMap [Sizes, none, small, {DefaultValue: 2}]", 2),
        ("!If [Big, yes-it-is, !Ref Gone]", "yes-it-is"),
        ("!If [Small, a, !Ref 'AWS::NoValue']", None),
        ("!If [Both, a, b]", "a"),
        ("!Base64 abc", "YWJj"),
        ("{'Fn::Length': !Ref Zones}", 2),
        ("{'Fn::ToJsonString': {a: !Ref Size}}", '{"a":"5"}'),
        ("!Ref Jobs", "https://sqs.us-east-1.amazonaws.com/123456789012/Jobs"),
        ("!GetAtt Jobs.Arn", "arn:aws:sqs:us-east-1:123456789012:Jobs"),
        ("!Ref Topic", "arn:aws:sns:us-east-1:123456789012:Topic"),
        ("!Ref Live", "arn:aws:lambda:us-east-1:123456789012:function:work:live"),
        ("!Ref First", "arn:aws:lambda:us-east-1:123456789012:function:work:1"),
        ("!GetAtt Flag.Value", "true"),
        ("2012-10-17", "2012-10-17"),
    ],
)  # fmt: skip
def test_expression_has_the_value_that_cloudformation_gives(tmp_path: Path, expression: str, value: Any) -> None:
    assert value_of(tmp_path, expression, more=RESOURCES) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("!Ref Gone", "refers to Gone, which is not a resource of this stack"),
        ("!GetAtt Notes.Weight", r"Weight of Notes \(AWS::DynamoDB::GlobalTable\) is not known on this machine; give"),
        ("!ImportValue other", "exports other; put the template of that stack there"),
        ("!FindInMap [Sizes, none, small]", "the mapping Sizes has no none.small"),
        ("!If [Gigantic, a, b]", "there is no condition Gigantic"),
        ("!Cidr [10.0.0.0/16, 1, 8]", "Fn::Cidr is not supported"),
        ("!Select [7, !Ref Zones]", "the arguments of Fn::Select are not valid"),
        ("!Ref Needed", "the parameter Needed has no value; give one with --parameter Needed=VALUE"),
        ("!Ref Stored", "the parameter Stored has its value in SSM, at /some/name; give one with --parameter"),
    ],
)
def test_reference_that_cannot_be_resolved_is_refused_and_never_made_up(
    tmp_path: Path, expression: str, reason: str
) -> None:
    stored = "Stored: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /some/name}"
    more = RESOURCES.replace("Mappings:", f"  Needed: {{Type: String}}\n  {stored}\nMappings:")

    with pytest.raises(TemplateInvalid, match=reason):
        value_of(tmp_path, expression, more=more)


def test_values_are_given_for_parameters_and_for_what_this_machine_does_not_know(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        Parameters: {Name: {Type: String}}
        Resources:
          Rest: {Type: 'AWS::ApiGateway::RestApi'}
          It: {Type: 'X::Y::Z', Properties: {Name: !Ref Name, Url: !Sub 'http://${Rest}/${Rest.RootResourceId}'}}
        """,
    )

    given = {"Name": "ada", "Rest": "api", "Rest.RootResourceId": "root"}

    assert values_of(path, **given) == {"Name": "ada", "Url": "http://api/root"}
    with pytest.raises(TemplateInvalid, match="no parameter or resource Nmae; did you mean Name"):
        read_template(path, {"Nmae": "ada"})


def test_resource_whose_condition_is_not_met_does_not_exist(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        Parameters: {Stage: {Type: String, Default: dev}}
        Conditions: {IsProd: !Equals [!Ref Stage, prod]}
        Resources:
          Always: {Type: 'AWS::SNS::Topic'}
          Alarm: {Type: 'AWS::SNS::Topic', Condition: IsProd}
        """,
    )

    assert read_template(path).resources.keys() == {"Always"}
    assert read_template(path, {"Stage": "prod"}).resources.keys() == {"Always", "Alarm"}


def test_nested_stacks_get_parameters_and_give_outputs(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
        Parameters: {Name: {Type: String}}
        Resources: {Table: {Type: 'AWS::DynamoDB::Table', Properties: {TableName: !Sub '${Name}-notes'}}}
        Outputs: {Arn: {Value: !GetAtt Table.Arn}}
        """,
        "data/nested.yaml",
    )
    path = written(
        tmp_path,
        """
        Resources:
          Topic: {Type: 'AWS::SNS::Topic', Properties: {TopicName: all}}
          Data:
            Type: AWS::CloudFormation::Stack
            Properties: {TemplateURL: data/nested.yaml, Parameters: {Name: !GetAtt Topic.TopicName}}
          It: {Type: 'X::Y::Z', Properties: {Value: !GetAtt Data.Outputs.Arn}}
        """,
    )

    assert values_of(path) == {"Value": f"{TABLE}/all-notes"}
    assert read_template(path).resources["Data-Table"].file == tmp_path / "data/nested.yaml"


def test_values_are_imported_from_the_templates_beside_it(tmp_path: Path) -> None:
    exports = {
        "Resources": {"Notes": {"Type": "AWS::DynamoDB::Table"}},
        "Outputs": {"Name": {"Value": {"Ref": "Notes"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}:Notes"}}}},
    }
    (tmp_path / "data.template.json").write_text(json.dumps(exports))
    (tmp_path / "tree.json").write_text("[]")
    path = written(tmp_path, "Resources: {It: {Type: 'X::Y::Z', Properties: {Value: !ImportValue 'data:Notes'}}}")

    assert values_of(path) == {"Value": "data-Notes"}
    assert read_template(path).resources["data-Notes"].type == "AWS::DynamoDB::Table"


def test_stack_of_a_folder_that_cdk_wrote_is_chosen_by_name(tmp_path: Path) -> None:
    def artifact(name: str) -> dict[str, Any]:
        return {
            "type": "aws:cloudformation:stack", "properties": {"templateFile": f"{name}.template.json"},
        }  # fmt: skip

    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"artifacts": {"Api": artifact("Api"), "Tree": {"type": "cdk:tree"}}}))

    assert find_template(tmp_path, None).path == tmp_path / "Api.template.json"

    manifest.write_text(json.dumps({"artifacts": {"Api": artifact("Api"), "Data": artifact("Data")}}))

    assert find_template(tmp_path, "Data").path == tmp_path / "Data.template.json"
    with pytest.raises(TemplateInvalid, match="has 2 stacks; choose one with --stack NAME: Api, Data"):
        find_template(tmp_path, None)
    with pytest.raises(TemplateInvalid, match="has no stack Web"):
        find_template(tmp_path, "Web")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Resources:\n  A: [", r"template.yaml:2:\d+: not YAML"),
        ('{"Resources": {,}}', "template.yaml:1:16: not JSON"),
        ("Resources:\n  A: {Properties: {}}", "template.yaml:2: A has no Type"),
    ],
)
def test_file_that_is_no_template_is_refused_with_the_place(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(TemplateInvalid, match=reason):
        read_template(written(tmp_path, text))


def test_root_fields_of_a_schema_with_semicolons_are_found() -> None:
    schema = "schema { query: Root }\ntype Root { a: Int; b: Int; }\ntype Query { c: Int }"

    assert [*root_fields(schema)] == [("Root", "a"), ("Root", "b")]


def test_text_at_a_bucket_and_key_is_read_from_its_local_file(tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text("{}")
    text = "{Bucket: local, Key: 'file:%s'}" % (tmp_path / "flow.json")
    template = read_template(
        written(tmp_path, f"Resources: {{Flow: {{Type: 'A::B::C', Properties: {{DefinitionS3Location: {text}}}}}}}")
    )

    found = IntrinsicResolver(template, "us-east-1").text_or_asset(
        template.resources["Flow"], "DefinitionString", "DefinitionS3Location"
    )

    assert found == "{}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Resources: {A: {Type: B}}\nOutputs: {Url: none}", "template.yaml:1: Url of Outputs must be an object"),
        (
            "Resources:\n  A: {Type: B, Properties: [1]}",
            "template.yaml:2: A must be text, and its Properties an object",
        ),
        ("Resources: {A: {Type: B}}\nParameters: [C]", "template.yaml:2: Parameters must be an object"),
    ],
)
def test_part_of_another_form_is_refused_with_the_place(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(TemplateInvalid, match=reason):
        read_template(written(tmp_path, text))


def test_resource_whose_properties_depend_on_an_unknown_condition_is_a_problem(tmp_path: Path) -> None:
    text = "Resources:\n  A: {Type: 'X::Y::Z', Properties: !If [Gone, {}, {}], Condition: {}}\n  B: {Type: 'X::Y::Z', "

    problems = read_template(written(tmp_path, text + "Properties: !If [Gone, {}, {}]}")).problems

    assert [it.split(": ", 1)[1] for it in problems] == [
        "A: a condition must be given by its name",
        "B: there is no condition Gone",
    ]


def test_loop_is_written_out_for_each_value(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        Transform: AWS::LanguageExtensions
        Parameters: {Names: {Type: CommaDelimitedList, Default: 'a-b,c'}}
        Resources:
          Fn::ForEach::Tables:
            - Name
            - !Ref Names
            - Table&{Name}: {Type: 'AWS::DynamoDB::Table', Properties: {TableName: !Sub '${Name}-notes'}}
          Fn::ForEach::Broken: [Name]
        """,
    )

    template = read_template(path)

    assert {it.name: it.properties for it in template.resources.values()} == {
        "Tableab": {"TableName": "a-b-notes"}, "Tablec": {"TableName": "c-notes"},
    }  # fmt: skip
    [problem] = template.problems
    assert "Fn::ForEach::Broken: a loop must be [Identifier, [values], {name: content}]" in problem


def test_folder_of_sam_is_served_as_it_was_built_and_one_of_cdk_must_be_synthesised(tmp_path: Path) -> None:
    written(tmp_path, "Resources: {}", "sam/template.yaml")
    assert find_template(tmp_path / "sam", None).path == tmp_path / "sam/template.yaml"

    built = written(tmp_path, "Resources: {}", "sam/.aws-sam/build/template.yaml")
    assert find_template(tmp_path / "sam", None).path == built

    written(tmp_path, "{}", "cdk/cdk.json")
    with pytest.raises(TemplateInvalid, match="run `cdk synth` in it"):
        find_template(tmp_path / "cdk", None)
    with pytest.raises(TemplateInvalid, match="--stack chooses a stack of a folder"):
        find_template(built, "Api")


def test_nested_stack_without_its_template_is_a_problem_with_the_line(tmp_path: Path) -> None:
    text = "Resources:\n  Data: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: gone.yaml}}"

    [problem] = read_template(written(tmp_path, text)).problems

    assert problem == f"{tmp_path / 'template.yaml'}:2: Data: gone.yaml does not exist"
