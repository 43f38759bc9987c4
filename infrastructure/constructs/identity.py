"""Users: a Cognito user pool, its app clients, and its sign-in page."""

from typing import Final

from aws_cdk import Acknowledgment, Aws, Duration, Fn, RemovalPolicy, Validations
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infrastructure.console_site import SIGNED_IN, SIGNED_OUT
from infrastructure.protection import Flow, SignIn, ThreatProtection
from infrastructure.stage import Data, SecondFactor, SignUp

MFA: Final = {SecondFactor.OFF: cognito.Mfa.OFF, SecondFactor.OPTIONAL: cognito.Mfa.OPTIONAL}
THREAT_PROTECTION: Final = {
    ThreatProtection.AUDIT: cognito.StandardThreatProtectionMode.AUDIT_ONLY,
    ThreatProtection.ENFORCED: cognito.StandardThreatProtectionMode.FULL_FUNCTION,
}
BROWSER_TOKEN_LIFE: Final = Duration.minutes(15)
BROWSER_REFRESH_LIFE: Final = Duration.days(1)  # a page that stays open for longer signs in again


class Identity(Construct):
    """A pool whose users sign in with an e-mail address and a password."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        data: Data,
        second_factor: SecondFactor,
        sign_up: SignUp,
        sign_in: SignIn,
    ) -> None:
        super().__init__(scope, id_)
        protection = THREAT_PROTECTION.get(sign_in.threat_protection)
        self.pool = cognito.UserPool(
            self,
            "Users",
            user_pool_name=name,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            self_sign_up_enabled=sign_up is SignUp.ANYBODY,
            password_policy=cognito.PasswordPolicy(
                min_length=sign_in.password_length,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
            ),
            feature_plan=None if protection is None else cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=protection,
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
        )
        if protection is None:
            Validations.of(self.pool).acknowledge(
                Acknowledgment(
                    id="AwsSolutions::AwsSolutions-COG8",
                    reason="the plus plan is billed for each user; a stage has it if it sets threat_protection",
                ),
            )
        self.client = self.pool.add_client(
            "Client",
            auth_flows=cognito.AuthFlow(
                user_srp=Flow.SRP in sign_in.flows, user_password=Flow.PASSWORD in sign_in.flows
            ),
            disable_o_auth=True,  # it has no page to return to; the default would return to an example's address
            generate_secret=False,  # every browser would contain it
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(sign_in.refresh_days),
        )

        self._browser_clients: list[cognito.UserPoolClient] = []

    def add_sign_in_page(self) -> str:
        """Let Cognito serve a page where users of the pool sign in. Returns its URL, without a slash at the end."""
        unique = Fn.select(2, Fn.split("/", Aws.STACK_ID))  # every account's pages in a region share their names
        domain = self.pool.add_domain(
            "SignInPage",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=f"sign-in-{unique}"),
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
        )
        return domain.base_url()

    def add_browser_client(self, name: str, *, origin: str) -> cognito.UserPoolClient:
        """Let a web page sign its users in at the sign-in page, with an authorization code.

        Args:
            name: Of the construct.
            origin: Scheme and host of the web page, which has the addresses `SIGNED_IN` and `SIGNED_OUT`.
        """
        client = self.pool.add_client(
            name,
            auth_flows=cognito.AuthFlow(user_srp=False, user_password=False),  # passwords are for the sign-in page
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
                callback_urls=[f"{origin}{SIGNED_IN}"],
                logout_urls=[f"{origin}{SIGNED_OUT}"],
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            generate_secret=False,  # every browser would contain it
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=BROWSER_TOKEN_LIFE,
            id_token_validity=BROWSER_TOKEN_LIFE,
            refresh_token_validity=BROWSER_REFRESH_LIFE,
        )
        # Without a style of its own, a client of this kind of page gets none.
        cognito.CfnManagedLoginBranding(
            self,
            f"{name}Style",
            user_pool_id=self.pool.user_pool_id,
            client_id=client.user_pool_client_id,
            use_cognito_provided_values=True,
        )
        self._browser_clients.append(client)
        return client

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The clients whose tokens the API accepts."""
        return tuple(client.user_pool_client_id for client in (self.client, *self._browser_clients))

    @property
    def issuer(self) -> str:
        """The `iss` of the pool's tokens."""
        return self.pool.user_pool_provider_url
