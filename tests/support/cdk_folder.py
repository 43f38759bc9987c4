"""A folder in the shape that `cdk synth` writes: a template, and assets that a manifest lists."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class CdkFolder:
    """Writes the folder. Resources and assets are added, then `write` makes the template.

    Attributes:
        resources: By logical id.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.resources: dict[str, dict[str, Any]] = {}
        self._files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, type_: str, **properties: Any) -> dict[str, list[str]]:
        """Add a resource.

        Returns:
            A reference to its ARN.
        """
        self.resources[name] = {"Type": type_, "Properties": properties}
        return {"Fn::GetAtt": [name, "Arn"]}

    def add_function(self, name: str, runtime: str | None, code: Mapping[str, Any], **properties: Any) -> None:
        """Add a function with a role that allows nothing, and a data source of its name that may invoke it."""
        trust = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole", "Effect": "Allow"}
        role = self.add(f"{name}Role", "AWS::IAM::Role", AssumeRolePolicyDocument={"Statement": [trust]})
        of_runtime = {} if runtime is None else {"Runtime": runtime, "Handler": "index.handler"}
        arn = self.add(name, "AWS::Lambda::Function", Code=code, Role=role, **{**of_runtime, **properties})
        may_invoke = {"Action": "lambda:InvokeFunction", "Effect": "Allow", "Resource": arn}
        caller = self.add(
            f"{name}SourceRole", "AWS::IAM::Role", AssumeRolePolicyDocument={"Statement": []},
            Policies=[{"PolicyName": "Invoke", "PolicyDocument": {"Statement": [may_invoke]}}],
        )  # fmt: skip
        self.add(
            f"{name}Source", "AWS::AppSync::DataSource", ApiId=API_ID, Name=name, Type="AWS_LAMBDA",
            LambdaConfig={"LambdaFunctionArn": arn}, ServiceRoleArn=caller,
        )  # fmt: skip

    def add_api(self, schema: str) -> None:
        """Add an API with an API key."""
        self.add("Api", "AWS::AppSync::GraphQLApi", Name="api", AuthenticationType="API_KEY")
        self.add("Key", "AWS::AppSync::ApiKey", ApiId=API_ID)
        self.add("Schema", "AWS::AppSync::GraphQLSchema", ApiId=API_ID, Definition=schema)

    def add_direct_resolver(self, field: str, source: str, *, batch: int = 0) -> None:
        """Add a resolver without code for a field, as `Query.order`."""
        type_name, _, field_name = field.partition(".")
        self.add(
            f"{type_name}{field_name}Resolver", "AWS::AppSync::Resolver", ApiId=API_ID, TypeName=type_name,
            FieldName=field_name, Kind="UNIT", DataSourceName={"Fn::GetAtt": [f"{source}Source", "Name"]},
            **({"MaxBatchSize": batch} if batch else {}),
        )  # fmt: skip

    def asset(self, files: Mapping[str, str]) -> dict[str, Any]:
        """Write files into a folder that CDK zips when it deploys; returns the code of a function that has them."""
        key = hashlib.sha256(json.dumps(files).encode()).hexdigest()
        for name, text in files.items():
            path = self.folder / f"asset.{key}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self._listed(key, f"asset.{key}")

    def zipped(self, files: Mapping[str, str]) -> dict[str, Any]:
        """As `asset`, with a zip."""
        key = hashlib.sha256(json.dumps(files).encode()).hexdigest()
        with zipfile.ZipFile(self.folder / f"asset.{key}.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return self._listed(key, f"asset.{key}.zip")

    def write(self) -> Path:
        """Write template and manifest; returns the template."""
        (self.folder / "App.assets.json").write_text(json.dumps({"files": self._files}))
        template = self.folder / "App.template.json"
        template.write_text(json.dumps({"Resources": self.resources}))
        return template

    def _listed(self, key: str, path: str) -> dict[str, Any]:
        self._files[key] = {"source": {"path": path, "packaging": "zip"}}
        return {"S3Bucket": {"Fn::Sub": "cdk-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": f"{key}.zip"}


API_ID = {"Fn::GetAtt": ["Api", "ApiId"]}
