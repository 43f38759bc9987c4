import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { clientThrough, type Foreign, type Hears } from "../src/adapted/client.ts";
import { errorFrom } from "../src/adapted/errors.ts";
import { ClientClosed, ConnectionLost } from "../src/errors.ts";
import { event, JOB, last, Shown, World } from "./world.ts";

/** The client of another library that reaches the API of a world. */
class Other implements Foreign {
  readonly hears: Hears[] = [];
  running = 0;
  acknowledges = true;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async ask(query: string, variables: object): Promise<unknown> {
    const response = await this.#world.fetch("", { method: "POST", body: JSON.stringify({ query, variables }) });
    return ((await response.json()) as { data: unknown }).data;
  }

  subscribe(_query: string, _variables: object, hears: Hears): () => void {
    this.hears.push(hears);
    this.running += 1;
    if (this.acknowledges) queueMicrotask(() => hears.acknowledged());
    return () => {
      this.running -= 1;
    };
  }
}

async function watching() {
  const world = new World();
  world.log.push(event(1));
  const other = new Other(world);
  const client = clientThrough(other, { environment: world });
  const shown = new Shown(client.watch(JOB));
  await world.settle();
  expect(shown.sequences).toEqual([1]);
  return { world, other, client, shown };
}

describe("a client through another one", () => {
  it("merges pushes and log, and unsubscribes at the end", async () => {
    const { world, other, shown } = await watching();
    world.log.push(event(2), event(3));
    other.hears[0]?.pushed(event(3));
    await world.advance(300);
    other.hears[0]?.pushed(last(4));
    await shown.end;
    expect([shown.sequences, shown.error, other.running]).toEqual([[1, 2, 3, 4], null, 0]);
  });

  it("reads the log when the other client has connected again by itself", async () => {
    const { world, other, shown } = await watching();
    world.log.push(event(2));
    other.hears[0]?.acknowledged();
    await world.settle();
    expect([shown.sequences, other.hears.length]).toEqual([[1, 2], 1]);
  });

  it("subscribes again when a subscription has failed", async () => {
    const { world, other, shown } = await watching();
    world.log.push(event(2));
    other.hears[0]?.failed(new ConnectionLost("lost"));
    await world.advance(200);
    await world.settle();
    expect([shown.sequences, other.hears.length, other.running]).toEqual([[1, 2], 2, 1]);
  });

  it("subscribes again when the page wakes, and to nothing while it is left", async () => {
    const { world, other, shown } = await watching();
    world.sleep();
    await world.advance(10_000);
    expect(other.running).toBe(0);
    world.log.push(event(2));
    world.wake();
    await world.settle();
    expect([shown.sequences, other.running]).toEqual([[1, 2], 1]);
  });

  it("fails when a subscription is not acknowledged", async () => {
    const world = new World();
    const other = new Other(world);
    other.acknowledges = false;
    const shown = new Shown(clientThrough(other, { environment: world }).watch(JOB));
    await world.advance(35_000);
    await shown.end;
    expect(shown.error).toBeInstanceOf(ConnectionLost);
    expect(String(shown.error)).toContain("was not acknowledged");
    expect(other.running).toBe(0);
  });

  it("does nothing after it is closed", async () => {
    const { client, shown, other } = await watching();
    client.close();
    await shown.end;
    expect(shown.error).toBeInstanceOf(ClientClosed);
    expect(other.running).toBe(0);
    await expect(client.list()).rejects.toBeInstanceOf(ClientClosed);
  });
});

describe("the error of another client", () => {
  const amplify = (message: string) => ({ data: {}, errors: [{ message, originalError: {} }] });

  it.each([
    ["a refused token of Amplify", amplify("Unauthorized"), "NotAuthorized"],
    ["a refused token of Amplify's socket", amplify("Connection failed: UnauthorizedException"), "NotAuthorized"],
    ["a refused token of Apollo", Object.assign(new Error("401"), { statusCode: 401 }), "NotAuthorized"],
    ["no network of Amplify", amplify("A network error has occurred."), "Unreachable"],
    ["no network of Apollo", new TypeError("fetch failed"), "Unreachable"],
    ["a fault behind the API", Object.assign(new Error("502"), { statusCode: 502 }), "ConnectionLost"],
    ["a busy API", Object.assign(new Error("429"), { statusCode: 429 }), "Throttled"],
    ["a busy socket", amplify("Connection failed: MaxSubscriptionsReachedError"), "Throttled"],
    ["an error of a field", { errors: [{ message: "no", errorType: "JobNotFound" }] }, "RequestRejected"],
    ["an invalid document", { errors: [{ message: "no field x", locations: [{ line: 1 }] }] }, "RequestRejected"],
    ["anything else", "oops", "Unreachable"],
  ])("for %s is the one of this package", (_, error, name) => {
    expect(errorFrom(error).name).toBe(name);
  });
});

it.each(["amplify", "apollo"])("needs less than 100 lines for %s", (name) => {
  expect(readFileSync(`src/${name}/index.ts`, "utf8").split("\n").length).toBeLessThan(100);
});
