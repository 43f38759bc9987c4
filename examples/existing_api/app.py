"""A CDK app with an API of its own, a library of books, that gets long-running jobs. It shows both forms.

`library-into` has the jobs in the library's API. `library-beside` has a merged API of the library's and the jobs' own.
"""

from pathlib import Path
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from longcall.cdk import LongRunningJobs, Stage

HERE: Final = Path(__file__).parent
STAGE: Final = Stage("dev", workloads=("local.*", "simulated.*"))


class Library(cdk.Stack):
    """What was there before: users, and an API about books."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        users = cognito.UserPool(self, "Users", removal_policy=cdk.RemovalPolicy.DESTROY)
        users.add_client("Client", auth_flows=cognito.AuthFlow(user_password=True, user_srp=True), disable_o_auth=True)
        self.modes = appsync.AuthorizationConfig(
            default_authorization=appsync.AuthorizationMode(
                authorization_type=appsync.AuthorizationType.USER_POOL,
                user_pool_config=appsync.UserPoolConfig(user_pool=users),
            ),
            # Workers report with the role of their function.
            additional_authorization_modes=[
                appsync.AuthorizationMode(authorization_type=appsync.AuthorizationType.IAM)
            ],
        )
        self.api = appsync.GraphqlApi(
            self,
            "Api",
            name=id_,
            definition=appsync.Definition.from_file(str(HERE / "schema.graphql")),
            authorization_config=self.modes,
        )
        self.api.add_none_data_source("Shelf").create_resolver(
            "Books",
            type_name="Query",
            field_name="books",
            runtime=appsync.FunctionRuntime.JS_1_0_0,
            code=appsync.Code.from_asset(str(HERE / "resolvers" / "Query.books.js")),
        )


class LibraryWithJobs(Library):
    """The jobs are in the library's own API."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        LongRunningJobs.into(self, "Jobs", api=self.api, stage=STAGE)


class MergedLibrary(Library):
    """The library's API and the jobs' own are merged into a third one, which callers use."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        role = iam.Role(self, "Merging", assumed_by=iam.ServicePrincipal("appsync.amazonaws.com"))
        merged = appsync.GraphqlApi(
            self,
            "Merged",
            name=f"{id_}-merged",
            definition=appsync.Definition.from_source_apis(
                source_apis=[appsync.SourceApi(source_api=self.api, merge_type=appsync.MergeType.AUTO_MERGE)],
                merged_api_execution_role=role,
            ),
            authorization_config=self.modes,
        )
        LongRunningJobs.beside(self, "Jobs", merged_api=merged, execution_role=role, stage=STAGE)


def main() -> None:
    """Synthesise both stacks."""
    app = cdk.App()
    LibraryWithJobs(app, "library-into")
    MergedLibrary(app, "library-beside")
    app.synth()


if __name__ == "__main__":
    main()
