"""The code of a template's functions, unpacked: each function finds its own modules and layers, and nothing else."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from appsync_local.functions.spec import FunctionSpec
from local_stack.aws_access import AwsAccess
from local_stack.services.cognito.pool import Pool
from local_stack.template.blueprint import blueprint_from_template
from local_stack.template.composition import read_template
from local_stack.template.document import Resource, Template, TemplateInvalid
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.packages import Packages
from local_stack.template.runtime_libraries import link_python, node_project
from local_stack.template.runtimes import remarks_on_versions, why_not_run
from tests.support.cdk_folder import CdkFolder

PYTHON = "python3.11"
EXT_SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
NODE = "nodejs22.x"


@pytest.fixture
def cdk(tmp_path: Path) -> CdkFolder:
    return CdkFolder(tmp_path / "project" / "cdk.out")


class Unpacked:
    """The packages of a template."""

    def __init__(self, template: Template, folder: Path) -> None:
        intrinsics = IntrinsicResolver(template, "us-east-1")
        self.template = template
        self.packages = Packages(template, intrinsics, folder=folder / "data", new_folder=lambda: folder / "node")

    def __getitem__(self, function: str) -> Any:
        return self.packages.of(self.template.resources[function])


@pytest.fixture
def unpacked(cdk: CdkFolder, tmp_path: Path) -> Any:
    return lambda: Unpacked(read_template(cdk.write()), tmp_path)


def test_folder_of_python_is_used_where_it_is_and_that_of_node_is_copied(cdk: CdkFolder, unpacked: Any) -> None:
    code = cdk.asset({"index.py": "", "index.js": ""})
    cdk.add_function("Python", PYTHON, code)
    cdk.add_function("Node", NODE, code)
    found = unpacked()

    assert found["Python"].root.parent == cdk.folder
    assert (found["Node"].root / "index.js").is_file()
    assert cdk.folder.parent not in found["Node"].root.parents


def test_zip_keeps_the_right_to_execute(cdk: CdkFolder, unpacked: Any) -> None:
    code = cdk.zipped({"index.py": ""})
    (package,) = cdk.folder.glob("*.zip")
    with zipfile.ZipFile(package, "a") as archive:
        program = zipfile.ZipInfo("bin/tool")
        program.external_attr = 0o100755 << 16
        archive.writestr(program, "#!/bin/sh\n")
    cdk.add_function("F", PYTHON, code)

    root = unpacked()["F"].root

    assert os.access(root / "bin" / "tool", os.X_OK)
    assert not os.access(root / "index.py", os.X_OK)


@pytest.mark.parametrize(("runtime", "file"), [(PYTHON, "index.py"), (NODE, "index.js")])
def test_inline_code_is_the_module_index(cdk: CdkFolder, unpacked: Any, runtime: str, file: str) -> None:
    cdk.add_function("F", runtime, {"ZipFile": {"Fn::Join": ["\n", ["one", "two"]]}})

    assert (unpacked()["F"].root / file).read_text() == "one\ntwo"


def test_later_layer_replaces_files_of_an_earlier_one(cdk: CdkFolder, unpacked: Any) -> None:
    cdk.add("First", "AWS::Lambda::LayerVersion", Content=cdk.zipped({"python/a.py": "1", "python/b.py": "1"}))
    cdk.add("Second", "AWS::Lambda::LayerVersion", Content=cdk.asset({"python/b.py": "2"}))
    cdk.add_function("F", PYTHON, {"ZipFile": ""}, Layers=[{"Ref": "First"}, {"Ref": "Second"}])

    opt = unpacked()["F"].opt

    assert [(opt / "python" / name).read_text() for name in ("a.py", "b.py")] == ["1", "2"]


@pytest.mark.parametrize("kind", ["asset", "zipped"])
def test_a_layer_writes_nothing_through_the_links_of_another_one(
    cdk: CdkFolder, unpacked: Any, tmp_path: Path, kind: str
) -> None:
    own = tmp_path / "own"
    write_file(own / "a.py", "of the developer")
    first, second = cdk.asset({"python/b.py": "1"}), getattr(cdk, kind)({"python/lib/a.py": "2", "python/c.py": "2"})
    (layer,) = (it.parent for it in cdk.folder.glob("asset.*/python/b.py"))
    (layer / "lib").symlink_to(own)
    (layer / "c.py").symlink_to(own / "a.py")
    cdk.add("First", "AWS::Lambda::LayerVersion", Content=first)
    cdk.add("Second", "AWS::Lambda::LayerVersion", Content=second)
    cdk.add_function("F", PYTHON, {"ZipFile": ""}, Layers=[{"Ref": "First"}, {"Ref": "Second"}])

    opt = unpacked()["F"].opt

    assert (own / "a.py").read_text() == "of the developer"
    assert [(opt / "python" / name).read_text() for name in ("lib/a.py", "c.py")] == ["2", "2"]


def test_a_link_of_a_later_layer_replaces_a_file(cdk: CdkFolder, unpacked: Any) -> None:
    first, second = cdk.asset({"python/a.py": "1"}), cdk.asset({"python/b.py": "2"})
    (layer,) = (it.parent for it in cdk.folder.glob("asset.*/python/b.py"))
    (layer / "a.py").symlink_to("b.py")
    cdk.add("First", "AWS::Lambda::LayerVersion", Content=first)
    cdk.add("Second", "AWS::Lambda::LayerVersion", Content=second)
    cdk.add_function("F", PYTHON, {"ZipFile": ""}, Layers=[{"Ref": "First"}, {"Ref": "Second"}])

    assert (unpacked()["F"].opt / "python/a.py").read_text() == "2"


@pytest.mark.parametrize("name", ["../../out.py", "/out.py", "a/../../../out.py"])
def test_no_entry_of_a_zip_is_written_outside_its_folder(
    cdk: CdkFolder, unpacked: Any, tmp_path: Path, name: str
) -> None:
    cdk.add_function("F", PYTHON, cdk.zipped({"index.py": "", name: "x"}))

    root = unpacked()["F"].root

    assert [it for it in tmp_path.rglob("out.py") if not it.is_relative_to(root)] == []


def test_a_zip_with_a_password_is_refused(cdk: CdkFolder, unpacked: Any) -> None:
    code = cdk.zipped({"index.py": "x"})
    (package,) = cdk.folder.glob("*.zip")
    content = bytearray(package.read_bytes())
    content[6] |= 1  # of the entry itself
    content[content.index(b"PK\x01\x02") + 8] |= 1  # in the directory
    package.write_bytes(content)
    cdk.add_function("F", PYTHON, code)

    with pytest.raises(TemplateInvalid, match=r"cannot be unpacked .*encrypted"):
        unpacked()["F"]


def test_layer_of_somebody_else_is_left_out_with_a_remark(cdk: CdkFolder, unpacked: Any) -> None:
    arn = "arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsightsExtension:14"
    cdk.add_function("F", PYTHON, {"ZipFile": ""}, Layers=[arn])
    found = unpacked()

    assert found["F"].opt is None
    assert found.packages.warnings == [f"F runs without the layer {arn}, which is not of this template"]


POWERTOOLS = "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python311-x86_64:7"


def install(folder: Path, name: str, module: str, *requires: str) -> None:
    """Write what an installer leaves of a distribution with one package."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    write_file(folder / module / "__init__.py", "")
    write_file(info / "METADATA", f"Name: {name}\n" + "".join(f"Requires-Dist: {it}\n" for it in requires))
    write_file(info / "RECORD", f"../../bin/{module},,\n{module}/__init__.py,,\n{info.name}/METADATA,,\n")


