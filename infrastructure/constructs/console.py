"""The web console of a stage: its site, the client with which its users sign in, and what the application must know."""

from aws_cdk import Aws
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.constructs.console_site import ConsoleSite
from infrastructure.constructs.identity import Identity
from infrastructure.stage import Data


class Console(Construct):
    """The console. It shows nothing before `connect`.

    Args:
        identity: Its users. They get a sign-in page, and a client for the console.
        objects: The bucket that large texts are sent to.
        data: What happens to the site's files when the stack is destroyed.
    """

    def __init__(self, scope: Construct, id_: str, *, identity: Identity, objects: s3.Bucket, data: Data) -> None:
        super().__init__(scope, id_)
        self._data = data
        self._issuer = identity.issuer
        self._sign_in_url = identity.add_sign_in_page()
        # A signed address has either of the bucket's names: the one in its region, or in us-east-1 the global one.
        buckets = (f"https://{objects.bucket_regional_domain_name}", f"https://{objects.bucket_domain_name}")
        self._addresses = (self._sign_in_url, *buckets)
        region = f"{Aws.REGION}.{Aws.URL_SUFFIX}"
        apis = (f"https://*.appsync-api.{region}", f"wss://*.appsync-realtime-api.{region}")
        self._site = ConsoleSite(self, "Site", data=data, addresses=(*self._addresses, *apis))
        self._client = identity.add_browser_client("ConsoleClient", origin=self._site.url)

    @property
    def url(self) -> str:
        return self._site.url

    def connect(self, *, graphql_url: str, realtime_url: str, log_days: int) -> None:
        """Deploy the application for an API.

        Args:
            graphql_url: URL of the API.
            realtime_url: URL of its subscriptions.
            log_days: How long the log of the deployment is kept.
        """
        configuration = {
            "target": "aws",
            "graphqlUrl": graphql_url,
            "realtimeUrl": realtime_url,
            "signIn": {
                "kind": "hosted",
                "authority": self._issuer,
                "clientId": self._client.user_pool_client_id,
                "signInUrl": self._sign_in_url,
            },
        }
        addresses = (*self._addresses, graphql_url, realtime_url)
        self._site.upload(configuration, addresses=addresses, log_days=log_days, data=self._data)
