"""The jobs beside an existing API: the templates of the example, in both forms."""

import json
import os
import re
from typing import Any

import pytest

from infrastructure.api import API
from infrastructure.jobs_schema import ApiUnfit
from infrastructure.limits import LIMITS
from infrastructure.project import ProjectInvalid
from longcall.stages import RateRule, Stage
from tests.support.cdk_assembly import NODE_NEEDED, ROOT, node_is_missing
from tests.support.cloudformation import Template, readable
from tests.support.document_blocks import blocks_of
from tests.support.library_assembly import EXAMPLE, Library, example
from tests.unit.infrastructure.test_rules import findings

HANDLERS = tuple(handler for handler in LIMITS if handler != "authorizer")


def functions(template: Template) -> dict[str, dict[str, Any]]:
    """Properties of the handlers' functions, by handler."""
    return {
        it["Handler"].removeprefix("app."): it
        for it in template.of_type("AWS::Lambda::Function").values()
        if it["Handler"].startswith("app.")
    }


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.fixture(params=["into", "beside"])
def template(library: Library, request: pytest.FixtureRequest) -> Template:
    found: Template = getattr(library, request.param)
    return found


def test_the_template_is_a_good_one_without_a_transform(template: Template) -> None:
    assert findings(template.path.read_text()) == []
    assert "Transform" not in template.body


def test_cdk_nag_finds_nothing_in_what_the_jobs_add(library: Library) -> None:
    added = {(rule, path) for rule, path in library.findings if "/Jobs/" in path or "Jobs" in rule}

    assert not added
    assert library.findings  # the library itself breaks rules, so the check has run


def test_the_functions_are_those_of_our_own_stack(template: Template, dev: Template) -> None:
    found = functions(template)

    assert set(found) == set(HANDLERS)
    for handler, function in found.items():
        own = dev.function(handler)
        same = ("Timeout", "MemorySize", "Runtime", "Handler", "Architectures")
        assert {name: function[name] for name in same} == {name: own[name] for name in same}
        assert function.get("ReservedConcurrentExecutions") == own.get("ReservedConcurrentExecutions")
        assert function["TracingConfig"] == {"Mode": own["Tracing"]}
        assert function["LoggingConfig"].keys() == own["LoggingConfig"].keys()
        added = {"LONGCALL_REPORTERS"} if handler == "status_relay" else {"LONGCALL_TYPE_PREFIX"}
        variables = function["Environment"]["Variables"]
        assert set(variables) == set(own["Environment"]["Variables"]) | added
    assert len({json.dumps(it["Code"]) for it in found.values()}) == 1


def test_events_and_schedule_are_those_of_our_own_stack(template: Template, dev: Template) -> None:
    def events(of: Template) -> list[tuple[object, object, bool]]:
        return sorted(
            (it["MaximumEventAgeInSeconds"], it["MaximumRetryAttempts"], "DestinationConfig" in it)
            for it in of.of_type("AWS::Lambda::EventInvokeConfig").values()
        )

    assert events(template) == events(dev)
    assert template.only("AWS::Events::Rule")["ScheduleExpression"] == "rate(1 minute)"


def test_every_field_of_the_jobs_has_a_resolver(template: Template) -> None:
    resolvers = {f"{it['TypeName']}.{it['FieldName']}" for it in template.of_type("AWS::AppSync::Resolver").values()}

    assert resolvers == {it.field for it in API.resolvers} | {"Query.books"}


def test_workers_may_report_to_the_api_that_callers_use_and_do_nothing_else_there(library: Library) -> None:
    for template, api in ((library.into, "ApiF70053CD"), (library.beside, "Merged")):
        allowed = {
            readable(resource)
            for policy in template.of_type("AWS::IAM::Policy").values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Action"] == "appsync:GraphQL"
            for resource in listed(statement["Resource"])
        }
        assert {it.partition("/")[2] for it in allowed} == {
            "types/Mutation/fields/updateStatus",
            "types/Mutation/fields/dispatchInference",
        }
        assert all(it.startswith(api) for it in allowed)
        urls = {
            readable(it["Environment"]["Variables"]["LONGCALL_API_URL"])
            for handler, it in functions(template).items()
            if handler != "status_relay"
        }
        assert all(it.startswith(api) and it.endswith(".GraphQLUrl") for it in urls)


def test_the_relay_accepts_reports_of_the_roles_of_workers_and_supervisors_alone(template: Template) -> None:
    found = functions(template)
    value = readable(found["status_relay"]["Environment"]["Variables"]["LONGCALL_REPORTERS"])

    roles = [found[handler]["Role"]["Fn::GetAtt"][0] for handler in ("inference", "job_failed", "sweep")]
    assert value == ",".join(f"arn:AWS::Partition:sts::AWS::AccountId:assumed-role/{role}" for role in roles)


def test_the_first_form_keeps_the_librarys_fields_and_adds_to_its_only_api(library: Library) -> None:
    schema = library.into.only("AWS::AppSync::GraphQLSchema")["Definition"]

    assert "books: [Book!]!" in schema
    assert "enum Status {" in schema
    assert "enum LongcallStatus {" in schema
    assert len(library.into.of_type("AWS::AppSync::GraphQLApi")) == 1


