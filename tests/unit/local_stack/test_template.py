"""The local stack of a CloudFormation template: what the template lacks is missing, and the reason is reported."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import pytest
from aiohttp import web

from appsync_local.api.model import Code, HttpSource, LambdaSource, UnitResolver, code_file
from chalicelib.api.authorizer import TOKEN_FORM
from infrastructure.api import API
from infrastructure.stages import DEV, PROD
from local_stack.aws_access import AwsAccess
from local_stack.services.bedrock import with_bedrock
from local_stack.services.bucket import BUCKET
from local_stack.services.cognito.pool import Pool
from local_stack.template.api_names import api_names
from local_stack.template.blueprint import blueprint_from_template
from local_stack.template.composition import read_template
from local_stack.template.document import TemplateInvalid
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Role, Statement
from local_stack.template.stack import TemplateStack, read_stack
from longcall import RequestRejected, Status
from tests.acceptance.stack import LocalStack, running_stack
from tests.support.cdk_assembly import ROOT, Assembly
from tests.support.cloudformation import Resource, Template

Change = Callable[[dict[str, Resource]], None]
LOCAL_ATTRIBUTES = ("ApiKey", "ClientId", "GraphQLUrl", "ProviderURL", "RealtimeUrl")
LOCAL_TYPES = ("AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient")
STORY: Any = {"model": "simulated.story", "process_time": 0.1, "max_tokens": 5}


@pytest.fixture
def changed(assembly: Assembly, request: pytest.FixtureRequest) -> Callable[[Change], Path]:
    """Writes a changed copy of the dev stage's template beside its assets."""

    def write(change: Change) -> Path:
        body = json.loads(assembly.templates["dev"].path.read_text())
        change(body["Resources"])
        name = request.node.name.replace("[", "-").rstrip("]")
        path = assembly.folder / f"{name}.template.json"
        path.write_text(json.dumps(body))
        (assembly.folder / f"{name}.assets.json").write_text((assembly.folder / "longcall-dev.assets.json").read_text())
        return path

    return write


def statements(resources: dict[str, Resource], role: str) -> list[Resource]:
    """The statements of one role's policy."""
    (policy,) = (name for name in resources if name.startswith(f"{role}DefaultPolicy"))
    found: list[Resource] = resources[policy]["Properties"]["PolicyDocument"]["Statement"]
    return found


def forbid(role: str, action: str) -> Change:
    def change(resources: dict[str, Resource]) -> None:
        for statement in statements(resources, role):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [it for it in actions if it != action]

    return change


def remove(kind: str, **properties: str) -> Change:
    def change(resources: dict[str, Resource]) -> None:
        (name,) = (
            name
            for name, it in resources.items()
            if it["Type"] == kind and properties.items() <= it["Properties"].items()
        )
        del resources[name]

    return change


def unset(function: str, variable: str) -> Change:
    def change(resources: dict[str, Resource]) -> None:
        del resources[function]["Properties"]["Environment"]["Variables"][variable]

    return change


def without_retries(resources: dict[str, Resource]) -> None:
    """Fail without a retry, to save time."""
    for it in resources.values():
        if it["Type"] == "AWS::Lambda::EventInvokeConfig":
            it["Properties"]["MaximumRetryAttempts"] = 0


def read(path: Path) -> TemplateStack:
    template = read_template(path)
    given = {(name, it): f"{name}.{it}" for name in template.resources for it in LOCAL_ATTRIBUTES}
    given |= {(it.name, "Ref"): it.name for it in template.of_type(*LOCAL_TYPES)}
    intrinsics = IntrinsicResolver(template, "us-east-1", given)
    return read_stack(template, intrinsics, api_names(template, intrinsics))


async def run(stack: LocalStack) -> Any:
    async with stack.client() as client:
        return [view async for view in client.run("Hi", **STORY)][-1]


def test_template_describes_the_projects_api(dev: Template) -> None:
    stack = read(dev.path)

    (api,) = stack.apis
    assert api.api.modes == API.modes
    assert set(api.api.resolvers) == {replace(it, code=Code.FILE) for it in API.resolvers}
    assert set(api.api.functions) == set(API.functions)
    # A template has a copy of the code in every resolver, so that each gets a file of its own here.
    wired = {unit: (ROOT / "graphql" / str(code_file(unit))).read_text() for unit in (*API.resolvers, *API.functions)}
    assert api.code == {str(code_file(replace(unit, code=Code.FILE))): text for unit, text in wired.items()}
    assert {it.name for it in api.api.sources} == {it.name for it in API.sources}
    assert api.api.authorizer == "Authorizer"
    assert (stack.problems, stack.refusals) == ((), {})
    assert [it.split(":")[0] for it in stack.warnings] == ["ignored, because it has no effect on one machine"]


