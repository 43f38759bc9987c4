"""The table of applications that run: which templates are tried, and what a row says."""

from pathlib import Path

from bench.samples import Sample, find_templates, table, tried

API = "Resources: {Api: {Type: 'AWS::AppSync::GraphQLApi', Properties: {Name: a, AuthenticationType: API_KEY}}}"


def test_templates_with_an_api_are_found_and_other_files_are_not(tmp_path: Path) -> None:
    files = {
        "a/template.yaml": API,
        "b/cdk.out/B.template.json": '{"Resources": {"Api": {"Type": "AWS::AppSync::GraphQLApi"}}}',
        "a/node_modules/c/template.yaml": API, "notes.yml": "AWS::AppSync::GraphQLApi", "d.json": "{}",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    found = [it.relative_to(tmp_path).as_posix() for it in find_templates(tmp_path)]

    assert found == ["a/template.yaml", "b/cdk.out/B.template.json"]


def test_application_that_does_not_start_has_the_reason_in_its_row(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(API)

    sample = tried(path, "a", seconds=60)

    assert (sample.starts, sample.introspection) == (False, False)
    assert sample.row() == (
        "| a | CloudFormation | no | no | 0 of 0 |  | "
        "Api: it must have an AWS::AppSync::GraphQLSchema, and does not |"
    )  # fmt: skip


def test_table_counts_what_starts() -> None:
    one = Sample("a", "SAM", starts=True, introspection=True, given=0, resolvers=2, loading=2, problems=())
    other = Sample("b", "CDK", starts=False, introspection=False, given=1, resolvers=2, loading=1, problems=("x", "y"))

    lines = table([one, other]).splitlines()

    assert lines[-1] == "1 of 2 start."
    assert lines[3] == "| b | CDK | no | no | 1 of 2 | 1 | x (and 1 more) |"
