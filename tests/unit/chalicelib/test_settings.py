"""What handlers read from their environment."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.api.settings import AuthorizerSettings, RelaySettings
from chalicelib.jobs.errors import MissingSettings
from chalicelib.jobs.model import UploadId
from chalicelib.ledger import open_ledger
from chalicelib.objects import ObjectSettings, Upload
from chalicelib.publisher.policies import Bytes, CostShare, FlushPolicy, Interval
from chalicelib.publisher.settings import EndpointSettings
from chalicelib.worker.settings import WorkerSettings


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(MissingSettings) as caught:
        RelaySettings.from_environment({"LONGCALL_QUOTA": "many", "LONGCALL_RETENTION_DAYS": "-1"})

    assert caught.value.problems == (
        "LONGCALL_LEDGER is not set",
        "LONGCALL_RETENTION_DAYS must be >= 0.01, and is '-1'",
        "LONGCALL_QUOTA must be a whole number >= 1, and is 'many'",
    )


def test_the_keys_of_an_issuer_are_where_discovery_puts_them_unless_said_otherwise() -> None:
    environment = {
        "LONGCALL_ISSUER": "https://issuer/pool", "LONGCALL_CLIENT_ID": "c,d", "LONGCALL_DENIED_FIELDS": "Mutation.f",
    }  # fmt: skip

    stated = AuthorizerSettings.from_environment({**environment, "LONGCALL_JWKS_URL": "http://127.0.0.1/keys"})

    assert AuthorizerSettings.from_environment(environment).jwks_url == "https://issuer/pool/.well-known/jwks.json"
    assert stated.client_ids == ("c", "d")
    assert stated.jwks_url == "http://127.0.0.1/keys"


def test_a_lease_is_renewed_three_times_in_its_length() -> None:
    settings = RelaySettings.from_environment({"LONGCALL_LEDGER": "sqlite:jobs.db", "LONGCALL_LEASE_SECONDS": "60"})

    assert (settings.lease.duration, settings.lease.renewal) == (timedelta(seconds=60), timedelta(seconds=20))


@pytest.mark.parametrize("interval", ["nan", "inf", "-0.1", "soon"])
def test_a_number_that_is_none_is_refused(interval: str) -> None:
    with pytest.raises(MissingSettings, match="LONGCALL_FLUSH_SECONDS"):
        WorkerSettings.from_environment({"LONGCALL_FLUSH_SECONDS": interval})


@pytest.mark.parametrize("location", ["", "jobs.db", "sqlite:", "dynamodb:", "postgres://x"])
def test_a_ledger_of_an_unknown_form_is_refused_with_the_forms(location: str) -> None:
    with pytest.raises(MissingSettings, match="sqlite:<path> or dynamodb:<table>"):
        open_ledger(location)


def test_a_stage_may_have_no_bucket() -> None:
    assert ObjectSettings.from_environment({"LONGCALL_BUCKET": "large"}).bucket == "large"
    assert ObjectSettings.from_environment({"LONGCALL_BUCKET": ""}).bucket is None


@pytest.mark.parametrize(
    ("environment", "policy"),
    [
        ({}, Interval(0.5, 32_768)),
        ({"LONGCALL_FLUSH_POLICY": "bytes", "LONGCALL_FLUSH_BYTES": "100"}, Bytes(100, 2.0)),
        ({"LONGCALL_FLUSH_POLICY": "cost"}, CostShare(0.1, 2.0, 32_768)),
        (
            {"LONGCALL_FLUSH_POLICY": "cost", "LONGCALL_FLUSH_SHARE": "0.5", "LONGCALL_FLUSH_STALENESS": "4"},
            CostShare(0.5, 4.0, 32_768),
        ),
    ],
)
def test_a_policy_is_chosen_by_name(environment: dict[str, str], policy: FlushPolicy) -> None:
    assert WorkerSettings.from_environment(environment).flush_policy == policy


def test_a_policy_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(MissingSettings, match="LONGCALL_FLUSH_POLICY must be one of interval, bytes, cost"):
        WorkerSettings.from_environment({"LONGCALL_FLUSH_POLICY": "money"})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (EndpointSettings("https://api.example", "eu-west-1", "da2-secret", ""), "https://api.example"),
        (ObjectSettings("a bucket", ("AKIDEXAMPLE", "a secret")), "a bucket"),
        (
            Upload(UploadId("an upload"), "https://s3.example/?secret", (), datetime(2026, 1, 1, tzinfo=UTC)),
            "an upload",
        ),
    ],
    ids=["API key", "access key", "signed URL"],
)
def test_a_secret_is_not_shown(value: object, shown: str) -> None:
    assert shown in repr(value)
    assert "secret" not in repr(value)
