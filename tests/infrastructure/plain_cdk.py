"""An application of plain CDK: its high-level constructs, its defaults, its assets; nothing of this project's."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_lambda as lambda_

NOTES = Path(__file__).with_name("notes")


def synthesise(folder: Path) -> Path:
    """Write the application to a folder; gives its template."""
    app = cdk.App(outdir=str(folder))
    stack = cdk.Stack(app, "notes")
    api = appsync.GraphqlApi(
        stack,
        "Api",
        name="notes",
        definition=appsync.Definition.from_file(str(NOTES / "schema.graphql")),
        authorization_config=appsync.AuthorizationConfig(
            default_authorization=appsync.AuthorizationMode(authorization_type=appsync.AuthorizationType.API_KEY),
            additional_authorization_modes=[
                appsync.AuthorizationMode(authorization_type=appsync.AuthorizationType.IAM)
            ],
        ),
    )
    function = lambda_.Function(
        stack,
        "Notes",
        runtime=lambda_.Runtime.PYTHON_3_11,
        handler="notes.handle",
        code=lambda_.Code.from_asset(str(NOTES / "functions")),
        environment={"AUTHOR": "ada"},
        timeout=cdk.Duration.seconds(5),
    )
    notes = api.add_lambda_data_source("NotesSource", function)
    nothing = api.add_none_data_source("Nothing")
    runtime = appsync.FunctionRuntime.JS_1_0_0
    for type_name, field in (("Query", "note"), ("Mutation", "erase")):
        notes.create_resolver(
            f"{field}Resolver",
            type_name=type_name,
            field_name=field,
            runtime=runtime,
            code=appsync.Code.from_asset(str(NOTES / "note.js")),
        )
    steps = [
        source.create_function(
            name, name=name, runtime=runtime, code=appsync.Code.from_inline((NOTES / f"{file}.js").read_text())
        )
        for source, name, file in ((notes, "take", "note"), (nothing, "shout", "shout"))
    ]
    api.create_resolver(
        "writeResolver",
        type_name="Mutation",
        field_name="write",
        runtime=runtime,
        pipeline_config=steps,
        code=appsync.Code.from_asset(str(NOTES / "pass.js")),
    )
    app.synth()
    return folder / "notes.template.json"
