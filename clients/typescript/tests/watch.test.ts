import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { lambdaToken } from "../src/authorization.ts";
import { type Client, type ClientOptions, createClient } from "../src/client.ts";
import { ClientClosed, NotAuthorized, ProtocolError } from "../src/errors.ts";
import { event, JOB, last, Shown, World } from "./world.ts";

function clientOf(world: World, options: Partial<ClientOptions> = {}): Client {
  let count = 0;
  return createClient({
    graphqlUrl: "http://host/graphql",
    authorization: lambdaToken(() => `t${++count}`),
    environment: world,
    ...options,
  });
}

/** A watch that has shown the first event, and waits for pushes. */
async function watching(options: Partial<ClientOptions> = {}) {
  const world = new World();
  world.log.push(event(1));
  const client = clientOf(world, options);
  const shown = new Shown(client.watch(JOB));
  await world.settle();
  expect(shown.sequences).toEqual([1]);
  world.reads.length = 0;
  return { world, client, shown };
}

describe("a watch", () => {
  it("closes a gap after 300 ms by one read of the log's tail", async () => {
    const heals: unknown[] = [];
    const { world, shown } = await watching({ onHeal: (heal) => heals.push(heal) });
    world.log.push(event(2), event(3), event(4));
    world.socket.push(event(4));
    await world.advance(299);
    expect([shown.sequences, world.reads]).toEqual([[1], []]);
    await world.advance(1);
    await world.settle();
    expect([shown.sequences, world.reads]).toEqual([[1, 2, 3, 4], [1]]);
    expect(shown.views.at(-1)?.output).toBe("1,2,3,4,");
    expect(heals).toEqual([{ jobId: JOB, events: 2, milliseconds: 300 }]);
  });

  it("reads nothing if the missing push comes in time", async () => {
    const { world, shown } = await watching();
    world.socket.push(event(3));
    await world.advance(200);
    world.socket.push(event(2));
    await world.advance(200);
    expect([shown.sequences, world.reads]).toEqual([[1, 2, 3], []]);
  });

  it("reads the log after a silence of 5 s, and finds the end that was not pushed", async () => {
    const { world, shown } = await watching();
    world.log.push(last(2));
    await world.advance(4_999);
    expect([shown.sequences, world.reads]).toEqual([[1], []]);
    await world.advance(1);
    await shown.end;
    expect([shown.sequences, shown.error]).toEqual([[1, 2], null]);
  });

  it("connects again after a loss, with back-off and a fresh token, and reads the log", async () => {
    const links: string[] = [];
    const { world, shown } = await watching({ onLink: (link) => links.push(link) });
    const token = world.socket.token;
    world.log.push(event(2));
    world.socket.cut();
    await world.advance(99);
    expect(world.sockets).toHaveLength(1);
    await world.advance(1);
    await world.settle();
    expect(world.sockets).toHaveLength(2);
    expect(world.socket.token).not.toBe(token);
    expect([shown.sequences, links]).toEqual([
      [1, 2],
      ["live", "lost", "live"],
    ]);
  });

  it("replaces its socket and reads the log when the page wakes", async () => {
    const { world, shown } = await watching();
    world.log.push(event(2));
    world.wake();
    await world.settle();
    expect(shown.sequences).toEqual([1, 2]);
    expect(world.sockets[0]?.isClosed).toBe(true);
    await world.advance(200);
    expect(world.sockets).toHaveLength(2);
  });

  it("reads the log instead of a push that it cannot read", async () => {
    const { world, shown } = await watching();
    world.log.push(event(2));
    world.socket.push(null);
    await world.settle();
    expect(shown.sequences).toEqual([1, 2]);
  });

  it("keeps a status that it does not know", async () => {
    const { world, shown } = await watching();
    world.socket.push(event(2, { status: "PAUSED" }));
    world.socket.push(event(3, { status: "EXPIRED", endTime: "2026-01-01T00:00:00Z" }));
    await shown.end;
    expect(shown.views.map(({ status }) => status)).toEqual(["PROCESSING", "PAUSED", "EXPIRED"]);
  });

  it("asks once for a fresh token when one is refused", async () => {
    const world = new World();
    world.log.push(last(1));
    world.refusedTokens.add("Lambda-Auth-old");
    const asked: boolean[] = [];
    const authorization = lambdaToken((refresh) => {
      asked.push(refresh);
      return asked.includes(true) ? "new" : "old";
    });
    const shown = new Shown(clientOf(world, { authorization }).watch(JOB));
    await shown.end;
    expect([shown.sequences, world.sockets.length]).toEqual([[1], 2]);
    expect(asked.filter(Boolean)).toHaveLength(1);
  });

  it("fails when the fresh token is refused too", async () => {
    const world = new World();
    world.refusedTokens.add("Lambda-Auth-old");
    const shown = new Shown(clientOf(world, { authorization: lambdaToken(() => "old") }).watch(JOB));
    await shown.end;
    expect(shown.error).toBeInstanceOf(NotAuthorized);
    expect(world.sockets).toHaveLength(2);
  });

  it.each([
    ["result", null],
    ["forged", ProtocolError],
  ])("reads a stored result, and checks its digest: %s", async (content, error) => {
    const { world, shown } = await watching();
    const sha256 = createHash("sha256").update("result").digest("hex");
    const end = event(2, { status: "COMPLETED", resultOmitted: true });
    world.stored = content;
    world.snapshot = { ...end, output: "1,2,", resultUrl: "http://store/r", resultBytes: 6, resultSha256: sha256 };
    world.socket.push(end);
    await shown.end;
    if (error === null) expect(shown.views.at(-1)).toMatchObject({ status: "COMPLETED", result: "result" });
    else expect(shown.error).toBeInstanceOf(error);
  });
});

