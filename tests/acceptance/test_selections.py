"""Responses contain the selected fields under aliases, in fragments and with directives."""

import uuid

from gql import Client as GraphQLClient
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport

from tests.acceptance.stack import LocalStack

QUERY = """
query Read($jobId: ID!, $yes: Boolean!, $no: Boolean!) {
  plain: getInference(jobId: $jobId) { output outputOmitted }
  aliased: getInference(jobId: $jobId) { text: output tooLong: outputOmitted }
  confusing: getInference(jobId: $jobId) { message: output }
  inline: getInference(jobId: $jobId) { ... on InferenceStatus { text: output } }
  named: getInference(jobId: $jobId) { ...Output }
  included: getInference(jobId: $jobId) { text: output @include(if: $yes) status @skip(if: $yes) }
  excluded: getInference(jobId: $jobId) { status text: output @include(if: $no) }
  listed: listInferences(limit: 1) { found: items { id: jobId ...Status } more: nextToken }
  log: inferenceEvents(jobId: $jobId, after: 0) { number: sequence piece: delta }
}
fragment Output on InferenceStatus { text: output }
fragment Status on InferenceStatus { state: status }
"""
START = """
mutation Start($input: InferenceInput!) { begun: startInference(input: $input) { ...Job } }
fragment Job on InferenceStatus { id: jobId state: status number: sequence }
"""


async def test_every_way_to_select_a_field_returns_its_value(stack: LocalStack) -> None:
    token = f"Lambda-Auth-{await stack.sign_in()()}"
    job_id = str(uuid.uuid4())
    async with stack.client() as client:
        views = [view async for view in client.run("Hi there", model="simulated.echo")]
        output, ended = views[-1].output, views[-1].job_id
    async with GraphQLClient(transport=AIOHTTPTransport(stack.url, headers={"Authorization": token})) as session:
        variables = {"jobId": ended, "yes": True, "no": False}
        read = await session.execute(GraphQLRequest(QUERY, variable_values=variables))
        given = {"jobId": job_id, "prompt": "Hi", "model": "simulated.echo"}
        started = await session.execute(GraphQLRequest(START, variable_values={"input": given}))

    assert output == "Hi there"
    assert read["plain"] == {"output": output, "outputOmitted": False}
    assert read["aliased"] == {"text": output, "tooLong": False}
    assert read["confusing"] == {"message": output}
    assert read["inline"] == read["named"] == read["included"] == {"text": output}
    assert read["excluded"] == {"status": "COMPLETED"}
    assert read["listed"]["found"] == [{"id": ended, "state": "COMPLETED"}]
    assert "".join(event["piece"] or "" for event in read["log"]) == output
    assert [event["number"] for event in read["log"]] == list(range(1, len(read["log"]) + 1))
    assert started["begun"] == {"id": job_id, "state": "PENDING", "number": 1}
