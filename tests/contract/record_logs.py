"""Records what this version of the code writes to the job log, as data for `test_older_logs.py`.

Usage: python -m tests.contract.record_logs tests/contract/logs/<version>.json

Every call goes through the relay's own payloads. The file has the calls that started the jobs, the answers of this
version to every read, and what each ledger stored: SQLite as SQL, DynamoDB as items.
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
from moto import mock_aws

from chalicelib.api.relay import Relay
from chalicelib.jobs.rules import Lease
from chalicelib.ledger.dynamodb import DynamoDbLedger
from chalicelib.ledger.dynamodb_items import table_definition
from chalicelib.ledger.sqlite import SqliteLedger
from tests.support.memory_objects import MemoryObjects

OWNER: Final = {"sub": "ada", "issuer": "https://issuer", "username": "ada", "claims": {}}
BACKEND: Final = {"userArn": "arn:aws:sts::123456789012:assumed-role/worker/inference", "accountId": "123456789012"}
RETENTION: Final = timedelta(days=36_500)
METADATA: Final = {"k": [1, None, True], "名": "値"}
PROMPT: Final = {"prompt": "Hello", "model": "simulated.story"}


class TickingClock:
    """Advances by one second each time it is read."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Recorder:
    """Writes the same jobs through one relay."""

    def __init__(self, relay: Relay, uploads: list[str]) -> None:
        self.relay = relay
        self.uploads = uploads
        self.starts: dict[str, dict[str, Any]] = {}

    def ask(self, field: str, arguments: Mapping[str, Any], identity: Any = OWNER, selection: Any = ()) -> Any:
        payload = {"field": field, "arguments": arguments, "identity": identity, "selection": selection}
        answer = json.loads(json.dumps(self.relay.answer(payload)))
        assert "error" not in answer, answer
        return answer["data"]

    def start(self, name: str, **values: Any) -> str:
        job_id = f"00000000-0000-4000-8000-{len(self.starts):012d}"
        self.starts[name] = {"jobId": job_id, **values}
        self.ask("startInference", {"input": self.starts[name]})
        return job_id

    def update(self, job_id: str, **values: Any) -> Any:
        return self.ask("updateStatus", {"input": {"jobId": job_id, "status": "PROCESSING", **values}}, BACKEND)

    def claim(self, job_id: str) -> Any:
        return self.update(job_id, requestId=f"event-{job_id}", updateId=f"claim-{job_id}")

    def report(self, before: Mapping[str, Any], **values: Any) -> Any:
        sequence = before["sequence"] + 1
        meter = {
            "operations": sequence, "pushes": sequence, "milliseconds": 1000 * sequence, "megabytes": 512,
            "inputTokens": 12, "cachedInputTokens": 3, "outputTokens": sequence,
        }  # fmt: skip
        update_id = f"{before['jobId']}-{sequence}"
        return self.update(
            before["jobId"], attempt=before["attempt"], sequence=sequence, updateId=update_id, meter=meter, **values
        )

    def write_jobs(self) -> None:
        self.start("pending", **PROMPT)
        self.start(
            "pending with every option", prompt="Hello", model="simulated.story", system="Be brief", maxTokens=100,
            temperature=0.5, topP=0.9, stopSequences=["END"], processTime=3, maxCost=1.0, metadata=METADATA,
        )  # fmt: skip
        messages = [
            {"role": "USER", "text": "What is this?", "images": self.uploads[1:]},
            {"role": "ASSISTANT", "text": "A snowman \N{SNOWMAN}"},
            {"role": "USER", "text": "Thanks"},
        ]
        self.start("conversation", messages=messages, model="amazon.nova-lite-v1:0")
        self.start("uploaded prompt", promptUpload=self.uploads[0], model="simulated.story")
        self.start("long prompt", prompt="0123456789" * 1700, model="simulated.story")
        again = self.start("dispatched again", **PROMPT)
        self.ask("dispatchInference", {"jobId": again}, BACKEND)
        processing = self.claim(self.start("processing", **PROMPT, metadata=METADATA))
        processing = self.report(processing, delta="Some output, ", progress=0.25, message="half of it")
        self.report(processing, delta="and \N{SNOWMAN}", usage={"inputTokens": 12}, checkpoint='{"at": 2}')
        handed = self.report(self.claim(self.start("handed over", **PROMPT)), delta="first", checkpoint='{"at": 1}')
        self.report(handed, handsOver=True, message="continues in the next invocation")
        completed = self.report(self.claim(self.start("completed", **PROMPT, metadata=METADATA)), delta="out" * 5600)
        self.report(completed, status="COMPLETED", result="result", usage={"inputTokens": 12, "outputTokens": 2})
        output = self.report(self.claim(self.start("completed with its output", **PROMPT)), delta="out")
        self.report(output, status="COMPLETED", resultIsOutput=True)
        stored = self.claim(self.start("completed with a stored result", **PROMPT))
        self.report(stored, status="COMPLETED", resultBytes=300_000, resultSha256="ab" * 32)
        failed = self.claim(self.start("failed", **PROMPT))
        self.report(failed, status="FAILED", error="it did not work", errorType="MODEL_THROTTLED")
        cancelled = self.start("cancelled", **PROMPT)
        self.report(self.claim(cancelled), delta="some")
        self.ask("cancelInference", {"jobId": cancelled})
        deleted = self.start("deleted", **PROMPT)
        self.report(self.claim(deleted), delta="secret")
        self.ask("cancelInference", {"jobId": deleted})
        self.ask("deleteInference", {"jobId": deleted})

    def answers(self) -> dict[str, Any]:
        selection = ["output", "outputOmitted", "resultUrl"]
        jobs = {
            name: {
                "getInference": self.ask("getInference", {"jobId": start["jobId"]}, selection=selection),
                "inferenceEvents": []
                if name == "deleted"
                else self.ask("inferenceEvents", {"jobId": start["jobId"], "after": 0, "limit": 1000}),
            }
            for name, start in self.starts.items()
        }
        return {"jobs": jobs, "listInferences": self.ask("listInferences", {"limit": 100})}