def test_the_api_has_the_limits_of_the_template(dev: Template, prod: Template) -> None:
    for template, stage in ((dev, DEV), (prod, PROD)):
        (api,) = read(template.path).apis

        assert api.limits == stage.operation
        assert api.authorizer.identity_validation == TOKEN_FORM


def test_functions_have_the_templates_limits_and_event_options(dev: Template) -> None:
    functions = {it.name: it for it in read(dev.path).functions}
    inference = functions["Inference"]

    assert (inference.timeout, inference.memory_mb, inference.reserved_concurrency) == (900, 512, 10)
    assert (inference.maximum_retries, inference.maximum_event_age, inference.on_failure) == (2, 3600, "JobFailed")
    assert functions["StatusRelay"].timeout == 10
    assert functions["JobFailed"].on_failure is None  # on AWS it is a queue


def test_roles_may_call_the_fields_of_their_policies(dev: Template) -> None:
    fields = read(dev.path).fields

    assert fields["JobFailed"] == {"Mutation.updateStatus"}
    assert fields["Inference"] == fields["Sweep"] == {"Mutation.updateStatus", "Mutation.dispatchInference"}
    assert fields["Authorizer"] == fields["StatusRelay"] == frozenset()


def test_schedule_is_that_of_the_rule(dev: Template) -> None:
    assert [(it.function, it.every) for it in read(dev.path).schedules] == [("Sweep", 60.0)]


def test_api_key_is_given_to_the_worker_and_the_api(keyed: Template, tmp_path: Path) -> None:
    pool = Pool("http://127.0.0.1:1", "us-east-1", "us-east-1_pool", "client", ())

    made = blueprint_from_template(
        read_template(keyed.path), address="api", pool=pool,
        ledger="sqlite:jobs.db", s3="http://127.0.0.1:2", data=tmp_path, new_folder=lambda: tmp_path,
        aws=AwsAccess("", ""),
    )  # fmt: skip

    environments = {it.name: it.environment for it in made.functions}
    assert [key.key for key in made.apis[0].api_keys] == [environments["Inference"]["LONGCALL_API_KEY"]]
    assert environments["StatusRelay"]["LONGCALL_LEDGER"] == "sqlite:jobs.db"
    assert environments["Authorizer"]["LONGCALL_ISSUER"] == pool.issuer
    assert environments["Authorizer"]["LONGCALL_JWKS_URL"] == pool.jwks_url
    assert "LONGCALL_LEDGER" not in environments["Inference"]
    assert {environments[it]["AWS_ENDPOINT_URL_S3"] for it in ("Inference", "StatusRelay")} == {"http://127.0.0.1:2"}
    reached = with_bedrock(made, {"LONGCALL_BEDROCK": "aws"})
    assert [it.name for it in reached.functions if "LONGCALL_BEDROCK" in it.environment] == ["Inference"]
    assert {environments[it]["LONGCALL_BUCKET"] for it in ("Inference", "StatusRelay")} == {BUCKET}
    assert "LONGCALL_BUCKET" not in environments["Authorizer"]


@pytest.mark.parametrize(
    ("change", "refused", "reason"),
    [
        (forbid("GraphqlInferenceRole", "lambda:InvokeFunction"), "data source Inference", "lambda:InvokeFunction"),
        (
            remove("AWS::Lambda::Permission", Principal="appsync.amazonaws.com"),
            "authorizer Authorizer",
            "appsync.amazonaws.com is not authorized",
        ),
        (forbid("RolesStatusRelayRole", "dynamodb:PutItem"), "StatusRelay", "dynamodb:PutItem"),
        (forbid("RolesSweepRole", "dynamodb:UpdateItem"), "Sweep", "dynamodb:UpdateItem"),
        (forbid("RolesStatusRelayRole", "s3:ListBucket"), "StatusRelay", "s3:ListBucket"),
        (forbid("RolesInferenceRole", "s3:PutObject"), "Inference", "s3:PutObject"),
    ],
    ids=["data-source", "authorizer", "relay", "sweep", "uploads", "results"],
)
def test_missing_right_is_named_in_the_refusal(
    changed: Callable[[Change], Path], change: Change, refused: str, reason: str
) -> None:
    stack = read(changed(change))

    assert list(stack.refusals) == [refused]
    assert reason in stack.refusals[refused]


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (forbid("RolesInferenceRole", "lambda:InvokeFunction"), "failures of Inference are dropped"),
        (remove("AWS::Lambda::Permission", Principal="events.amazonaws.com"), "Sweep does not run on schedule"),
    ],
    ids=["destination", "schedule"],
)
def test_missing_right_of_a_destination_or_rule_is_a_warning(
    changed: Callable[[Change], Path], change: Change, warning: str
) -> None:
    assert [it for it in read(changed(change)).warnings if it.startswith(warning)]


