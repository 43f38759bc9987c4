"""Longcall's API as plain data: its authorization modes, data sources, pipeline functions and resolvers."""

from typing import Final

from appsync_local.api.model import (
    Api,
    AuthMode,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
)

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
        UnitResolver("Query.getInference", source="StatusRelay"),
        UnitResolver("Query.quoteInference", source="StatusRelay"),
        UnitResolver("Query.listInferences", source="StatusRelay"),
        UnitResolver("Query.inferenceEvents", source="StatusRelay"),
        PipelineResolver("Mutation.startInference", functions=("open", "dispatch")),
        PipelineResolver("Mutation.dispatchInference", functions=("open", "dispatch")),
        UnitResolver("Mutation.createUpload", source="StatusRelay"),
        UnitResolver("Mutation.cancelInference", source="StatusRelay"),
        UnitResolver("Mutation.deleteInference", source="StatusRelay"),
        UnitResolver("Mutation.updateStatus", source="StatusRelay"),
        UnitResolver("Subscription.onInferenceStatusChange", source="Nothing"),
    ),
)
