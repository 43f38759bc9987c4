"""The developer's own login for AWS, which functions and data sources get with `--allow-aws` only."""

from appsync_local.data_sources.aws_services import AwsCredentials
from local_stack.errors import StackError


def developer_login() -> AwsCredentials:
    """The access key that boto3 finds: of the environment, a profile or another login.

    Raises:
        StackError: No login was found, or it cannot be used.
    """
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        found = Session().get_credentials()
        key = None if found is None else found.get_frozen_credentials()
    except BotoCoreError as error:
        raise StackError(f"the AWS login for --allow-aws cannot be used: {error}; sign in again") from error
    if key is None:
        raise StackError(
            "no AWS credentials were found for --allow-aws; sign in (`aws configure`, `aws sso login`), or set "
            "AWS_PROFILE or an access key, or leave the option out"
        )
    return AwsCredentials(str(key.access_key), str(key.secret_key), key.token)
