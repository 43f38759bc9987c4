import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { buildSchema, parse as parseDocument, printSchema, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { clientThrough } from "../src/adapted/client.ts";
import { cognitoToken } from "../src/authorization.ts";
import { createClient } from "../src/client.ts";
import * as documents from "../src/documents.ts";
import { type Environment, hostEnvironment } from "../src/environment.ts";
import { ProtocolError } from "../src/errors.ts";
import { parseCost, parseEvent, parseUpload } from "../src/model.ts";
import { event } from "./world.ts";

const folder = new URL("../../../graphql/", import.meta.url);
const schema = buildSchema(
  ["appsync.graphql", "schema.graphql"].map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n"),
);

it("is what the schema says: otherwise run `npm run generate`", () => {
  const generated = execFileSync("node", ["scripts/contract.mjs"]);
  const formatted = execFileSync("npx", ["biome", "format", "--stdin-file-path=src/contract.ts"], { input: generated });
  expect(readFileSync("src/contract.ts", "utf8")).toBe(formatted.toString());
});

const types = Object.values(schema.getTypeMap()).filter(({ astNode, name }) => astNode && !name.startsWith("AWS"));
const names = types.map(({ name }) => name).filter((name) => !["Query", "Mutation", "Subscription"].includes(name));
const prefixed = buildSchema(printSchema(schema).replace(new RegExp(`\\b(${names.join("|")})\\b`, "g"), "Longcall$1"));

it.each(Object.entries(documents))("has the valid document %s, with a prefix for types and without one", (_, text) => {
  expect(validate(schema, parseDocument(text.replace("~", "")))).toEqual([]);
  expect(validate(prefixed, parseDocument(text.replace("~", "Longcall")))).toEqual([]);
});

it("sends documents with the prefix of the API, also through another client", async () => {
  const sent: string[] = [];
  const reply = { listInferences: { items: [], nextToken: null } };
  const environment = {
    ...hostEnvironment(),
    fetch: async (_: string, { body }: { body: string }) => {
      sent.push(JSON.parse(body).query);
      return Response.json({ data: reply });
    },
  } as unknown as Environment;
  const options = { environment, typePrefix: "Longcall" };
  const authorization = cognitoToken(async () => "token");
  const ask = async (query: string) => sent.push(query) && reply;
  const clients = [
    createClient({ ...options, graphqlUrl: "http://localhost/graphql", authorization }),
    clientThrough({ ask, subscribe: () => () => undefined }, options),
    createClient({ environment, graphqlUrl: "http://localhost/graphql", authorization }),
  ];
  for (const client of clients) await client.list();
  const declared = sent.map((query) => /\$status:(\w+)/.exec(query)?.[1]);
  expect(declared).toEqual(["LongcallStatus", "LongcallStatus", "Status"]);
});

describe("an answer", () => {
  it.each([
    ["no job", null],
    ["no id", { jobId: undefined }],
    ["a status that is not a text", { status: 7 }],
    ["a sequence that is not a count", { sequence: 1.5 }],
    ["a negative sequence", { sequence: -1 }],
    ["a progress that is not a number", { progress: "half" }],
    ["metadata that are not JSON", { metadata: "{" }],
    ["a cost without items", { cost: { currency: "USD", pricesOf: "2026-01-01", total: 1, notes: [] } }],
  ])("with %s is refused", (_, fields) => {
    expect(() => parseEvent(fields && event(1, fields))).toThrow(ProtocolError);
  });

  it("has null for what is missing, and false for a missing Boolean", () => {
    const { delta, createdAt, resultOmitted, metadata } = parseEvent(event(1, { delta: undefined }));
    expect({ delta, createdAt, resultOmitted, metadata }).toEqual({
      delta: null,
      createdAt: null,
      resultOmitted: false,
      metadata: null,
    });
  });

  it("is parsed with all that it contains", () => {
    const item = { name: "Lambda", quantity: 2, unit: "GB-s", price: 0.5, amount: 1 };
    const cost = { currency: "USD", pricesOf: "2026-01-01", total: 1, items: [item], notes: ["no tax"] };
    expect(parseCost(cost)).toEqual(cost);
    expect(parseEvent(event(1, { cost, usage: '{"inputTokens":1}' }))).toMatchObject({
      cost,
      usage: { inputTokens: 1 },
    });
    const upload = { uploadId: "u", url: "http://store", headers: [{ name: "a", value: "b" }] };
    expect(parseUpload({ ...upload, expiresAt: "later" })).toEqual(upload);
  });
});
