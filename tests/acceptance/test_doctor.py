"""`longcall doctor` against a whole stack."""

import json
import os
import subprocess
import sys

import pytest

from tests.acceptance.stack import LocalStack
from tests.contract.conftest import ROOT


def doctor(stack: LocalStack, *arguments: str, given: str = "") -> tuple[int, dict[str, dict[str, str]]]:
    """Run `longcall doctor`; returns the exit code and the findings by subject."""
    ended = subprocess.run(
        [sys.executable, "-m", "longcall", "doctor", "--json", *arguments],
        cwd=ROOT, env={**os.environ, "LONGCALL_STACK": str(stack.data / "stack.json")},
        input=given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return ended.returncode, {found["about"]: found for found in map(json.loads, ended.stdout.splitlines())}


@pytest.mark.parametrize("auth", ["lambda", "cognito"])
def test_healthy_stack_and_permitted_token_pass_every_check(stack: LocalStack, auth: str) -> None:
    code, found = doctor(stack, "--auth", auth, "Query.getInference")

    assert (code, {finding["status"] for finding in found.values()} & {"bad"}) == (0, set()), found
    assert {"Python", "stack", "sign-in", "API and log", "mode", "token", "issuer", "expiry", "access"} <= found.keys()


def test_field_for_the_backend_is_refused_to_a_user_with_the_reason(stack: LocalStack) -> None:
    code, found = doctor(stack, "Mutation.updateStatus")

    assert code == 4
    assert found["field"]["found"] == "Mutation.updateStatus is for @aws_iam"
    assert "call it through AWS_IAM; that is the backend's own role" in found["access"]["advice"]


async def test_token_is_read_from_standard_input_and_never_printed(stack: LocalStack) -> None:
    token = await stack.sign_in()()
    forged = f"Lambda-Auth-{token[:-8]}AAAAAAAA"

    code, found = doctor(stack, "--token", "-", "Query.getInference", given=forged)

    assert code == 4
    assert found["caller"]["status"] == "bad"
    assert "the authorizer function rejects its signature" in found["caller"]["advice"]
    assert token[:40] not in json.dumps(found)
