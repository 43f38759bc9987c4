"""Permissions on Amazon Bedrock: stream from a stage's models and apply its guardrail, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import Acknowledgment, Aws, Validations
from aws_cdk import aws_iam as iam

from chalicelib.workloads.bedrock.names import GEOGRAPHIES

STREAM: Final = "bedrock:InvokeModelWithResponseStream"  # the permission for ConverseStream
GUARD: Final = "bedrock:ApplyGuardrail"
_PROFILE_ARN: Final = re.compile(r"arn:[^:]+:bedrock:[^:]*:\d{12}:inference-profile/(?P<id>.+)")
_OWN_PROFILE_ARN: Final = re.compile(r"arn:[^:]+:bedrock:[^:]*:\d{12}:application-inference-profile/.+")


@dataclass(frozen=True, slots=True)
class _ProfileModels:
    """Models that an inference profile calls, in any region.

    Attributes:
        pattern: Of the models' ids.
        via: ARN of the profile through which alone the models may be called; None: they may be called directly too.
    """

    pattern: str
    via: str | None = None

    @property
    def arn(self) -> str:
        return f"arn:{Aws.PARTITION}:bedrock:*::foundation-model/{self.pattern}"


def grant_stream(role: iam.IRole, models: tuple[str, ...]) -> None:
    """Let a role stream from models, given as ids or ARNs. An inference profile needs permission for its models too.

    Source: Amazon Bedrock User Guide, "Prerequisites for inference profiles".
    """
    resources = [_arn(model) for model in models]
    behind_profiles = [found for model in models for found in _models_of_profile(model)]
    plain = [*resources, *(it.arn for it in behind_profiles if it.via is None)]
    if plain:
        role.add_to_principal_policy(iam.PolicyStatement(actions=[STREAM], resources=plain))
    for it in behind_profiles:
        if it.via is not None:
            role.add_to_principal_policy(
                iam.PolicyStatement(
                    actions=[STREAM],
                    resources=[it.arn],
                    conditions={"StringEquals": {"bedrock:InferenceProfileArn": it.via}},
                )
            )
        _acknowledge(role, it)


def grant_guardrail(role: iam.IRole, guardrail: str) -> None:
    """Let a role apply a guardrail, given as `id:version` or `arn:version`.

    Source: Amazon Bedrock User Guide, "Set up permissions to use Amazon Bedrock Guardrails".
    """
    identifier, _, _ = guardrail.rpartition(":")
    own = f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}:{Aws.ACCOUNT_ID}:guardrail/{identifier}"
    resource = identifier if identifier.startswith("arn:") else own
    role.add_to_principal_policy(iam.PolicyStatement(actions=[GUARD], resources=[resource]))


def _arn(model: str) -> str:
    if model.startswith("arn:"):
        return model
    if model.partition(".")[0] in GEOGRAPHIES:
        return f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}:{Aws.ACCOUNT_ID}:inference-profile/{model}"
    return f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}::foundation-model/{model}"


def _models_of_profile(model: str) -> Iterator[_ProfileModels]:
    """The models of an inference profile. The ARN of an application's own profile does not reveal them."""
    if _OWN_PROFILE_ARN.fullmatch(model):
        yield _ProfileModels("*", via=model)
        return
    found = _PROFILE_ARN.fullmatch(model)
    geography, _, base = (found["id"] if found else model).partition(".")
    if geography in GEOGRAPHIES:
        yield _ProfileModels(base)


def _acknowledge(role: iam.IRole, models: _ProfileModels) -> None:
    Validations.of(role).acknowledge(
        Acknowledgment(
            id=f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:bedrock:*"
            f"::foundation-model/{models.pattern}]",
            reason="the profile chooses the region, and Bedrock may add regions to it",
        )
    )
