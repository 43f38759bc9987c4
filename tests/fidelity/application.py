"""The test API of a library: its data sources and resolvers, Lambda functions, keys and principals."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from appsync_local import ApiKey, IamPrincipal
from appsync_local.api.model import (
    Api,
    AuthMode,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
)
from appsync_local.errors import FunctionFailed

LIBRARY: Final = Path(__file__).with_name("library")
SCHEMA: Final = LIBRARY / "schema.graphql"
HANDLERS: Final = frozenset({"catalogue", "courier", "doorkeeper"})

API: Final = Api(
    modes=(AuthMode.COGNITO, AuthMode.LAMBDA, AuthMode.IAM, AuthMode.OIDC, AuthMode.API_KEY),
    authorizer="doorkeeper",
    sources=(LambdaSource("Catalogue", "catalogue"), LambdaSource("Courier", "courier"), NoneSource("Nothing")),
    functions=(
        PipelineFunction("store", "Catalogue"),
        PipelineFunction("send", "Courier"),
        PipelineFunction("first", "Nothing"),
        PipelineFunction("breaks", "Nothing"),
        PipelineFunction("ask", "Catalogue"),
    ),
    resolvers=(
        *(UnitResolver(f"Query.{name}", "Catalogue") for name in ("book", "books", "search", "works", "ledger")),
        *(UnitResolver(f"Query.{name}", "Catalogue") for name in ("malformed", "tolerant")),
        *(UnitResolver(f"Query.{name}", "Nothing") for name in ("whoAmI", "fails", "partly")),
        *(UnitResolver(f"Query.{name}", "Nothing") for name in ("membersOnly", "librariansOnly", "oldRule")),
        PipelineResolver("Query.broken", ("first", "breaks", "ask")),
        PipelineResolver("Query.slow", ("ask", "ask")),
        *(UnitResolver(f"Mutation.{name}", "Catalogue") for name in ("addBook", "withdraw", "recordWork", "stamp")),
        UnitResolver("Mutation.endMembership", "Nothing"),
        PipelineResolver("Mutation.orderBook", ("store", "send")),
        UnitResolver("Author.books", "Catalogue"),
        UnitResolver("Subscription.onShelf", "Nothing"),
        UnitResolver("Subscription.onGuarded", "Catalogue"),
    ),
)

OIDC_ISSUER: Final = "https://login.library.test/"
OIDC_CLIENT: Final = "reading-room"

KEY: Final = ApiKey("da2-opensesame", expires=datetime(2999, 1, 1, tzinfo=UTC))
EXPIRED_KEY: Final = ApiKey("da2-lastyear", expires=datetime(2020, 1, 1, tzinfo=UTC))


def _principal(name: str, *allowed: str) -> IamPrincipal:
    arn = f"arn:aws:sts::111122223333:assumed-role/library/{name}"
    return IamPrincipal(f"AKID{name.upper()}", f"{name}-secret", arn, "111122223333", frozenset(allowed))


DESK: Final = _principal(
    "desk",
    *(f"Mutation.{name}" for name in ("addBook", "withdraw", "stamp")),
    *(f"Query.{name}" for name in ("book", "ledger", "whoAmI")),
    *(f"Subscription.{name}" for name in ("onBook", "onWithdrawn")),
)
VISITOR: Final = _principal("visitor", "Query.book")
NOBODY: Final = _principal("nobody")


def book(isbn: str, **members: Any) -> dict[str, Any]:
    """Return a book as the function `catalogue` returns it."""
    return {
        "isbn": isbn, "title": f"Title of {isbn}", "shelf": "FICTION", "pages": 300, "copies": 2,
        "addedAt": "2026-03-01T12:00:00Z",
    } | members  # fmt: skip


def catalogue(payload: Any) -> Any:
    """The Lambda function `catalogue`: finds a book for every ISBN, and returns the book that it should store."""
    arguments = payload["arguments"]
    match payload["field"]:
        case "book" if arguments["isbn"] == "burnt":
            raise FunctionFailed("Lambda:Unhandled", "the book is burnt")
        case "tolerant":
            raise FunctionFailed("Lambda:Unhandled", "ignored by the resolver")
        case "book" | "withdraw" | "store":
            return book(arguments["isbn"])
        case "addBook" if arguments["isbn"] == "burnt":
            raise FunctionFailed("Lambda:Unhandled", "the book is burnt")
        case "addBook":
            return book(**arguments)
        case "books":
            return [book("b1", author={"id": "a1", "name": "Jane"}), book("b2")]
        case "search":
            return [{"__typename": "Book"} | book("b1"), {"__typename": "Author", "id": "a1", "name": "Jane"}]
        case "works" | "recordWork":
            recording = {"__typename": "Recording", "isbn": arguments.get("isbn", "r1"), "minutes": 61} | arguments
            return recording if payload["field"] == "recordWork" else [recording, {"__typename": "Book"} | book("b1")]
        case "ledger":
            return {"year": 2026, "loans": 12}
        case "stamp":
            return {"number": arguments["number"], "reader": "ada"}
        case "onGuarded":
            return None
        case other:
            return other


def doorkeeper(payload: Any) -> Any:
    """The Lambda authorizer: accepts every token and returns it in the resolver context."""
    return {"isAuthorized": True, "resolverContext": {"shown": payload["authorizationToken"]}}
