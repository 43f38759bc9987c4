"""What can be reached of moto: the services of the catalogue by signed requests, and none of its other services.

The services are those that moto itself lists.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from moto.backends import list_of_moto_modules
from werkzeug.test import Client

from appsync_local.devtools.health import Health
from certify.processes import children_running
from local_stack.creation import Creation
from local_stack.services.aws.catalogue import SERVED_BY_MOTO
from local_stack.services.aws.front import AwsFront
from local_stack.services.aws.moto import PROCESS, MotoServer, process_environment
from local_stack.services.aws.process import Backends, Served, front, refuse_other_machines
from local_stack.services.aws.resources import create_resources
from tests.contract.conftest import ROOT

KEY = ("AKIAOFTHISSTACK", "secret")
REGION = "us-east-1"
SERVED = Served(REGION, dict([KEY]), {KEY[0]: "shop"}, "start with --allow-aws to call AWS")
BACKENDS = {"dynamodbstreams", "stepfunctions"}
SERVICES = sorted(set(list_of_moto_modules()) - SERVED_BY_MOTO.keys() - BACKENDS)
HOST = "localhost"
ACCOUNT = "123456789012"
TABLE = {
    "TableName": "orders", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST",
}  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(front(SERVED))


@pytest.fixture(scope="module")
def services() -> Iterator[Callable[[str], Any]]:
    """boto3's clients of a running server."""
    server = MotoServer(health=Health().loop("moto"))
    endpoint = server.listen()
    with asyncio.Runner() as runner:
        runner.run(server.start(SERVED))
        try:
            yield lambda service: boto3.client(
                service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=KEY[0],
                aws_secret_access_key=KEY[1],
            )  # type: ignore[call-overload]  # any service  # fmt: skip
        finally:
            runner.run(server.stop())


def signed(
    body: bytes, *, target: str, service: str = "dynamodb", key: tuple[str, str] = KEY, path: str = "/",
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:  # fmt: skip
    request = AWSRequest(
        "POST", f"http://{HOST}{path}", data=body,
        headers={"x-amz-target": target, "content-type": "application/x-amz-json-1.0", **(more or {})},
    )  # fmt: skip
    SigV4Auth(Credentials(*key), service, REGION).add_auth(request)
    return dict(request.headers)


def call(client: Client, operation: str, parameters: object) -> tuple[int, object, Mapping[str, str]]:
    body = json.dumps(parameters).encode()
    answer = client.post("/", data=body, headers=signed(body, target=f"DynamoDB_20120810.{operation}"))
    return answer.status_code, json.loads(answer.data), dict(answer.headers)


def test_dynamodb_is_served_and_no_page_may_read_it(client: Client) -> None:
    status, answer, headers = call(client, "ListTables", {})

    assert (status, answer) == (200, {"TableNames": []})
    assert not [name for name in headers if name.lower().startswith("access-control-")]


def test_moto_has_services_that_must_not_be_reached() -> None:
    assert {"batch", "awslambda", "cognitoidp", "ec2", "ecs", "iam", "moto_api", "sts"} <= set(SERVICES)
    assert len(SERVICES) > 100


@pytest.mark.parametrize("service", SERVICES)
def test_no_other_service_is_reached(client: Client, service: str) -> None:
    ways = [
        (service, "POST", "/", f"{service}_20160810.ListThings"),
        (service, "POST", "/", ""),
        (service, "POST", f"/{service}", "DynamoDB_20120810.ListTables"),
        ("dynamodb", "GET", f"/v1/{service}", "DynamoDB_20120810.ListTables"),
        ("dynamodb", "POST", "/moto-api/reset", "DynamoDB_20120810.ListTables"),
    ]
    for signing, method, path, target in ways:
        headers = signed(b"{}", target=target, service=signing, path=path)
        answer = client.open(path, method=method, data=b"{}", headers=headers)

        if signing == "dynamodb":
            assert answer.status_code in (400, 404)
            assert b"TableNames" not in answer.data
        else:
            assert answer.status_code == 400
            assert f"shop calls {service}".encode() in answer.data
            assert b"no local counterpart, so nothing was sent; start with --allow-aws" in answer.data


@pytest.mark.parametrize("key", [("AKIAOTHER", "secret"), (KEY[0], "other"), ("local", "local")])
def test_another_key_is_refused(client: Client, key: tuple[str, str]) -> None:
    headers = signed(b"{}", target="DynamoDB_20120810.ListTables", key=key)

    answer = client.post("/", data=b"{}", headers=headers)

    assert (answer.status_code, b"UnrecognizedClientException" in answer.data) == (400, True)


def test_unsigned_and_changed_requests_are_refused(client: Client) -> None:
    target = {"x-amz-target": "DynamoDB_20120810.ListTables"}
    headers = signed(b"{}", target=target["x-amz-target"])

    unsigned = client.post("/", data=b"{}", headers=target)
    changed = client.post("/", data=b'{"Limit": 1}', headers=headers)
    retargeted = client.post("/", data=b"{}", headers=headers | {"x-amz-target": "DynamoDB_20120810.DeleteTable"})

    assert [it.status_code for it in (unsigned, changed, retargeted)] == [400] * 3


@pytest.mark.parametrize(
    "attack",
    [
        {"host": "rebound.example"},
        {"host": f"dynamodb.{REGION}.amazonaws.com"},
        {"host": "127.0.0.1.example"},
        {"host": "127.0.0.1@rebound.example"},
        {"origin": "http://127.0.0.1.example"},
        {"host": ""},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"host": "rebound.example", "origin": "http://rebound.example"},
    ],
)
def test_a_page_of_another_site_is_refused_even_with_a_signature(client: Client, attack: dict[str, str]) -> None:
    headers = signed(b"{}", target="DynamoDB_20120810.ListTables")

    answer = client.post("/", data=b"{}", headers=headers | attack)

    assert answer.status_code == 400
    assert b"AccessDeniedException" in answer.data


