"""What a role may do on Amazon Bedrock: stream from a stage's models, under its guardrail, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import Acknowledgment, Aws, Validations
from aws_cdk import aws_iam as iam

STREAM: Final = "bedrock:InvokeModelWithResponseStream"  # what ConverseStream asks for
GUARD: Final = "bedrock:ApplyGuardrail"
GEOGRAPHIES: Final = ("us", "us-gov", "eu", "apac", "jp", "au", "global")  # that ids of inference profiles begin with
_PROFILE_ARN: Final = re.compile(r"arn:[^:]+:bedrock:[^:]*:\d{12}:inference-profile/(?P<id>.+)")
_OWN_PROFILE_ARN: Final = re.compile(r"arn:[^:]+:bedrock:[^:]*:\d{12}:application-inference-profile/.+")


@dataclass(frozen=True, slots=True)
class _Behind:
    """Models that an inference profile leads to, in any region; only through the profile `via` where it is named."""

    pattern: str  # of ids
    via: str | None = None

    @property
    def arn(self) -> str:
        return f"arn:{Aws.PARTITION}:bedrock:*::foundation-model/{self.pattern}"


def let_stream(role: iam.IRole, models: tuple[str, ...]) -> None:
    """Let the role stream from each model, which is an id or an ARN. An inference profile needs its model too.

    Source: Amazon Bedrock User Guide, "Prerequisites for inference profiles".
    """
    resources = [_arn(model) for model in models]
    behind = [found for model in models for found in _behind(model)]
    plain = [*resources, *(it.arn for it in behind if it.via is None)]
    if plain:
        role.add_to_principal_policy(iam.PolicyStatement(actions=[STREAM], resources=plain))
    for it in behind:
        if it.via is not None:
            role.add_to_principal_policy(
                iam.PolicyStatement(
                    actions=[STREAM],
                    resources=[it.arn],
                    conditions={"StringEquals": {"bedrock:InferenceProfileArn": it.via}},
                )
            )
        _acknowledge(role, it)


def let_guard(role: iam.IRole, guardrail: str) -> None:
    """Let the role's calls pass a guardrail, given as `id:version` or `arn:version`.

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


def _behind(model: str) -> Iterator[_Behind]:
    """What an inference profile leads to. One that an account has made itself does not say."""
    if _OWN_PROFILE_ARN.fullmatch(model):
        yield _Behind("*", via=model)
        return
    found = _PROFILE_ARN.fullmatch(model)
    geography, _, base = (found["id"] if found else model).partition(".")
    if geography in GEOGRAPHIES:
        yield _Behind(base)


def _acknowledge(role: iam.IRole, behind: _Behind) -> None:
    Validations.of(role).acknowledge(
        Acknowledgment(
            id=f"AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:bedrock:*"
            f"::foundation-model/{behind.pattern}]",
            reason="the profile chooses the region; which ones it covers is Bedrock's to say",
        )
    )
