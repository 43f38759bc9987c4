"""The handlers of the stack, and what its template sets for them."""

from typing import Any

from tests.support.cloudformation import Template, readable

HANDLERS = ("inference", "status_relay", "authorizer", "job_failed", "sweep")
LAMBDA_SETS = {"AWS_REGION": "us-east-1"}


def environment(template: Template, handler: str) -> dict[str, str]:
    variables = template.function(handler)["Environment"]["Variables"]
    return LAMBDA_SETS | {name: readable(value) for name, value in variables.items()}


def events(template: Template, function: str) -> dict[str, Any]:
    (found,) = (
        it
        for it in template.of_type("AWS::Lambda::EventInvokeConfig").values()
        if it["FunctionName"] == {"Ref": function}
    )
    return found
