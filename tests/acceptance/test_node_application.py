"""An application as CDK in TypeScript makes it, with functions for Node.js, served from its template over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.stack import LocalStack, running_stack
from tests.acceptance.test_applications import ask
from tests.support.cdk_folder import CdkFolder
from tests.support.node_packages import node_is_missing

pytestmark = pytest.mark.skipif(node_is_missing() is not None, reason=str(node_is_missing()))

SCHEMA = """
type Query {
  order(id: ID!): Order
  price(item: String!): Int
  discount(item: String!): Int
  report: String
  picture: String
  mail(to: String!): String
  lost: String
}
type Order { id: ID! lines: [Line!]! }
type Line { item: String! stock: Int }
"""
ORDERS = """
const { price } = require("./prices");
exports.handler = async (event) => {
  console.log("order", event.arguments.id);
  const lines = ["pen", "ink", "pad"].map((item) => ({ item, price: price(item) }));
  return { id: event.arguments.id, lines };
};
"""
STOCK = """
let batches = 0;
exports.handler = async (events) => {
  batches += 1;
  return events.map((event) => ({ data: event.source.item.length * 100 + batches }));
};
"""
# As esbuild writes an ES module.
PRICE = """
import { taxed } from "taxes";
export const handler = async (event) => {
  if (event.arguments.item === "none") throw new RangeError("no such item");
  return taxed(event.arguments.item.length);
};
"""
DISCOUNT = """
import prices
def handler(event, context):
    return prices.discount(event["arguments"]["item"])
"""
MAIL = """
const { SESClient } = require("@aws-sdk/client-ses");
const { colour } = require("project-only");
exports.handler = async () => typeof SESClient;
"""


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    only = project / "node_modules" / "project-only"
    only.mkdir(parents=True)
    (only / "index.js").write_text("exports.colour = 'red';")
    cdk = CdkFolder(project / "cdk.out")
    cdk.add_api(SCHEMA)
    taxes = {"nodejs/node_modules/taxes/index.js": "exports.taxed = (price) => price + 1;"}
    layer = cdk.zipped(taxes)
    cdk.add("Taxes", "AWS::Lambda::LayerVersion", Content=layer, CompatibleRuntimes=["nodejs20.x"])
    helpers = cdk.asset({"python/prices.py": "def discount(item): return -len(item)"})
    cdk.add("Helpers", "AWS::Lambda::LayerVersion", Content=helpers)
    cdk.add_function("Orders", "nodejs20.x", cdk.asset({"index.js": ORDERS, "prices.js": "exports.price = (it) => 1;"}))
    cdk.add_function("Stock", "nodejs18.x", {"ZipFile": STOCK})
    cdk.add_function("Price", "nodejs20.x", cdk.asset({"index.mjs": PRICE}), Layers=[{"Ref": "Taxes"}])
    cdk.add_function("Discount", "python3.9", {"ZipFile": DISCOUNT}, Layers=[{"Ref": "Helpers"}])
    cdk.add_function("Report", "java21", cdk.asset({"report.jar": "not read"}))
    cdk.add_function("Picture", None, {"ImageUri": "registry/picture:1"}, PackageType="Image")
    cdk.add_function("Mail", "nodejs20.x", cdk.asset({"index.js": MAIL}))
    cdk.add_function("Lost", "nodejs20.x", cdk.asset({"index.js": "require('project-only');"}))
    for field, function in {"order": "Orders", "price": "Price", "discount": "Discount"}.items():
        cdk.add_direct_resolver(f"Query.{field}", function)
    for name in ("Report", "Picture", "Mail", "Lost"):
        cdk.add_direct_resolver(f"Query.{name.lower()}", name)
    cdk.add_direct_resolver("Line.stock", "Stock", batch=5)
    return cdk.write()


@pytest.fixture(scope="module")
def stack(application: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    data = tmp_path_factory.mktemp("stack") / "data"
    with running_stack(data, "--verbose", "--template", str(application)) as running:
        yield running


async def test_fields_are_resolved_by_functions_for_node_alone_and_in_batches(stack: LocalStack) -> None:
    answer = await ask(stack, '{ order(id: "7") { id lines { item stock } } }')

    lines = [{"item": "pen", "stock": 301}, {"item": "ink", "stock": 301}, {"item": "pad", "stock": 301}]
    assert answer == {"data": {"order": {"id": "7", "lines": lines}}}
    assert "order 7" in stack.log.read_text()


async def test_layers_and_inline_code_are_found(stack: LocalStack) -> None:
    answer = await ask(stack, '{ price(item: "pen") discount(item: "pad") }')

    assert answer == {"data": {"price": 4, "discount": -3}}


async def test_error_of_a_function_for_node_is_that_of_lambda(stack: LocalStack) -> None:
    [error] = (await ask(stack, '{ price(item: "none") }'))["errors"]

    assert (error["errorType"], error["message"]) == ("RangeError", "no such item")


@pytest.mark.parametrize(
    ("field", "error_type", "sentence"),
    [
        ("report", "Lambda:InvalidRuntimeException", "Report cannot be run: it runs on java21"),
        ("picture", "Lambda:InvalidRuntimeException", "Picture cannot be run: it is a container image"),
        ('mail(to: "a")', "Runtime.ImportModuleError", "run `npm install --save-dev @aws-sdk/client-ses` in {project}"),
        ("lost", "Runtime.ImportModuleError", "Cannot find module 'project-only'"),
    ],
)
async def test_field_says_why_its_function_cannot_run(
    stack: LocalStack, application: Path, field: str, error_type: str, sentence: str
) -> None:
    [error] = (await ask(stack, f"{{ {field} }}"))["errors"]

    assert error["errorType"] == error_type
    assert sentence.format(project=application.parents[1]) in error["message"]


def test_start_says_what_is_left_out(stack: LocalStack) -> None:
    log: Any = stack.log.read_text()

    assert "Report cannot be run: it runs on java21" in log
    assert "Picture cannot be run: it is a container image" in log
    assert "functions for python3.9 run on python3." in log