def test_role_may_do_what_is_allowed_and_not_denied() -> None:
    allow = Statement(True, ("dynamodb:*",), ("arn:table/jobs*",))
    deny = Statement(False, ("dynamodb:Delete*",), ("*",))
    role = Role("role", (allow, deny))

    assert role.may("dynamodb:GetItem", "arn:table/jobs-dev")
    assert not role.may("dynamodb:GetItem", "arn:table/users")
    assert not role.may("dynamodb:DeleteItem", "arn:table/jobs-dev")
    assert not role.may("s3:GetObject", "arn:table/jobs-dev")
    assert not Role("role", (deny,)).may("s3:GetObject", "anything")


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ("{}", "is not a CloudFormation template")])
def test_file_that_is_not_a_template_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.json").write_text(text)

    with pytest.raises(TemplateInvalid, match=words):
        read_template(tmp_path / "x.json")
    with pytest.raises(TemplateInvalid, match="cannot be read"):
        read_template(tmp_path / "y.json")


async def test_job_runs_on_the_deployed_package(dev: Template, tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", "--template", str(dev.path)) as stack:
        last = await run(stack)
        async with stack.client() as client:
            large = [view async for view in client.run("déjà vu " * 30_000, model="simulated.echo")][-1]

    assert last.status is Status.COMPLETED
    assert last.result == last.output
    assert large.result == "déjà vu " * 30_000


async def test_job_runs_if_its_worker_reports_with_an_api_key(keyed: Template, tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", "--template", str(keyed.path)) as stack:
        last = await run(stack)

    assert last.status is Status.COMPLETED
    assert last.cost is not None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            forbid("RolesInferenceRole", "appsync:GraphQL"),
            "AppSync refused an update: UnauthorizedException: Permission denied",
        ),
        (unset("Inference", "LONGCALL_API_URL"), "LONGCALL_API_URL is not set"),
    ],
    ids=["permission", "variable"],
)
async def test_job_fails_with_the_right_or_variable_that_its_worker_lacks(
    changed: Callable[[Change], Path], tmp_path: Path, change: Change, reason: str
) -> None:
    def both(resources: dict[str, Resource]) -> None:
        change(resources)
        without_retries(resources)

    with running_stack(tmp_path / "data", "--template", str(changed(both))) as stack:
        last = await run(stack)

    assert (last.status, last.error_type) == (Status.FAILED, "CRASHED")
    assert reason in last.error


@pytest.mark.parametrize(
    ("change", "answer", "logged"),
    [
        (remove("AWS::AppSync::Resolver", FieldName="startInference"), "Cannot return null for non-nullable", ""),
        (
            forbid("GraphqlStatusRelayRole", "lambda:InvokeFunction"),
            "the API could not answer",
            "not authorized to perform: lambda:InvokeFunction",
        ),
    ],
    ids=["resolver", "right"],
)
async def test_start_is_refused_if_its_field_cannot_be_resolved_and_the_log_has_the_reason(
    changed: Callable[[Change], Path], tmp_path: Path, change: Change, answer: str, logged: str
) -> None:
    with (
        running_stack(tmp_path / "data", "--template", str(changed(change))) as stack,
        pytest.raises(RequestRejected, match=answer) as refused,
    ):
        await run(stack)

    assert "arn:" not in str(refused.value)
    assert logged in (tmp_path / "data.log").read_text()