describe("the end of a watch", () => {
  it.each(["connection", "subscription", "push"])("comes at once on abort while it waits for the %s", async (what) => {
    const world = new World();
    world.log.push(event(1));
    world.isSilent = what === "connection";
    world.answersStarts = what === "push";
    const stopping = new AbortController();
    const shown = new Shown(clientOf(world).watch(JOB, { signal: stopping.signal }));
    await world.settle();
    stopping.abort();
    await world.settle();
    expect([shown.hasEnded, shown.error]).toEqual([true, null]);
    await world.advance(40_000);
    expect([world.sockets.length, world.socket.isClosed]).toEqual([1, true]);
  });

  it.each(["connection", "subscription", "push"])("comes at once on close while it waits for the %s", async (what) => {
    const world = new World();
    world.log.push(event(1));
    world.isSilent = what === "connection";
    world.answersStarts = what === "push";
    const client = clientOf(world);
    const shown = new Shown(client.watch(JOB));
    await world.settle();
    client.close();
    await world.settle();
    expect(shown.error).toBeInstanceOf(ClientClosed);
    expect(world.socket.isClosed).toBe(true);
    world.wake();
    await world.advance(40_000);
    expect(world.sockets).toHaveLength(1);
  });

  it("comes at once if the client was closed before, and nothing is opened", async () => {
    const world = new World();
    const client = clientOf(world);
    client.close();
    const shown = new Shown(client.watch(JOB));
    await world.settle();
    expect(shown.error).toBeInstanceOf(ClientClosed);
    expect([world.sockets, world.reads]).toEqual([[], []]);
  });

  it("opens nothing when the client was closed while its token was awaited", async () => {
    const world = new World();
    let give: (token: string) => void = () => undefined;
    const authorization = lambdaToken(
      () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    );
    const client = clientOf(world, { authorization });
    const shown = new Shown(client.watch(JOB));
    await world.settle();
    client.close();
    give("t");
    await world.settle();
    expect(world.sockets).toEqual([]);
    expect(shown.error).toBeInstanceOf(ClientClosed);
  });
});

it("runs up to 100 subscriptions on one socket", async () => {
  const world = new World();
  world.log.push(event(1));
  const client = clientOf(world);
  const shown = Array.from({ length: 101 }, () => new Shown(client.watch(JOB)));
  await world.settle();
  expect(world.sockets.map(({ started }) => started.length)).toEqual([100, 1]);
  client.close();
  await Promise.all(shown.map(({ end }) => end));
});

describe("onArrival", () => {
  it("reports every push, repeated and late ones included, and every page of the log until an empty one", async () => {
    const world = new World();
    world.log.push(event(1));
    const arrivals: unknown[] = [];
    const client = clientOf(world);
    const onArrival = (via: string, events: readonly { sequence: number }[]) =>
      arrivals.push([via, ...events.map(({ sequence }) => sequence)]);
    const shown = new Shown(client.watch(JOB, { onArrival }));
    await world.settle();
    expect(arrivals).toEqual([["log", 1], ["log"]]);
    arrivals.length = 0;

    world.log.push(event(2), event(3));
    world.socket.push(event(3));
    await world.advance(300);
    world.socket.push(event(2));
    world.socket.push(event(3));
    await world.settle();

    expect(shown.sequences).toEqual([1, 2, 3]);
    expect(arrivals).toEqual([
      ["push", 3],
      ["log", 2, 3],
      ["push", 2],
      ["push", 3],
    ]);
  });
});
