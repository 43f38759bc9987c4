"""The names that AppSync gives to resolver code: global names, the exports of its modules, and their members.

AWS checks these names at deployment, with the typings of its package.

Source: the typings of @aws-appsync/utils 2.1; AppSync Developer Guide, "Supported runtime features", and "Utility
helpers in $util" for the names that exist in VTL only.
"""

from collections.abc import Mapping
from typing import Final


class Members(dict[str, "Members | None"]):
    """Names, each with its members; None for a function.

    Args:
        name: What messages call the owner.
        functions: Names of functions, separated by spaces.
        groups: The owners below, by name.
    """

    def __init__(self, name: str, functions: str = "", **groups: "Members") -> None:
        super().__init__(dict.fromkeys(functions.split()))
        self.update(groups)
        self.name = name


UTIL: Final = Members(
    "util",
    "escapeJavaScript urlEncode urlDecode base64Encode base64Decode autoId autoUlid autoKsuid unauthorized error "
    "appendError matches authType",
    time=Members(
        "util.time",
        "nowISO8601 nowEpochSeconds nowEpochMilliSeconds nowFormatted parseFormattedToEpochMilliSeconds "
        "parseISO8601ToEpochMilliSeconds epochMilliSecondsToSeconds epochMilliSecondsToISO8601 "
        "epochMilliSecondsToFormatted",
    ),
    dynamodb=Members(
        "util.dynamodb",
        "toDynamoDB toString toStringSet toNumber toNumberSet toBinary toBinarySet toBoolean toNull toList toMap "
        "toMapValues toS3Object fromS3ObjectJson",
    ),
    rds=Members("util.rds", "toJsonObject"),
    http=Members("util.http", "copyHeaders addResponseHeader addResponseHeaders"),
    xml=Members("util.xml", "toMap toJsonString"),
    transform=Members(
        "util.transform",
        "toDynamoDBFilterExpression toDynamoDBConditionExpression toElasticsearchQueryDSL toSubscriptionFilter",
    ),
    math=Members("util.math", "roundNum minVal maxVal randomDouble randomWithinRange"),
    str=Members("util.str", "normalize"),
)
RUNTIME: Final = Members("runtime", "earlyReturn")
EXTENSIONS: Final = Members(
    "extensions",
    "evictFromApiCache setSubscriptionFilter setSubscriptionInvalidationFilter invalidateSubscriptions",
)
MODULE_MEMBERS: Final[Mapping[str, Members]] = {
    "@aws-appsync/utils": Members("@aws-appsync/utils", util=UTIL, runtime=RUNTIME, extensions=EXTENSIONS),
    "@aws-appsync/utils/dynamodb": Members(
        "@aws-appsync/utils/dynamodb",
        "query scan update remove put get sync batchGet batchPut batchDelete transactGet transactWrite toStringSet "
        "toNumberSet toBinarySet",
        operations=Members("operations", "add remove replace increment decrement append prepend updateListItem"),
    ),
    "@aws-appsync/utils/rds": Members(
        "@aws-appsync/utils/rds",
        "select insert update remove sql createMySQLStatement createPgStatement toJsonObject",
        typeHint=Members("typeHint", "DATE DECIMAL JSON TIME TIMESTAMP UUID"),
        agg=Members("agg", "max maxDistinct min minDistinct count countDistinct avg avgDistinct sum sumDistinct"),
    ),
    "@aws-appsync/utils/ai": Members("@aws-appsync/utils/ai", "invokeModel converse"),
}
GLOBAL_MEMBERS: Final[Mapping[str, Members]] = {
    "util": UTIL,
    "runtime": RUNTIME,
    "extensions": EXTENSIONS,
    "console": Members("console", "log error"),
}

