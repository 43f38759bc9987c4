"""Queues, streams, rules and topics deliver to functions, with moto's services and functions that are doubles."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from appsync_local.data_sources.aws_services import AwsCredentials
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.devtools.health import Health
from appsync_local.errors import FunctionFailed
from local_stack.event_sources import AsynchronousSource, QueueSource, StreamSource
from local_stack.services.aws.client import CallFailed, ServiceClient
from local_stack.services.aws.moto import MotoServer
from local_stack.services.aws.process import Served
from local_stack.services.event_sources.queues import QueueReader
from local_stack.services.event_sources.records import failed_items, topic_event
from local_stack.services.event_sources.running import EventSources
from local_stack.services.event_sources.streams import StreamReader

KEY = ("AKIAOFTHISSTACK", "secret")
REGION = "us-east-1"
ACCOUNT = "123456789012"
NO_API: Any = None  # these sources send no operations
TABLE = {
    "TableName": "orders", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}  # fmt: skip


@dataclass
class Functions:
    """Records the events, and answers each with `answers`, in turn; an exception is raised, a function is called."""

    answers: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    delivered: asyncio.Event = field(default_factory=asyncio.Event)

    async def run_to_end(self, function: str, payload: Any) -> object:
        self.events.append(payload)
        self.delivered.set()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer(payload) if callable(answer) else answer

    async def enqueue(self, function: str, payload: Any) -> str:
        await self.run_to_end(function, payload)
        return "id"


@dataclass(frozen=True)
class World:
    """The local services, and boto3's clients of them."""

    aws: ServiceClient
    health: Health

    def client(self, service: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.aws.url, region_name=REGION, aws_access_key_id=KEY[0],
            aws_secret_access_key=KEY[1],
        )  # type: ignore[call-overload]  # any service  # fmt: skip


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = MotoServer(health=Health().loop("moto"))
    url = server.listen()
    with asyncio.Runner() as runner:
        runner.run(server.start(Served(REGION, dict([KEY]), {}, "")))
        yield url
        runner.run(server.stop())


@pytest.fixture
async def world(endpoint: str) -> AsyncIterator[World]:
    http_client = HttpClient()
    yield World(ServiceClient(endpoint, REGION, AwsCredentials(*KEY), http_client), Health())
    await http_client.close()


def failure() -> FunctionFailed:
    return FunctionFailed("Lambda:Unhandled", "no")


def bodies(event: Any) -> list[str]:
    return [it["body"] for it in event["Records"]]


async def test_messages_are_delivered_in_batches_and_deleted(world: World) -> None:
    sqs, functions = world.client("sqs"), Functions()
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    for number in range(12):
        attribute = {"kind": {"DataType": "String", "StringValue": "new"}}
        sqs.send_message(QueueUrl=url, MessageBody=f"{number}", MessageAttributes=attribute)
    reader = QueueReader(QueueSource("work", "jobs", 11), world.aws, functions, NO_API, world.health.loop("jobs"))

    assert [await reader.look(), await reader.look(), await reader.look()] == [11, 1, 0]

    assert sorted(it for event in functions.events for it in bodies(event)) == sorted(map(str, range(12)))
    record = functions.events[0]["Records"][0]
    assert record["eventSourceARN"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
    assert record["messageAttributes"]["kind"]["stringValue"] == "new"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


async def test_a_message_that_fails_stays_and_reaches_the_dead_letter_queue(world: World) -> None:
    sqs = world.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = f'{{"deadLetterTargetArn": "arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "maxReceiveCount": "2"}}'
    url = sqs.create_queue(QueueName="poison", Attributes={"VisibilityTimeout": "0", "RedrivePolicy": redrive})
    sqs.send_message(QueueUrl=url["QueueUrl"], MessageBody="poison")
    functions = Functions([failure(), failure()])
    reader = QueueReader(QueueSource("work", "poison"), world.aws, functions, NO_API, world.health.loop("poison"))

    for _ in range(2):
        with pytest.raises(FunctionFailed):
            await reader.look()
    assert await reader.look() == 0

    assert [bodies(it) for it in functions.events] == [["poison"]] * 2
    assert sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"] == "poison"


async def test_only_the_reported_messages_of_a_batch_are_delivered_again(world: World) -> None:
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="partial", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    ids = {it: sqs.send_message(QueueUrl=url, MessageBody=it)["MessageId"] for it in ("good", "bad")}
    functions = Functions([{"batchItemFailures": [{"itemIdentifier": ids["bad"]}]}])
    source = QueueSource("work", "partial", reports_failures=True)
    reader = QueueReader(source, world.aws, functions, NO_API, world.health.loop("partial"))

    await reader.look()
    await reader.look()

    assert sorted(bodies(functions.events[0])) == ["bad", "good"]
    assert bodies(functions.events[1]) == ["bad"]


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, frozenset()), ({}, frozenset()), ({"batchItemFailures": None}, frozenset()),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, frozenset({"1"})),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, None), ({"batchItemFailures": [{}]}, None), ("done", None),
    ],
)  # fmt: skip
def test_an_answer_that_is_malformed_fails_the_whole_batch(answer: object, failed: frozenset[str] | None) -> None:
    assert failed_items(answer) == failed


