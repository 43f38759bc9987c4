"""The server's key, where it is kept in AWS Secrets Manager: nobody reads it in the function's settings."""

from chalicelib.jobs.errors import ErrorType, WorkloadFailed


def secret_value(secret: str) -> str:
    """The text of a secret.

    Args:
        secret: Its name or ARN.

    Raises:
        WorkloadFailed: It could not be read.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    except (BotoCoreError, ClientError, KeyError) as error:
        raise WorkloadFailed(
            "the key of the OpenAI-compatible server could not be read from AWS Secrets Manager; the stage's operator "
            "looks whether its secret exists, and has the key as plain text",
            ErrorType.MODEL_ACCESS_DENIED,
        ) from error
