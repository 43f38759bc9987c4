"""A job's request as the arguments of ConverseStream."""

from typing import TYPE_CHECKING, Final

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.jobs.model import Image, InferenceRequest, Message, Role
from chalicelib.workloads.bedrock.settings import Guardrail
from chalicelib.workloads.images import format_of

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.type_defs import (
        ContentBlockTypeDef,
        ConverseStreamRequestTypeDef,
        ImageBlockTypeDef,
        InferenceConfigurationTypeDef,
        MessageTypeDef,
    )

# Source: Amazon Bedrock API Reference, Message: 20 images of 3.75 MB. The contract allows 20 images too.
MAX_IMAGE: Final = 3_932_160  # bytes
MAX_TEMPERATURE: Final = 1.0


def converse_arguments(request: InferenceRequest, guardrail: Guardrail | None) -> "ConverseStreamRequestTypeDef":
    """The arguments of ConverseStream.

    Raises:
        WorkloadFailed: The temperature is above 1, or an image is too large or in an unknown format.
    """
    arguments: ConverseStreamRequestTypeDef = {
        "modelId": request.model,
        "messages": [_message(message) for message in request.conversation],
        "inferenceConfig": _inference_config(request),
    }
    if request.system and request.system.strip():
        arguments["system"] = [{"text": request.system}]
    if guardrail is not None:
        arguments["guardrailConfig"] = {
            "guardrailIdentifier": guardrail.identifier,
            "guardrailVersion": guardrail.version,
            "trace": "enabled",  # reports which policy acted
        }
    return arguments


def _inference_config(request: InferenceRequest) -> "InferenceConfigurationTypeDef":
    config: InferenceConfigurationTypeDef = {}
    if request.max_tokens is not None:
        config["maxTokens"] = request.max_tokens
    if request.temperature is not None:
        if request.temperature > MAX_TEMPERATURE:
            raise WorkloadFailed(
                f"the temperature of a model on Amazon Bedrock must be from 0 to {MAX_TEMPERATURE:g}, but is "
                f"{request.temperature:g}; lower it",
                ErrorType.MODEL_REJECTED_INPUT,
            )
        config["temperature"] = request.temperature
    if request.top_p is not None:
        config["topP"] = request.top_p
    if request.stop_sequences:
        config["stopSequences"] = list(request.stop_sequences)
    return config


def _message(message: Message) -> "MessageTypeDef":
    content: list[ContentBlockTypeDef] = [{"image": _image(image)} for image in message.images]
    if message.text:
        content.append({"text": message.text})
    return {"role": "user" if message.role is Role.USER else "assistant", "content": content}


def _image(image: Image) -> "ImageBlockTypeDef":
    if len(image.content) > MAX_IMAGE:
        raise WorkloadFailed(
            f"image {image.upload} has {len(image.content)} bytes, but models on Amazon Bedrock take at most "
            f"{MAX_IMAGE} (3.75 MB); upload a smaller one",
            ErrorType.MODEL_REJECTED_INPUT,
        )
    return {"format": format_of(image), "source": {"bytes": image.content}}
