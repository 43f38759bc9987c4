import { SHAPES, type Shape } from "./contract.ts";
import { mismatch } from "./errors.ts";
import { isObject } from "./faults.ts";
import type { Json } from "./json.ts";

/** The selection of all fields of a type. */
export function selection(shape: Shape): string {
  return fieldsOf(shape)
    .map(({ name, kind }) => (isShape(kind) ? `${name} { ${selection(kind)} }` : name))
    .join(" ");
}

/**
 * Parses an answer: a field for each one of the type. What may be missing is null; a Boolean is then false.
 *
 * @throws ProtocolError - The answer is not of this type.
 */
export function parse(shape: Shape, value: unknown): object {
  if (!isObject(value)) throw mismatch(`a value of type ${shape}`);
  return Object.fromEntries(fieldsOf(shape).map(({ name, type }) => [name, parseField(type, value[name], name)]));
}

function parseField(type: string, value: unknown, name: string): unknown {
  const kind = kindOf(type);
  if (value == null) {
    if (type.endsWith("!")) throw unreadable(name);
    return kind === "Boolean" ? false : null;
  }
  if (type.startsWith("[")) {
    if (!Array.isArray(value)) throw unreadable(name);
    return value.map((item) => parseField(`${kind}!`, item, name));
  }
  if (isShape(kind)) return parse(kind, value);
  if (kind === "AWSJSON") return parseJson(value as Json, name);
  if (!(CHECKS[kind] ?? isText)(value)) throw unreadable(name);
  return value;
}

const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  Int: (value) => Number.isSafeInteger(value) && (value as number) >= 0, // all of them are counts
  Float: Number.isFinite,
  Boolean: (value) => typeof value === "boolean",
};

function isText(value: unknown): boolean {
  return typeof value === "string";
}

/** An AWSJSON value, which is sent as text. */
function parseJson(value: Json, name: string): Json {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    throw unreadable(name);
  }
}

function unreadable(name: string): Error {
  return mismatch(`a valid '${name}'`, "another value");
}

function fieldsOf(shape: Shape): { readonly name: string; readonly type: string; readonly kind: string }[] {
  return SHAPES[shape].split(" ").map((field) => {
    const [, name = "", type = ""] = /^(\w+):?(.*)/.exec(field) ?? [];
    return { name, type, kind: kindOf(type) };
  });
}

/** The name of a type without its brackets and exclamation marks. */
function kindOf(type: string): string {
  return type.replace(/\W/g, "");
}

function isShape(kind: string): kind is Shape {
  return kind in SHAPES;
}