_NONE: Final = "leave it out"
_COMPARE: Final = "compare with null"
_TYPEOF: Final = "use typeof, or Array.isArray"
VTL_ONLY: Final[Mapping[str, str]] = {
    "util.toJson": "use JSON.stringify",
    "util.parseJson": "use JSON.parse",
    "util.qr": _NONE,
    "util.quiet": _NONE,
    "util.isNull": _COMPARE,
    "util.isNullOrEmpty": _COMPARE,
    "util.isNullOrBlank": _COMPARE,
    "util.defaultIfNull": "use the operator ??",
    "util.defaultIfNullOrEmpty": "use the operator ||",
    "util.defaultIfNullOrBlank": "use the operator ||",
    "util.isString": _TYPEOF,
    "util.isNumber": _TYPEOF,
    "util.isBoolean": _TYPEOF,
    "util.isList": _TYPEOF,
    "util.isMap": _TYPEOF,
    "util.typeOf": _TYPEOF,
    "util.validate": "call util.error if the value is not valid",
    "util.list": "use the methods of arrays",
    "util.map": "use Object.keys and plain objects",
    "util.log": "use console.log",
    "util.rds.toJsonString": "use JSON.stringify with util.rds.toJsonObject",
    "util.str.toLower": "use toLowerCase",
    "util.str.toUpper": "use toUpperCase",
    "util.str.toReplace": "use replaceAll",
    **{
        f"util.dynamodb.{name}Json": f"use JSON.stringify with util.dynamodb.{name}"
        for name in (
            "toDynamoDB", "toString", "toStringSet", "toNumber", "toNumberSet", "toBinary", "toBinarySet", "toBoolean",
            "toNull", "toList", "toMap", "toMapValues", "toS3Object",
        )
    },
}  # fmt: skip

# Names that code may use without declaring them. `undefined` is a word of the grammar.
GLOBALS: Final = frozenset(
    {
        *GLOBAL_MEMBERS, "Array", "Boolean", "JSON", "Math", "Number", "Object", "String", "Error", "EvalError",
        "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError", "Infinity", "NaN", "arguments",
        "decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "unescape", "isFinite",
        "isNaN", "parseFloat", "parseInt",
    }
)  # fmt: skip

_NOT_PART: Final = "it is not part of AppSync's JavaScript"
ABSENT_GLOBALS: Final[Mapping[str, str]] = {
    "Date": "use util.time",
    "Promise": "code is not asynchronous",
    "RegExp": "use util.matches",
    "Function": "functions cannot be made from text",
    "eval": "text cannot be evaluated",
    "require": "use import",
    "fetch": "use an HTTP data source",
    "btoa": "use util.base64Encode",
    "atob": "use util.base64Decode",
    **dict.fromkeys(("setTimeout", "setInterval", "setImmediate", "queueMicrotask"), "code cannot wait"),
    **dict.fromkeys(
        (
            "Symbol", "Proxy", "Reflect", "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "process", "globalThis",
            "ArrayBuffer", "SharedArrayBuffer", "DataView", "Atomics", "BigInt", "Buffer", "FinalizationRegistry",
            "Float32Array", "Float64Array", "Int8Array", "Int16Array", "Int32Array", "BigInt64Array", "Uint8Array",
            "Uint8ClampedArray", "Uint16Array", "Uint32Array", "BigUint64Array", "Intl", "Iterator", "crypto",
            "performance", "structuredClone", "window", "global", "self", "module", "exports", "URL", "TextEncoder",
            "TextDecoder",
        ),
        _NOT_PART,
    ),
}  # fmt: skip

# Methods that AppSync does not have, by the kind of value. Source: @aws-appsync/eslint-plugin, no-disallowed-methods.
DENIED_METHODS: Final[Mapping[str, frozenset[str]]] = {
    "Array": frozenset(
        {
            "copyWithin", "entries", "from", "group", "groupToMap", "keys", "of", "toLocaleString", "toString",
            "values",
        }
    ),
    "Object": frozenset(
        {
            "create", "defineProperties", "defineProperty", "freeze", "getOwnPropertyDescriptor",
            "getOwnPropertyDescriptors", "getOwnPropertyNames", "getOwnPropertySymbols", "getPrototypeOf",
            "hasOwnProperty", "is", "isExtensible", "isFrozen", "isPrototypeOf", "isSealed", "preventExtensions",
            "propertyIsEnumerable", "seal", "setPrototypeOf", "toString", "valueOf",
        }
    ),
    "String": frozenset(
        {
            "charCodeAt", "fromCharCode", "fromCodePoint", "localeCompare", "matchAll", "padEnd", "padStart",
            "raw", "repeat", "search", "toLocaleLowerCase", "toLocaleUpperCase", "valueOf",
        }
    ),
}  # fmt: skip