def relay_on(ledger: Any, clock: TickingClock) -> tuple[Relay, list[str]]:
    objects = MemoryObjects()
    uploads = [objects.send("ada", content) for content in (b"An uploaded prompt", b"An image")]  # type: ignore[arg-type]
    relay = Relay(ledger=ledger, retention=RETENTION, quota=1000, lease=Lease(), clock=clock, objects=objects)
    return relay, [str(upload) for upload in uploads]


def sql_of(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(path)
    yield from connection.iterdump()
    connection.close()


def plain(value: Any) -> Any:
    """DynamoDB attributes, with bytes as hex so that they are JSON."""
    if isinstance(value, dict):
        return {"B": value["B"].hex()} if set(value) == {"B"} else {name: plain(it) for name, it in value.items()}
    return value


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, mock_aws():
        path = Path(folder, "jobs.db")
        clock = TickingClock()
        on_sqlite = Recorder(*relay_on(SqliteLedger(path, clock=clock), clock))
        on_sqlite.write_jobs()
        client = boto3.client("dynamodb", "us-east-1")
        client.create_table(**table_definition("jobs"))
        clock = TickingClock()
        on_dynamodb = Recorder(*relay_on(DynamoDbLedger("jobs", client=client, clock=clock), clock))
        on_dynamodb.write_jobs()
        recorded = {
            "starts": on_sqlite.starts,
            "sqlite": {"answers": on_sqlite.answers(), "stored": [*sql_of(path)]},
            "dynamodb": {
                "answers": on_dynamodb.answers(),
                "stored": [plain(item) for item in client.scan(TableName="jobs")["Items"]],
            },
        }
    target.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