def test_only_callers_with_a_key_of_this_stack_write_to_the_log() -> None:
    told: list[str] = []
    served = AwsFront(
        region=REGION, keys=dict([KEY]), callers={KEY[0]: "shop"}, backend=Backends(), advice="", report=told.append
    )
    client = Client(served)

    for key in (("AKIAOTHER", "secret"), KEY):
        client.post("/", data=b"{}", headers=signed(b"{}", target="", service="ses\x1b[31m", key=key))
    client.post("/", data=b"{}")

    assert told == [
        "shop calls ses\N{REPLACEMENT CHARACTER}[31m, which has no local counterpart, so nothing was sent; "
    ]


@pytest.mark.parametrize("service", ["sqs", "ses"])
@pytest.mark.parametrize("length", ["-1", "many"])
def test_a_length_that_is_none_is_refused(client: Client, service: str, length: str) -> None:
    headers = signed(b"{}", target="", service=service)

    answer = client.post("/", data=b"{}", headers=headers, environ_overrides={"CONTENT_LENGTH": length})

    assert answer.status_code == 400


def test_process_has_no_variables_of_docker_and_no_keys() -> None:
    variables = {"PATH": "/bin", "DOCKER_HOST": "tcp://x", "DOCKER_CONTEXT": "x", "AWS_SECRET_ACCESS_KEY": "secret"}

    assert process_environment(variables) == {"PATH": "/bin"}


def test_process_loads_neither_docker_nor_a_service_before_it_is_called() -> None:
    script = f"import sys, {PROCESS} as it; it.front(it.Served('us-east-1', {{}}, {{}}, '')); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not [it for it in loaded if it == "docker" or it.startswith(("docker.", "moto."))]


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("93.184.216.34", 443))),
        ("socket.connect", (None, ("2606:2800:220:1::", 443, 0, 0))),
        ("socket.sendmsg", (None, ("93.184.216.34", 53))),
        ("socket.getaddrinfo", ("sqs.us-east-1.amazonaws.com", 443, 0, 0, 0)),
        ("socket.gethostbyaddr", ("93.184.216.34",)),
        ("socket.getnameinfo", (("93.184.216.34", 443),)),
    ],
)
def test_the_process_of_moto_reaches_no_other_machine(event: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(PermissionError, match="serves this machine only"):
        refuse_other_machines(event, arguments)


@pytest.mark.parametrize("address", [("127.0.0.1", 80), ("localhost", 80), ("::1", 80, 0, 0), "/run/some.socket"])
def test_the_process_of_moto_reaches_this_machine(address: object) -> None:
    refuse_other_machines("socket.connect", (None, address))


def test_objects_are_stored_and_read_by_signed_urls_of_both_versions(services: Callable[[str], Any]) -> None:
    s3 = services("s3")
    s3.create_bucket(Bucket="uploads")
    s3.put_object(Bucket="uploads", Key="a é+1/b", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "uploads", "Key": "a é+1/b"})

    read = urllib3.request("GET", url)
    forged = urllib3.request("GET", url.replace("Signature=", "Signature=x"))

    assert read.data == b"content"
    assert forged.status == 400


def test_a_state_machine_runs_with_the_local_services_and_reaches_no_other(services: Callable[[str], Any]) -> None:
    states, sqs = services("stepfunctions"), services("sqs")
    queue = sqs.create_queue(QueueName="steps")["QueueUrl"]
    definition = {
        "StartAt": "Send",
        "States": {
            "Send": {
                "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Next": "Encrypt",
                "Parameters": {"QueueUrl": queue, "MessageBody.$": "$.text"},
            },
            "Encrypt": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:kms:listKeys", "End": True},
        },
    }  # fmt: skip
    machine = states.create_state_machine(
        name="steps", definition=json.dumps(definition), roleArn=f"arn:aws:iam::{ACCOUNT}:role/steps", type="EXPRESS"
    )["stateMachineArn"]
    # botocore writes `sync-` before the host of this operation, which an address does not allow.
    states.meta.events.register("before-sign", lambda request, **_: _without_prefix(request))

    ended = states.start_sync_execution(stateMachineArn=machine, input='{"text": "from a state machine"}')

    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "from a state machine"
    assert ended["status"] == "FAILED"
    assert "a state machine calls kms ListKeys, which has no local counterpart" in ended["cause"]