async def test_messages_that_no_filter_lets_through_are_deleted(world: World) -> None:
    sqs, functions = world.client("sqs"), Functions()
    url = sqs.create_queue(QueueName="filtered", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    for body in ("old", "new"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    source = QueueSource("work", "filtered", filters=({"body": ["new"]},))
    reader = QueueReader(source, world.aws, functions, NO_API, world.health.loop("filtered"))

    assert [await reader.look(), await reader.look()] == [2, 0]

    assert [bodies(it) for it in functions.events] == [["new"]]


async def test_changes_of_a_table_are_delivered_in_order_and_again_from_the_one_that_failed(world: World) -> None:
    table, functions = world.client("dynamodb"), Functions()
    table.create_table(**TABLE)
    source = StreamSource("work", "orders", batch_size=10, reports_failures=True)
    reader = StreamReader(source, world.aws, functions, world.health.loop("orders"))
    for number in range(3):
        table.put_item(TableName="orders", Item={"id": {"S": f"{number}"}})
    await reader.open()

    def second_failed(event: Any) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["dynamodb"]["SequenceNumber"]}]}

    functions.answers.append(second_failed)
    with pytest.raises(FunctionFailed):
        await reader.look()
    assert await reader.look() == 2
    assert await reader.look() == 0

    seen = [[it["dynamodb"]["Keys"]["id"]["S"] for it in event["Records"]] for event in functions.events]
    assert seen == [["0", "1", "2"], ["1", "2"]]
    record = functions.events[0]["Records"][0]
    assert (record["eventName"], record["eventSource"]) == ("INSERT", "aws:dynamodb")
    assert f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders/stream/" in record["eventSourceARN"]


async def test_records_are_dropped_after_the_retries_of_the_mapping(world: World) -> None:
    table = world.client("dynamodb")
    table.create_table(**{**TABLE, "TableName": "retried"})
    functions = Functions([failure(), failure()])
    source = StreamSource("work", "retried", retries=1)
    reader = StreamReader(source, world.aws, functions, world.health.loop("retried"))
    table.put_item(TableName="retried", Item={"id": {"S": "1"}})

    with pytest.raises(FunctionFailed):
        await reader.look()
    await reader.look()

    assert await reader.look() == 0
    assert len(functions.events) == 2


async def test_a_table_without_a_stream_is_named(world: World) -> None:
    plain = {name: value for name, value in TABLE.items() if name != "StreamSpecification"}
    world.client("dynamodb").create_table(**{**plain, "TableName": "plain"})
    reader = StreamReader(StreamSource("work", "plain"), world.aws, Functions(), world.health.loop("plain"))

    with pytest.raises(CallFailed, match="plain has no stream"):
        await reader.look()


async def test_events_of_a_rule_reach_a_function_with_the_account(world: World) -> None:
    events, functions = world.client("events"), Functions()
    world.client("sqs").create_queue(QueueName="rule-placed")
    events.put_rule(Name="placed", EventPattern='{"source": ["shop"]}')
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:rule-placed"
    events.put_targets(Rule="placed", Targets=[{"Id": "1", "Arn": arn}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "Placed", "Detail": '{"id": 1}'}])
    source = AsynchronousSource("work", "rule-placed", "rule")

    await QueueReader(source, world.aws, functions, NO_API, world.health.loop("rule")).look()

    (event,) = functions.events
    assert (event["detail-type"], event["detail"], event["account"]) == ("Placed", {"id": 1}, ACCOUNT)


async def test_notifications_of_a_topic_reach_a_function(world: World) -> None:
    sns, functions = world.client("sns"), Functions()
    world.client("sqs").create_queue(QueueName="topic-news")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:topic-news")
    sns.publish(TopicArn=topic, Subject="hello", Message="text")
    source = AsynchronousSource("work", "topic-news", "topic")

    await QueueReader(source, world.aws, functions, NO_API, world.health.loop("topic")).look()

    ((record,),) = [it["Records"] for it in functions.events]
    assert (record["EventSource"], record["Sns"]["Message"], record["Sns"]["Subject"]) == ("aws:sns", "text", "hello")
    assert record["Sns"]["TopicArn"] == topic


def test_a_notification_has_the_members_of_lambda() -> None:
    sent = '{"Type": "Notification", "TopicArn": "t", "Message": "m", "SigningCertURL": "u"}'

    assert topic_event(sent)["Records"][0]["Sns"]["SigningCertUrl"] == "u"


async def test_sources_are_read_until_they_are_stopped_although_a_look_fails(world: World) -> None:
    sqs, functions = world.client("sqs"), Functions()
    url = sqs.create_queue(QueueName="steady")["QueueUrl"]
    sources = (QueueSource("work", "missing"), QueueSource("work", "steady"))
    running = EventSources(sources, world.aws, functions, {}, world.health)
    running.start()

    await asyncio.to_thread(sqs.send_message, QueueUrl=url, MessageBody="x")
    loops = {it.name: it for it in world.health.loops()}
    missing, steady = loops["queue missing to work"], loops["queue steady to work"]
    async with asyncio.timeout(20):
        await functions.delivered.wait()
        while not (missing.failures and steady.last_success):  # noqa: ASYNC110  # loops of their own
            await asyncio.sleep(0.01)
    await running.stop()

    assert missing.failures_in_a_row > 0
    assert bodies(functions.events[0]) == ["x"]