def write_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_public_layer_is_what_is_installed_of_it_here(
    cdk: CdkFolder, unpacked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed"
    install(installed, "aws-lambda-powertools", "aws_lambda_powertools", "boto3", "needed-too (>=1)", "missing ; extra")
    install(installed, "needed-too", "needed")
    install(installed, "another", "another")
    monkeypatch.syspath_prepend(installed)
    cdk.add_function("F", PYTHON, {"ZipFile": ""}, Layers=[POWERTOOLS])
    found = unpacked()

    names = {it.name for it in (found["F"].opt / "python").iterdir()}

    assert names == {
        "aws_lambda_powertools",
        "aws_lambda_powertools-1.0.dist-info",
        "needed",
        "needed_too-1.0.dist-info",
    }
    assert found.packages.warnings == []


@pytest.mark.parametrize(
    ("runtime", "arn", "command"),
    [
        (PYTHON, POWERTOOLS, "`pip install 'aws-lambda-powertools[all]'` in the Python environment of this program"),
        (
            NODE,
            "arn:aws:lambda:us-east-1:094274105915:layer:AWSLambdaPowertoolsTypeScriptV2:12",
            "`npm install --save-dev @aws-lambda-powertools/logger @aws-lambda-powertools/tracer` in {project}",
        ),
    ],
)
def test_public_layer_that_is_not_installed_is_remarked(
    cdk: CdkFolder, unpacked: Any, runtime: str, arn: str, command: str
) -> None:
    (cdk.folder.parent / "package.json").write_text("{}")
    cdk.add_function("F", runtime, {"ZipFile": ""}, Layers=[arn])
    found = unpacked()

    found["F"]

    place = command.format(project=cdk.folder.parent)
    assert found.packages.warnings == [f"the layer {arn} is left out until you run {place}"]


def test_layers_for_node_are_linked_where_modules_are_found(cdk: CdkFolder, unpacked: Any) -> None:
    files = {
        "nodejs/node_modules/@scope/one/index.js": "general",
        "nodejs/node_modules/two/index.js": "general",
        "nodejs/node22/node_modules/two/index.js": "of node22",
    }
    cdk.add("Layer", "AWS::Lambda::LayerVersion", Content=cdk.zipped(files))
    cdk.add_function("F", NODE, {"ZipFile": ""}, Layers=[{"Ref": "Layer"}])

    modules = unpacked()["F"].root.parent / "node_modules"

    assert (modules / "@scope" / "one" / "index.js").read_text() == "general"
    assert (modules / "two" / "index.js").read_text() == "of node22"


def test_sdk_of_the_project_is_found_once_it_is_installed(cdk: CdkFolder, unpacked: Any) -> None:
    cdk.add_function("F", NODE, {"ZipFile": ""})
    project = cdk.folder.parent
    (project / "package.json").write_text("{}")
    package = unpacked()["F"]

    (project / "node_modules" / "@aws-sdk" / "client-s3").mkdir(parents=True)

    assert package.libraries == project == node_project(cdk.folder / "App.template.json")
    assert (package.root.parents[2] / "node_modules" / "@aws-sdk" / "client-s3").is_dir()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ({"S3Bucket": "b", "S3Key": "unknown.zip"}, "unknown.zip"),
        ({}, "it has no code: expected ZipFile, S3Key or the path of a folder or zip"),
    ],
)
def test_missing_code_is_named(cdk: CdkFolder, unpacked: Any, code: dict[str, str], message: str) -> None:
    cdk.add_function("F", PYTHON, code)
    found = unpacked()

    with pytest.raises(TemplateInvalid, match=message):
        found["F"]


