"""Users: a Cognito user pool and its app client."""

from typing import Final

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infrastructure.stages import Data, SecondFactor, SignUp

PASSWORD_POLICY: Final = cognito.PasswordPolicy(
    min_length=8, require_lowercase=True, require_uppercase=True, require_digits=True, require_symbols=True
)
MFA: Final = {SecondFactor.OFF: cognito.Mfa.OFF, SecondFactor.OPTIONAL: cognito.Mfa.OPTIONAL}


class Identity(Construct):
    """A pool whose users sign in with an e-mail address and a password, by SRP or directly."""

    def __init__(
        self, scope: Construct, id_: str, *, name: str, data: Data, second_factor: SecondFactor, sign_up: SignUp
    ) -> None:
        super().__init__(scope, id_)
        self.pool = cognito.UserPool(
            self,
            "Users",
            user_pool_name=name,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            self_sign_up_enabled=sign_up is SignUp.ANYBODY,
            password_policy=PASSWORD_POLICY,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            mfa=MFA[second_factor],
            # Codes come from an app: text messages cost money and can be intercepted.
            mfa_second_factor=None
            if second_factor is SecondFactor.OFF
            else cognito.MfaSecondFactor(otp=True, sms=False),
            deletion_protection=data is Data.RETAINED,
            removal_policy=RemovalPolicy.RETAIN if data is Data.RETAINED else RemovalPolicy.DESTROY,
        )
        Validations.of(self.pool).acknowledge(
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-COG2",
                reason="a second factor is the stage's choice; if it were required, programs could not sign in",
            ),
            Acknowledgment(
                id="AwsSolutions::AwsSolutions-COG8",
                reason="the plus plan is billed for each user; operators can choose it for its threat protection",
            ),
        )
        self.client = self.pool.add_client(
            "Client",
            auth_flows=cognito.AuthFlow(user_srp=True, user_password=True),
            disable_o_auth=True,  # there is no hosted page; the default would redirect to an example's address
            generate_secret=False,  # every browser would contain it
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(30),
        )

    @property
    def issuer(self) -> str:
        """The `iss` of the pool's tokens."""
        return self.pool.user_pool_provider_url
