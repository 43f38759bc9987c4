"""Longcall's API as plain data: its authorization modes, data sources, pipeline functions and resolvers."""

from typing import Final

from appsync_local.api.model import (
    Api,
    AuthMode,
    CodeFile,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
)

# Passes a call to the handler `status_relay`, and its answer to the caller.
RELAY: Final = CodeFile("resolvers/relay.js")
# Opens a job in the log, then dispatches it to a worker.
START: Final = CodeFile("resolvers/start.js")

API: Final = Api(
    modes=(AuthMode.LAMBDA, AuthMode.COGNITO, AuthMode.IAM),
    authorizer="authorizer",
    sources=(
        LambdaSource("StatusRelay", function="status_relay"),
        LambdaSource("Inference", function="inference"),
        NoneSource("Nothing"),
    ),
    functions=(
        PipelineFunction("open", source="StatusRelay"),
        PipelineFunction("dispatch", source="Inference"),
    ),
    resolvers=(
        UnitResolver("Query.getInference", source="StatusRelay", code=RELAY),
        UnitResolver("Query.quoteInference", source="StatusRelay", code=RELAY),
        UnitResolver("Query.listModels", source="StatusRelay", code=RELAY),
        UnitResolver("Query.listInferences", source="StatusRelay", code=RELAY),
        UnitResolver("Query.inferenceEvents", source="StatusRelay", code=RELAY),
        PipelineResolver("Mutation.startInference", functions=("open", "dispatch"), code=START),
        PipelineResolver("Mutation.dispatchInference", functions=("open", "dispatch"), code=START),
        UnitResolver("Mutation.createUpload", source="StatusRelay", code=RELAY),
        UnitResolver("Mutation.cancelInference", source="StatusRelay", code=RELAY),
        UnitResolver("Mutation.deleteInference", source="StatusRelay", code=RELAY),
        UnitResolver("Mutation.updateStatus", source="StatusRelay", code=RELAY),
        UnitResolver("Subscription.onInferenceStatusChange", source="Nothing"),
        UnitResolver("Subscription.onMyInferences", source="Nothing"),
    ),
)