def _without_prefix(request: AWSRequest) -> None:
    request.url = str(request.url).replace("//sync-", "//")


def test_an_event_reaches_the_queue_of_its_rule(services: Callable[[str], Any]) -> None:
    events, sqs = services("events"), services("sqs")
    queue = sqs.create_queue(QueueName="placed")["QueueUrl"]
    events.put_rule(Name="placed", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="placed", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:placed"}])

    events.put_events(Entries=[{"Source": it, "DetailType": "Placed", "Detail": "{}"} for it in ("other", "shop")])

    bodies = [json.loads(it["Body"]) for it in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]]
    assert [it["source"] for it in bodies] == ["shop"]


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ses", "list_identities"), ("cloudwatch", "list_metrics"), ("sts", "get_caller_identity"),
        ("route53", "list_hosted_zones"), ("ec2", "describe_instances"), ("bedrock", "list_foundation_models"),
    ],
)  # fmt: skip
def test_sdks_understand_the_refusal_of_every_protocol(
    services: Callable[[str], Any], service: str, operation: str
) -> None:
    with pytest.raises(ClientError, match=r"\(NoLocalCounterpart\).*: shop calls .*no local counterpart") as caught:
        getattr(services(service), operation)()

    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_sns_sends_nothing_over_http(services: Callable[[str], Any]) -> None:
    sns = services("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]

    with pytest.raises(ClientError, match="not by http"):
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1/")


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?Action=Subscribe&Protocol=http", ""),
        ("?Protocol=http", "Action=Subscribe"),
        ("", "Action=Subscribe&Action=Publish&Protocol=sqs&Protocol=http"),
    ],
)
def test_no_form_of_a_subscription_by_http_is_accepted(client: Client, query: str, body: str) -> None:
    more = {"content-type": "application/x-www-form-urlencoded"}
    headers = signed(body.encode(), target="", service="sns", path=f"/{query}", more=more)

    answer = client.post(f"/{query}", data=body, headers=headers)

    assert answer.status_code == 400
    assert b"not by http" in answer.data


def test_another_region_is_refused_with_both_names(services: Callable[[str], Any]) -> None:
    client = services("sqs")
    elsewhere = boto3.client(
        "sqs", endpoint_url=client.meta.endpoint_url, region_name="eu-west-1", aws_access_key_id=KEY[0],
        aws_secret_access_key=KEY[1],
    )  # fmt: skip

    with pytest.raises(ClientError, match="for the region eu-west-1, and this stack has only the region us-east-1"):
        elsewhere.list_queues()


async def test_server_that_is_killed_comes_back_at_its_address_with_its_tables() -> None:
    others = set(children_running(PROCESS, os.getpid()))
    creations = [Creation("Orders", "dynamodb", "create_table", TABLE)]
    server = MotoServer(health=Health().loop("moto"))
    try:
        endpoint = server.listen()
        await server.start(SERVED)
        create_resources(endpoint, REGION, KEY, creations)
        server.keep_running(lambda url: create_resources(url, REGION, KEY, creations))
        client = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=KEY[0],
            aws_secret_access_key=KEY[1],
        )
        (killed,) = set(children_running(PROCESS, os.getpid())) - others
        os.kill(killed, signal.SIGKILL)

        tables = await asyncio.to_thread(client.list_tables)  # waits in the queue of the socket
    finally:
        await server.stop()

    assert tables["TableNames"] == ["orders"]


def test_a_resource_that_is_refused_is_logged_by_its_name_and_the_others_are_created(
    services: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    queues = services("sqs")
    creations = [
        Creation("Uploads", "s3", "create_bucket", {"Bucket": "b"}),
        Creation("Jobs", "sqs", "create_queue", {"QueueName": "after"}),
    ]

    create_resources(queues.meta.endpoint_url, REGION, KEY, creations)

    assert queues.get_queue_url(QueueName="after")["QueueUrl"].endswith("/after")
    assert "Uploads cannot be created in the local s3: An error occurred (InvalidBucketName)" in caplog.text


@pytest.mark.parametrize("file", ["local.txt", "dev.txt"])
def test_docker_is_not_installed(file: str) -> None:
    names = {line.partition("==")[0] for line in (ROOT / "requirements" / file).read_text().splitlines()}

    assert "moto" in names
    assert "docker" not in names
