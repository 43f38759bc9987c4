import { describe, expect, it } from "vitest";
import { cognitoToken, lambdaToken } from "../src/authorization.ts";
import { type Client, createClient } from "../src/client.ts";
import { event, JOB, last, Shown, World } from "./world.ts";

function clientOf(world: World, token: () => string | Promise<string> = () => "t"): Client {
  return createClient({ graphqlUrl: "http://host/graphql", authorization: lambdaToken(token), environment: world });
}

describe("a page that is left", () => {
  it("has no socket until it is restored, and then one at once, with the log", async () => {
    const world = new World();
    world.log.push(event(1));
    const shown = new Shown(clientOf(world).watch(JOB));
    await world.settle();

    world.sleep();
    await world.settle();
    expect(world.sockets.map(({ isClosed }) => isClosed)).toEqual([true]);
    await world.advance(60_000);
    expect(world.sockets).toHaveLength(1);

    world.log.push(event(2));
    world.wake();
    await world.settle();
    expect(world.sockets.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect([shown.sequences, shown.error]).toEqual([[1, 2], null]);
  });

  it("ends its dialling, and dials again when it is restored", async () => {
    const world = new World();
    world.log.push(last(1));
    world.isSilent = true;
    const shown = new Shown(clientOf(world).watch(JOB));
    await world.settle();

    world.sleep();
    await world.advance(60_000);
    expect(world.sockets.map(({ isClosed }) => isClosed)).toEqual([true]);

    world.isSilent = false;
    world.wake();
    await shown.end;
    expect([shown.sequences, shown.error]).toEqual([[1], null]);
  });
});

describe("a page that wakes", () => {
  it.each(["connection", "subscription"])("repeats at once what waits for the %s, and does not fail", async (what) => {
    const world = new World();
    world.log.push(last(1));
    world.isSilent = what === "connection";
    world.answersStarts = what === "connection";
    const shown = new Shown(clientOf(world).watch(JOB));
    await world.settle();
    expect(shown.hasEnded).toBe(false);

    world.isSilent = false;
    world.answersStarts = true;
    world.wake();
    await world.settle();
    expect(world.sockets.map(({ isClosed }) => isClosed)).toContain(true);
    expect([shown.sequences, shown.error]).toEqual([[1], null]);
  });

  it("dials with another token than the one that was awaited before", async () => {
    const world = new World();
    world.log.push(last(1));
    const give: ((token: string) => void)[] = [];
    const token = () => new Promise<string>((resolve) => give.push(resolve));
    const shown = new Shown(clientOf(world, token).watch(JOB));
    await world.settle();

    world.wake();
    give[0]?.("old");
    await world.settle();
    for (let turn = 0; turn < 5; turn += 1) {
      for (const resolve of give.slice(1)) resolve("new");
      await world.settle();
    }
    expect([shown.hasEnded, shown.error]).toEqual([true, null]);
    const open = world.sockets.filter(({ started }) => started.length > 0);
    expect(open.map(({ token }) => token)).toEqual(["Lambda-Auth-new"]);
  });

  it("waits no longer for the next attempt", async () => {
    const world = new World();
    world.log.push(event(1));
    const shown = new Shown(clientOf(world).watch(JOB));
    await world.settle();
    world.isSilent = true;
    for (let failures = 0; failures < 8; failures += 1) {
      world.socket.cut();
      await world.advance(6_000);
    }
    world.socket.cut();
    await world.settle();
    const dialled = world.sockets.length;

    world.isSilent = false;
    world.log.push(event(2));
    world.wake();
    await world.settle();
    expect(world.sockets).toHaveLength(dialled + 1);
    expect(world.socket.started).toHaveLength(1);
    expect(shown.sequences).toEqual([1, 2]);
  });

  it("sends requests again that have no answer", async () => {
    const world = new World();
    world.isMute = true;
    world.answers.set("listInferences", () => ({ items: [], nextToken: null }));
    const answer = clientOf(world).list();
    await world.settle();
    world.isMute = false;
    world.wake();
    await world.advance(200);
    await expect(answer).resolves.toEqual({ jobs: [], nextToken: null });
  });
});

it("uses one client for many requests and watches without a warning of Node", async () => {
  const warnings: string[] = [];
  const warned = ({ name }: Error): void => void warnings.push(name);
  process.on("warning", warned);
  const world = new World();
  world.log.push(event(1));
  world.answers.set("listInferences", () => ({ items: [], nextToken: null }));
  const client = clientOf(world);
  const shown = Array.from({ length: 20 }, () => new Shown(client.watch(JOB)));
  await Promise.all(Array.from({ length: 20 }, () => client.list()));
  await world.settle();
  client.close();
  await Promise.all(shown.map(({ end }) => end));
  process.off("warning", warned);
  expect(warnings).toEqual([]);
});

describe("a token", () => {
  const jwt = (expiresAt: number): string =>
    `e30.${Buffer.from(JSON.stringify({ sub: "日本", exp: expiresAt / 1_000 })).toString("base64url")}.sig`;

  it("that has expired is replaced before it is sent", async () => {
    const asked: boolean[] = [];
    const authorization = cognitoToken((refresh) => {
      asked.push(refresh);
      return refresh ? jwt(Date.now() + 60_000) : jwt(Date.now() - 1);
    });
    const { Authorization: sent } = await authorization(false);
    expect(asked).toEqual([false, true]);
    expect(sent).not.toBe(jwt(0));
    expect(JSON.parse(Buffer.from(String(sent).split(".")[1] as string, "base64url").toString()).exp).toBeGreaterThan(
      Date.now() / 1_000,
    );
  });

  it("is not judged any more by a clock for which a fresh one has expired", async () => {
    const asked: boolean[] = [];
    const authorization = cognitoToken((refresh) => {
      asked.push(refresh);
      return jwt(1_000);
    });
    await authorization(false);
    await authorization(false);
    expect(asked).toEqual([false, true, false]);
  });

  it("of another form is sent as it is", async () => {
    await expect(lambdaToken(() => "opaque")(false)).resolves.toEqual({ Authorization: "Lambda-Auth-opaque" });
  });
});