def test_code_of_a_sam_function_with_a_role_is_beside_the_template(cdk: CdkFolder, unpacked: Any) -> None:
    (cdk.folder / "src").mkdir()
    cdk.add(
        "F", "AWS::Serverless::Function", CodeUri="src/", Runtime=PYTHON, Handler="a.b", Role="arn:aws:iam::1:role/r"
    )

    assert unpacked()["F"].root == cdk.folder / "src"


def test_same_path_in_two_nested_stacks_is_two_packages(cdk: CdkFolder, unpacked: Any) -> None:
    cdk.add_function("Any", NODE, {"ZipFile": ""})
    found = unpacked()
    properties = {"CodeUri": "src", "Runtime": NODE, "Handler": "index.handler"}
    roots = []
    for name in ("one", "two"):
        file = cdk.folder / name / "template.yaml"
        (file.parent / "src").mkdir(parents=True)
        (file.parent / "src" / "index.js").write_text(name)
        roots.append(found.packages.of(Resource(name, "AWS::Serverless::Function", properties, file)).root)

    assert [(root / "index.js").read_text() for root in roots] == ["one", "two"]


def test_file_that_is_no_zip_is_named(cdk: CdkFolder, unpacked: Any) -> None:
    cdk.add_function("F", PYTHON, cdk.zipped({"index.py": ""}))
    (package,) = cdk.folder.glob("*.zip")
    package.write_text("not a zip")
    found = unpacked()

    with pytest.raises(TemplateInvalid, match=r"cannot be unpacked \(File is not a zip file\)"):
        found["F"]


