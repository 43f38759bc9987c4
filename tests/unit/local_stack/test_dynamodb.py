"""What can be reached of moto: DynamoDB by signed requests, and none of its other services.

The services are those that moto itself lists.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.backends import list_of_moto_modules
from werkzeug.test import Client

from appsync_local.devtools.health import Health
from certify.processes import children_running
from local_stack.services.dynamodb import create_tables
from local_stack.services.moto import MotoServer, application, process_environment
from tests.contract.conftest import ROOT

KEY = ("AKIAOFTHISSTACK", "secret")
REGION = "us-east-1"
SERVICES = sorted(set(list_of_moto_modules()) - {"dynamodb", "dynamodb_v20111205"})
HOST = "localhost"


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(application(REGION, dict([KEY])))


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
    assert {"batch", "awslambda", "s3", "cognitoidp", "ec2", "ecs", "iam", "moto_api", "sts"} <= set(SERVICES)
    assert len(SERVICES) > 100


@pytest.mark.parametrize("service", SERVICES)
def test_no_other_service_is_reached(client: Client, service: str) -> None:
    ways = [
        ("POST", "/", f"{service}_20160810.ListThings", {}),
        ("POST", "/", "", {}),
        ("POST", f"/{service}", "DynamoDB_20120810.ListTables", {}),
        ("GET", f"/v1/{service}", "DynamoDB_20120810.ListTables", {}),
        ("POST", "/moto-api/reset", "DynamoDB_20120810.ListTables", {}),
        ("POST", "/", "DynamoDB_20120810.ListTables", {"host": f"{service}.{REGION}.amazonaws.com"}),
    ]
    for method, path, target, more in ways:
        headers = signed(b"{}", target=target, service=service, path=path) | more
        answer = client.open(path, method=method, data=b"{}", headers=headers)

        assert answer.status_code == 400
        assert any(it in answer.data for it in (b"UnknownOperationException", b"UnrecognizedClientException"))


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


def test_process_has_no_variables_of_docker_and_no_keys() -> None:
    variables = {"PATH": "/bin", "DOCKER_HOST": "tcp://x", "DOCKER_CONTEXT": "x", "AWS_SECRET_ACCESS_KEY": "secret"}

    assert process_environment(variables) == {"PATH": "/bin"}


def test_process_loads_neither_docker_nor_another_service() -> None:
    script = "import sys, local_stack.services.moto as it; it.application('us-east-1', {}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not [it for it in loaded if it == "docker" or it.startswith("docker.")]
    assert {it.split(".")[1] for it in loaded if it.startswith("moto.") and it.endswith(".models")} == {
        "core", "dynamodb", "moto_api"  # which has moto's random numbers
    }  # fmt: skip


async def test_server_that_is_killed_comes_back_at_its_address_with_its_tables() -> None:
    table = {
        "TableName": "orders", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST",
    }  # fmt: skip
    server = MotoServer(region=REGION, key=KEY, health=Health().loop("moto"))
    try:
        endpoint = await server.start()
        create_tables(endpoint, REGION, KEY, [table])
        server.keep_running(lambda url: create_tables(url, REGION, KEY, [table]))
        client = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=KEY[0],
            aws_secret_access_key=KEY[1],
        )
        (killed,) = children_running("local_stack.services.moto", os.getpid())
        os.kill(killed, signal.SIGKILL)

        tables = await asyncio.to_thread(client.list_tables)  # waits in the queue of the socket
    finally:
        await server.stop()

    assert tables["TableNames"] == ["orders"]


@pytest.mark.parametrize("file", ["local.txt", "dev.txt"])
def test_docker_is_not_installed(file: str) -> None:
    names = {line.partition("==")[0] for line in (ROOT / "requirements" / file).read_text().splitlines()}

    assert "moto" in names
    assert "docker" not in names