def test_the_second_form_merges_an_api_with_the_same_modes(library: Library) -> None:
    template = library.beside
    apis = template.of_type("AWS::AppSync::GraphQLApi")
    (merged,) = (it for it in apis.values() if it.get("ApiType") == "MERGED")
    ((jobs_id, jobs),) = ((name, it) for name, it in apis.items() if name.startswith("Jobs"))

    same = ("AuthenticationType", "AdditionalAuthenticationProviders", "UserPoolConfig")
    assert {name: jobs[name] for name in same} == {name: merged[name] for name in same}
    associations = template.of_type("AWS::AppSync::SourceApiAssociation")
    ((name, association),) = (
        (name, it) for name, it in associations.items() if it["SourceApiIdentifier"] == {"Fn::GetAtt": [jobs_id, "Arn"]}
    )
    assert association["SourceApiAssociationConfig"] == {"MergeType": "AUTO_MERGE"}
    first = set(template.resources[name]["DependsOn"])
    assert {it for it in template.resources if it.startswith("JobsFields")} <= first
    assert {it for it in template.resources if it.startswith("JobsSchema")} <= first


def test_the_merged_api_may_use_and_merge_the_jobs(library: Library) -> None:
    template = library.beside
    (role,) = (name for name in template.resources if name.startswith("Merging") and "Policy" not in name)

    granted = template.grants({"Fn::GetAtt": [role, "Arn"]})

    (name,) = (it for it in template.of_type("AWS::AppSync::SourceApiAssociation") if it.startswith("Jobs"))
    assert {
        ("appsync:SourceGraphQL", f"{name}.SourceApiArn"),
        ("appsync:SourceGraphQL", f"{name}.SourceApiArn/*"),
        ("appsync:StartSchemaMerge", f"{name}.AssociationArn"),
    } <= granted


def test_data_sources_serve_the_api_and_the_merged_one_and_no_other(library: Library) -> None:
    for template, expected in ((library.into, 1), (library.beside, 2)):
        for name, role in template.of_type("AWS::IAM::Role").items():
            if name.startswith("JobsFields"):
                (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
                arns = statement["Condition"]["ArnLike"]["aws:SourceArn"]
                assert len(arns if isinstance(arns, list) and expected > 1 else [arns]) == expected


def test_jobs_are_watched_as_in_our_own_stack_but_without_its_authorizer(template: Template, dev: Template) -> None:
    def watched(of: Template) -> set[str]:
        return {it["AlarmDescription"] for it in of.of_type("AWS::CloudWatch::Alarm").values()}

    alarms = template.of_type("AWS::CloudWatch::Alarm")
    assert watched(template) == {it for it in watched(dev) if "authorizer" not in it}
    assert len(alarms) == 17
    assert len(template.of_type("AWS::CloudWatch::Dashboard")) == 1


def without_layout(code: str) -> str:
    """Code without what a formatter may change: white space, and commas before a bracket."""
    return re.sub(r"\s|,(?=\s*[\])}])", "", code)


def test_the_page_shows_the_code_of_the_example() -> None:
    code = without_layout((EXAMPLE / "app.py").read_text("utf-8"))
    name = "test_long_running_jobs.py::test_the_page_shows_the_code_of_the_example"
    blocks = blocks_of(ROOT / "docs" / "existing-api.md", ROOT)
    shown = [it.code for it in blocks if (it.tested_by or "").endswith(name)]

    assert len(shown) == 4
    assert [it for it in shown if without_layout(it) not in code] == []


def test_a_console_is_refused_because_it_signs_in_users_of_a_stage_of_its_own() -> None:
    if node_is_missing():
        pytest.skip(NODE_NEEDED)
    import aws_cdk as cdk

    from infrastructure.constructs.long_running_jobs import LongRunningJobs

    with pytest.raises(ProjectInvalid, match=r"App/Jobs: stage 'dev': console must be off, but is on"):
        LongRunningJobs(cdk.Stack(cdk.App(), "App"), "Jobs", stage=Stage("dev", (), settings={"console": True}))


def test_an_api_that_the_jobs_cannot_be_added_to_is_refused_before_anything_is_added() -> None:
    if node_is_missing():
        pytest.skip(NODE_NEEDED)
    os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "20"  # major versions of Node
    import aws_cdk as cdk
    from aws_cdk import aws_appsync as appsync
    from aws_cdk import aws_iam as iam

    from longcall.cdk import LongRunningJobs

    library = example()
    stack = library.Library(cdk.App(), "library")
    schema = appsync.Definition.from_file(str(EXAMPLE / "schema.graphql"))
    keyed = appsync.GraphqlApi(stack, "Keyed", name="keyed", definition=schema)
    imported = appsync.GraphqlApi.from_graphql_api_attributes(stack, "Imported", graphql_api_id="abc")
    plain, guarded = Stage("dev", workloads=("local.*",)), Stage("dev", workloads=("local.*",), waf=RateRule())
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("appsync.amazonaws.com"))
    before = [it.node.path for it in stack.node.children]

    def refusal(form: str, **options: Any) -> str:
        with pytest.raises((ApiUnfit, ProjectInvalid)) as refused:
            getattr(LongRunningJobs, form)(stack, "Jobs", **{"stage": plain, **options})
        return str(refused.value)

    assert "callers of this API have no owner: its modes are API_KEY" in refusal("into", api=keyed)
    assert "the schema of library/Imported cannot be read in this app" in refusal("into", api=imported)
    assert "enum Status of the API (line 11) and enum Status of the jobs have one name" in refusal(
        "into", api=stack.api, type_prefix=""
    )
    assert "library/Api is not a merged API" in refusal("beside", merged_api=stack.api, execution_role=role)
    assert [it.node.path for it in stack.node.children] == before
    assert "waf must be None" in refusal("into", api=stack.api, stage=guarded)