@pytest.mark.parametrize(
    ("runtime", "files", "remark"),
    [
        (PYTHON, {"requirements.txt": "boto3\nrequests[socks]>=2  # http\n-r x\n", "requests/__init__.py": ""}, None),
        (PYTHON, {"requirements.txt": "PyYAML==6.0", "PyYAML-6.0.dist-info/METADATA": ""}, None),
        (PYTHON, {"requirements.txt": "six\npython-dateutil\n"}, None),
        (
            PYTHON,
            {"requirements.txt": "# none\nrequests==2\nmangum\n"},
            "requirements.txt names requests and mangum, and",
        ),
        (
            PYTHON,
            {"a/b.cpython-27-vax.so": ""},
            "a/b.cpython-27-vax.so is compiled for cpython-27-vax, and this Python",
        ),
        (PYTHON, {"a/b.cpython-27-vax.so": "", f"a/b{EXT_SUFFIX}": ""}, None),
        (
            NODE,
            {"package.json": '{"dependencies": {"@aws-sdk/client-s3": "3", "a": "1"}}'},
            "package.json names a, and",
        ),
        (NODE, {"package.json": '{"dependencies": {"a": "1"}}', "node_modules/a/index.js": ""}, None),
        (NODE, {"package.json": "not JSON"}, None),
    ],
)
def test_what_a_package_lacks_is_remarked(
    cdk: CdkFolder, unpacked: Any, runtime: str, files: dict[str, str], remark: str | None
) -> None:
    cdk.add_function("F", runtime, cdk.zipped(files))
    found = unpacked()

    found["F"]

    assert [it.startswith(f"F: {remark}") for it in found.packages.warnings] == ([] if remark is None else [True])


def test_functions_with_one_package_get_its_remarks_once(cdk: CdkFolder, unpacked: Any) -> None:
    code = cdk.asset({"requirements.txt": "mangum"})
    for name in ("One", "Two"):
        cdk.add_function(name, PYTHON, code)
    found = unpacked()

    assert found["One"] == found["Two"]
    assert len(found.packages.warnings) == 1


def test_boto3_is_found_without_the_libraries_of_this_python(tmp_path: Path) -> None:
    import six  # type: ignore[import-untyped]  # it changes its own description when it is imported

    libraries = link_python(tmp_path / "libraries")
    assert (libraries / Path(six.__file__).name).exists()
    code = "import sys; sys.path.insert(0, sys.argv[1]); import boto3; print(boto3.__file__); import orjson"

    done = subprocess.run([sys.executable, "-S", "-c", code, libraries], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == str(libraries / "boto3" / "__init__.py"), done.stderr
    assert "No module named 'orjson'" in done.stderr


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Runtime": "python3.9"}, None),
        ({"Runtime": "dotnet8"}, "it runs on dotnet8, and the local stack runs functions in Python and Node.js"),
        ({"Runtime": "provided.al2023"}, "it runs on provided.al2023, and"),
        ({"PackageType": "Image"}, "it is a container image, and"),
        ({"Handler": "index.handler"}, "it has no Runtime, and"),
        ({"Runtime": "nodejs99.x"}, "it runs on nodejs99.x: "),
    ],
)
def test_functions_that_cannot_be_run_have_a_reason(properties: dict[str, str], reason: str | None) -> None:
    found = why_not_run(properties)

    assert found is None if reason is None else found is not None and found.startswith(reason)


