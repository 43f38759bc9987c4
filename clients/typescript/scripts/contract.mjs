// Prints src/contract.ts, the types of graphql/schema.graphql: node scripts/contract.mjs > src/contract.ts
import { readFileSync } from "node:fs";
import {
  buildSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";

// What callers use. Everything else is for workers and operators.
const OPERATIONS = {
  Query: ["getInference", "listInferences", "quoteInference", "inferenceEvents"],
  Mutation: ["startInference", "createUpload", "cancelInference", "deleteInference"],
};
const FOR_WORKERS = ["claimed", "checkpoint", "audience"]; // fields of InferenceStatus
const OF_SNAPSHOTS = ["output", "outputOmitted", "resultUrl", "resultBytes", "resultSha256"]; // returned by getInference only
const SCALARS = { ID: "string", String: "string", Int: "number", Float: "number", Boolean: "boolean", AWSJSON: "Json" };

const folder = new URL("../../../graphql/", import.meta.url);
const schema = buildSchema(
  ["appsync.graphql", "schema.graphql"].map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n"),
);

const used = new Map();
for (const [root, names] of Object.entries(OPERATIONS)) {
  const fields = schema.getType(root).getFields();
  for (const name of names) {
    use(fields[name].type);
    for (const argument of fields[name].args) use(argument.type);
  }
}

function use(type) {
  const named = getNamedType(type);
  if (used.has(named.name) || !(isObjectType(named) || isInputObjectType(named) || isEnumType(named))) return;
  used.set(named.name, named);
  if (!isEnumType(named)) for (const field of fieldsOf(named)) use(field.type);
}

function fieldsOf(type) {
  return Object.values(type.getFields()).filter(({ name }) => !FOR_WORKERS.includes(name));
}

function comment(text, indent) {
  if (!text) return "";
  const lines = text.trim().split("\n");
  if (lines.length === 1 && indent.length + lines[0].length <= 112) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}

function rendered(type) {
  if (isListType(type)) return `readonly ${rendered(isNonNullType(type.ofType) ? type.ofType.ofType : type.ofType)}[]`;
  return SCALARS[type.name] ?? (used.has(type.name) ? type.name : "string");
}

/** The type of a field in an answer. A Boolean that is not set is false, and a time may be missing from a list. */
function output({ name, description, type }) {
  const bare = isNonNullType(type) ? type.ofType : type;
  const isNullable =
    (!isNonNullType(type) && !["Boolean", "AWSJSON"].includes(bare.name)) || bare.name === "AWSDateTime";
  return `${comment(description, "  ")}  readonly ${name}: ${rendered(bare)}${isNullable ? " | null" : ""};\n`;
}

function input({ name, description, type }) {
  const bare = isNonNullType(type) ? type.ofType : type;
  return `${comment(description, "  ")}  readonly ${name}${isNonNullType(type) ? "" : "?"}: ${rendered(bare)};\n`;
}

function declaration(type) {
  const about = comment(type.description, "");
  if (isEnumType(type)) {
    const names = type.getValues().map(({ name }) => JSON.stringify(name));
    // A newer API may send a value that this version does not know. It is kept as text.
    if (type.name !== "Role") names.push("(string & {})");
    return `${about}export type ${type.name} = ${names.join(" | ")};\n`;
  }
  const line = isInputObjectType(type) ? input : output;
  return `${about}export interface ${type.name} {\n${fieldsOf(type).map(line).join("")}}\n`;
}

/** A short form, because it is sent to every page: texts have no type, and a time may be missing. */
function shape(fields) {
  return JSON.stringify(
    fields
      .map(({ name, type }) => {
        const bare = isNonNullType(type) ? type.ofType : type;
        const isText =
          !isListType(bare) && rendered(bare) !== "Json" && !/^(number|boolean|Cost)$/.test(rendered(bare));
        if (bare.name === "AWSDateTime") return name;
        return `${name}${isText ? "" : `:${bare}`}${isNonNullType(type) ? "!" : ""}`;
      })
      .join(" "),
  );
}

const status = fieldsOf(used.get("InferenceStatus"));
const shapes = {
  Event: status.filter(({ name }) => !OF_SNAPSHOTS.includes(name)),
  Snapshot: status.filter(({ name }) => OF_SNAPSHOTS.includes(name)),
  Cost: fieldsOf(used.get("Cost")),
  CostItem: fieldsOf(used.get("CostItem")),
  Upload: fieldsOf(used.get("Upload")).filter(({ name }) => ["uploadId", "url", "headers"].includes(name)),
  UploadHeader: fieldsOf(used.get("UploadHeader")),
};

process.stdout.write(`// Generated from graphql/schema.graphql by \`npm run generate\`. Do not change it by hand.
import type { Json } from "./json.ts";

${[...used.values()]
  .sort((one, other) => one.name.localeCompare(other.name))
  .map(declaration)
  .join("\n")}
/** The types of answers that a client reads. A snapshot is an event with these fields in addition. */
export type Shape = ${Object.keys(shapes)
  .map((name) => JSON.stringify(name))
  .join(" | ")};

/** The fields that a client selects of each type, as \`name:type\`, or as \`name\` if it is a text. */
export const SHAPES: Readonly<Record<Shape, string>> = {
${Object.entries(shapes)
  .map(([name, fields]) => `  ${name}: ${shape(fields)},\n`)
  .join("")}};
`);
