"""SAM templates: translated, with the files that they name, and without what is not served here."""

import sys
from pathlib import Path

import pytest

from local_stack.template.composition import read_template
from local_stack.template.document import TemplateInvalid

FUNCTION = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Handler: work.handler
      Runtime: python3.12
      CodeUri: src
      Events:
        Web: {Type: Api, Properties: {Path: /, Method: get, RestApiId: !Ref Gateway}}
        Often: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
  Gateway:
    Type: AWS::Serverless::Api
    Properties: {StageName: live, DefinitionBody: {'Fn::Transform': {Name: 'AWS::Include', Parameters: {Location: a}}}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "template.yaml"
    path.write_text(text)
    return path


def test_function_has_its_local_code_its_schedule_and_no_gateway(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    template = read_template(written(tmp_path, FUNCTION))

    types = {it.type for it in template.resources.values()}
    code = template.resources["Work"].properties["Code"]
    assert {"AWS::Lambda::Function", "AWS::IAM::Role", "AWS::Events::Rule", "AWS::Lambda::Permission"} <= types
    assert template.asset(code["S3Key"]) == tmp_path / "src"
    assert "AWS::ApiGateway::Deployment" not in types


def test_what_the_translator_refuses_is_named_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(TemplateInvalid, match=r"template\.yaml:4: Resource with id \[Work\] is invalid"):
        read_template(written(tmp_path, FUNCTION.replace("CodeUri: src", "CodeUri: [src]")))


def test_without_the_translator_the_refusal_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "samtranslator.parser.parser", None)  # as if it were not installed

    with pytest.raises(TemplateInvalid, match=r"is not installed; install it: pip install 'longcall\[sam\]'"):
        read_template(written(tmp_path, FUNCTION))