async def test_application_of_plain_cdk_is_served(assembly: Assembly, tmp_path: Path) -> None:
    from tests.unit.local_stack.plain_store import synthesise

    async with prices() as prices_url:
        template = synthesise(tmp_path / "cdk.out", prices_url=prices_url)
        with running_stack(tmp_path / "data", "--template", str(template)) as stack:
            put_lines(stack, Template(template), order="o1", skus=("a", "bb"))
            async with aiohttp.ClientSession() as session:
                say = partial(ask, session, stack.url, stack.description["apiKeys"][0])
                refused = await ask(session, stack.url, "unknown", '{ order(id: "o1") { id } }')
                placed = await say('mutation { placeOrder(id: "o1", customer: "Ada") { id } }')
                again = await say('mutation { placeOrder(id: "o1", customer: "Bob") { id } }')
                read = await say('{ order(id: "o1") { customer status lines { sku price } } }')
                sent = await say('mutation { dispatchOrder(id: "o2", customer: "Ada") { id status } }')
                quoted = await say('{ quoted(sku: "a") }')
                direct = await say('{ direct(text: "hello") }')

    lines = [{"sku": "a", "price": 100}, {"sku": "bb", "price": 200}]
    assert refused["errors"][0]["errorType"] == "UnauthorizedException"
    assert placed == {"data": {"placeOrder": {"id": "o1"}}}
    assert again["errors"][0]["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert read == {"data": {"order": {"customer": "Ada", "status": "PLACED", "lines": lines}}}
    assert sent == {"data": {"dispatchOrder": {"id": "o2", "status": "DISPATCHED"}}}
    assert json.loads(quoted["data"]["quoted"]) == {"status": 200, "body": {"path": "/prices/a"}}
    assert json.loads(direct["data"]["direct"])["arguments"] == {"text": "hello"}


@asynccontextmanager
async def prices() -> AsyncIterator[str]:
    """A server that answers each request with the path of the request."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"path": request.path})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def put_lines(stack: LocalStack, template: Template, *, order: str, skus: tuple[str, ...]) -> None:
    (table,) = (name for name in template.of_type("AWS::DynamoDB::Table") if name.startswith("Lines"))
    key = stack.description["operator"]
    client = boto3.client(
        "dynamodb", endpoint_url=stack.description["dynamodbUrl"], region_name=stack.description["region"],
        aws_access_key_id=key["accessKeyId"], aws_secret_access_key=key["secretAccessKey"],
    )  # fmt: skip
    for sku in skus:
        client.put_item(TableName=table, Item={"order": {"S": order}, "sku": {"S": sku}})


def test_data_source_on_a_table_of_another_stack_is_refused(changed: Callable[[Change], Path]) -> None:
    def change(resources: dict[str, Resource]) -> None:
        for it in resources.values():
            if it["Type"] == "AWS::AppSync::DataSource" and it["Properties"]["Name"] == "Nothing":
                it["Properties"] |= {"Type": "AMAZON_DYNAMODB", "DynamoDBConfig": {"TableName": "users"}}

    (problem,) = read(changed(change)).problems
    assert "data source Nothing uses table users, which is not a table of this stack" in problem


async def ask(session: aiohttp.ClientSession, url: str, key: str, query: str) -> Any:
    async with session.post(url, json={"query": query}, headers={"x-api-key": key}) as response:
        return await response.json(content_type=None)


def test_http_source_batch_and_resolver_without_code_are_read(changed: Callable[[Change], Path]) -> None:
    def change(resources: dict[str, Resource]) -> None:
        for it in resources.values():
            properties = it.get("Properties", {})
            if it["Type"] == "AWS::AppSync::DataSource" and properties["Name"] == "Nothing":
                properties |= {"Type": "HTTP", "HttpConfig": {"Endpoint": "https://example.test"}}
            if it["Type"] == "AWS::AppSync::Resolver" and properties["FieldName"] == "getInference":
                del properties["Code"]
                properties["MaxBatchSize"] = 5

    (api,) = (it.api for it in read(changed(change)).apis)

    assert HttpSource("Nothing", "https://example.test") in api.sources
    assert UnitResolver("Query.getInference", "StatusRelay", Code.DIRECT, 5) in api.resolvers


def test_unsupported_data_source_type_is_named(changed: Callable[[Change], Path]) -> None:
    def change(resources: dict[str, Resource]) -> None:
        for it in resources.values():
            if it["Type"] == "AWS::AppSync::DataSource" and it["Properties"]["Name"] == "Nothing":
                it["Properties"]["Type"] = "AMAZON_OPENSEARCH_SERVICE"

    (problem,) = read(changed(change)).problems
    assert "data source Nothing is of type AMAZON_OPENSEARCH_SERVICE" in problem


def test_data_sources_name_the_functions_of_the_template(dev: Template) -> None:
    assert {it.function for it in read(dev.path).apis[0].api.sources if isinstance(it, LambdaSource)} == {
        "StatusRelay", "Inference"
    }  # fmt: skip