def test_nothing_invokes_a_function_that_cannot_be_run(cdk: CdkFolder, tmp_path: Path) -> None:
    cdk.add_api("type Query { a: String }")
    queue = cdk.add("Orders", "AWS::SQS::Queue")
    for name, runtime in (("Here", PYTHON), ("Elsewhere", "java21")):
        cdk.add_function(name, runtime, {"ZipFile": ""})
        cdk.resources[f"{name}Role"]["Properties"]["Policies"] = [
            {
                "PolicyName": "Read",
                "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]},
            }
        ]
        cdk.add(f"{name}Mapping", "AWS::Lambda::EventSourceMapping", FunctionName={"Ref": name}, EventSourceArn=queue)
        rule = cdk.add(
            f"{name}Rule", "AWS::Events::Rule", ScheduleExpression="rate(1 minute)",
            Targets=[{"Id": "t", "Arn": {"Fn::GetAtt": [name, "Arn"]}}],
        )  # fmt: skip
        cdk.add(
            f"{name}Permission", "AWS::Lambda::Permission", Action="lambda:InvokeFunction",
            FunctionName={"Ref": name}, Principal="events.amazonaws.com", SourceArn=rule,
        )  # fmt: skip

    made = blueprint_from_template(
        read_template(cdk.write()), address="api", pool=Pool("http://127.0.0.1:1", "us-east-1", "us-east-1_p", "c", ()),
        ledger="sqlite:jobs.db", s3="", data=tmp_path / "data", new_folder=lambda: tmp_path / "node",
        aws=AwsAccess("", ""),
    )  # fmt: skip

    reason = "Elsewhere cannot be run: it runs on java21, and the local stack runs functions in Python and Node.js"
    assert ({it.name for it in made.functions}, made.unsupported) == ({"Here"}, {"Elsewhere": reason})
    assert {getattr(it, "function", None) for it in made.event_sources} == {"Here"}
    assert {it.function for it in made.schedules} == {"Here"}
    assert f"Elsewhere does not run on schedule: {reason}" in made.warnings


def test_functions_beside_longcalls_own_send_nothing_to_aws(cdk: CdkFolder, tmp_path: Path) -> None:
    variables = {"Variables": {"LONGCALL_LEDGER": "dynamodb:jobs"}}
    cdk.add_function("Relay", PYTHON, cdk.asset({"app.py": ""}), Environment=variables)
    cdk.add_function("Other", PYTHON, cdk.asset({"index.py": ""}))
    cdk.add_api("type Query { n: Int }")

    made = blueprint_from_template(
        read_template(cdk.write()), address="api", pool=Pool("http://127.0.0.1:1", "us-east-1", "us-east-1_p", "c", ()),
        ledger="sqlite:jobs.db", s3="", data=tmp_path / "data", new_folder=lambda: tmp_path / "node",
        aws=AwsAccess("http://127.0.0.1:1/aws", "http://127.0.0.1:1/lambda"),
    )  # fmt: skip

    addresses = {it.name: it.environment.get("AWS_ENDPOINT_URL") for it in made.functions}
    assert addresses == {"Relay": None, "Other": "http://127.0.0.1:1/aws"}


def test_another_version_of_a_runtime_is_remarked_once() -> None:
    here = f"python3.{sys.version_info.minor}"
    functions = [
        FunctionSpec(name, "a.b", {}, 1.0, runtime=runtime)
        for name, runtime in (("a", "python3.9"), ("b", here), ("c", "python3.9"))
    ]

    assert [*remarks_on_versions(functions)] == [f"functions for python3.9 run on {here} here: a, c"]
