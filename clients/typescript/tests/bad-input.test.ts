import { describe, expect, it } from "vitest";
import { lambdaToken } from "../src/authorization.ts";
import { type Client, type ClientOptions, createClient } from "../src/client.ts";
import { type JobInput, LongcallError } from "../src/index.ts";
import { event, JOB, Shown, World } from "./world.ts";

function clientOf(world: World, options: Partial<ClientOptions> = {}): Client {
  const settings = { graphqlUrl: "http://host/graphql", authorization: lambdaToken(() => "t"), environment: world };
  return createClient({ ...settings, ...options });
}

/** What a promise is rejected with: the name of its class, and its sentence. */
async function errorOf(promise: Promise<unknown>): Promise<[string, string]> {
  const error = await promise.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(LongcallError);
  return [error.name, error.message];
}

function answering(answer: () => Response | Promise<Response>): World {
  const world = new World();
  world.fetch = async () => answer();
  return world;
}

/** Lets every retry take place. */
async function after<T>(world: World, promise: Promise<T>): Promise<T> {
  const [result] = await Promise.allSettled([promise, world.advance(600_000)]);
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

describe("a wrong URL", () => {
  it.each([
    ["host/graphql", "ConfigurationError", "must look like https://host/graphql, and 'host/graphql' does not"],
    ["ftp://host", "ConfigurationError", "must look like https://host/graphql, and 'ftp://host' does not"],
  ])("%s is refused when the client is created", async (graphqlUrl, name, sentence) => {
    const [actual, message] = await errorOf((async () => clientOf(new World(), { graphqlUrl }))());
    expect(actual).toBe(name);
    expect(message).toContain(sentence);
  });

  it("of realtime is refused too", async () => {
    const created = (async () => clientOf(new World(), { realtimeUrl: "https://host" }))();
    expect((await errorOf(created))[1]).toContain("the realtime URL must look like wss://host/graphql");
  });

  it("that nobody answers at is to be checked", async () => {
    const world = answering(() => Promise.reject(new TypeError("fetch failed")));
    const error = await errorOf(after(world, clientOf(world).list()));
    expect(error).toEqual(["Unreachable", "no answer from http://host/graphql; check the URL and the network"]);
  });

  it.each(["<!doctype html>", "[]", '{"hello":1}'])("that answers %s is to be checked", async (body) => {
    const world = answering(() => new Response(body));
    const [name, message] = await errorOf(clientOf(world).list());
    expect(name).toBe("ProtocolError");
    expect(message).toContain(
      "http://host/graphql did not answer like a GraphQL API; check that this is the GraphQL URL",
    );
  });
});

it("an API that is not Longcall's is named as the reason", async () => {
  const message = "Validation error of type FieldUndefined: Field 'listInferences' in type 'Query' is undefined";
  const world = answering(() => Response.json({ data: null, errors: [{ message, errorType: "ValidationError" }] }));
  const [name, sentence] = await errorOf(clientOf(world).list());
  expect(name).toBe("ProtocolError");
  expect(sentence).toBe(
    "expected Longcall's fields from the API, and found others; check the URL, and that client and API are of one version",
  );
});

it("a token that is refused, and a fresh one too, asks to sign in again", async () => {
  const errors = [{ message: "Token has expired.", errorType: "UnauthorizedException" }];
  const world = answering(() => Response.json({ errors }, { status: 401 }));
  const [name, message] = await errorOf(clientOf(world).list());
  expect(name).toBe("NotAuthorized");
  expect(message).toContain("sign in again, or check which user and mode it is for");
});

it("a field that is missing in an answer is named", async () => {
  const world = new World();
  world.answers.set("startInference", () => event(1, { status: undefined }));
  const [name, message] = await errorOf(clientOf(world).start({ prompt: "Hi" }));
  expect(name).toBe("ProtocolError");
  expect(message).toContain("expected a valid 'status' from the API, and found another value");
});

describe("an input that the API would refuse", () => {
  const cases: [string, JobInput, string][] = [
    ["nothing to work on", {}, "give either a prompt or messages, and not both"],
    ["a prompt and messages", { prompt: "a", messages: [] }, "give either a prompt or messages, and not both"],
    ["a blank prompt", { prompt: " \n" }, "the prompt is empty; give some text"],
    [
      "an oversized prompt",
      { prompt: "é".repeat(5_242_881) },
      "the prompt has 10485762 bytes of UTF-8, and at most 10485760",
    ],
    [
      "an oversized conversation",
      { messages: [{ role: "USER", text: "a".repeat(196_609) }] },
      "at most 196608 are allowed",
    ],
    ["oversized instructions", { prompt: "a", system: "a".repeat(16_385) }, "the system text has 16385 bytes"],
    ["oversized metadata", { prompt: "a", metadata: "a".repeat(4_096) }, "the metadata has 4098 bytes"],
    ["no model", { prompt: "a", model: "" }, "the model is empty; name one, such as local.textrank"],
    [
      "an id that is no UUID",
      { prompt: "a", jobId: "7" },
      "a job's id must be a UUID, which start returns, and not '7'",
    ],
  ];

  it.each(cases)("is refused before anything is sent: %s", async (_, input, sentence) => {
    const world = new World();
    const [name, message] = await errorOf(clientOf(world).start(input));
    expect(name).toBe("InvalidInput");
    expect(message).toContain(sentence);
    expect(world.reads).toEqual([]);
  });

  it("is refused of an upload", async () => {
    const [name, message] = await errorOf(clientOf(new World()).upload(new Uint8Array(0)));
    expect([name, message]).toEqual(["InvalidInput", "an upload must have 1 to 10485760 bytes, and this one has 0"]);
  });
});

it("an unknown job asks for the id and the user", async () => {
  const world = new World();
  const client = clientOf(world);
  const sentence = `no job ${JOB} was found; check the id, and which user is signed in`;
  expect(await errorOf(client.get(JOB))).toEqual(["JobNotFound", sentence]);
  const shown = new Shown(client.watch(JOB));
  await shown.end;
  expect(shown.error).toMatchObject({ name: "JobNotFound", message: sentence });
  world.fetch = async () => Response.json({ errors: [{ message: "no", errorType: "JobNotFound" }] });
  expect(await errorOf(client.cancel(JOB))).toEqual(["JobNotFound", sentence]);
  expect(await errorOf(client.delete(JOB))).toEqual(["JobNotFound", sentence]);
});
