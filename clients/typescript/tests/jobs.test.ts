import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lambdaToken } from "../src/authorization.ts";
import { watchJobs } from "../src/jobs/index.ts";
import { emptyList, type JobList, mergeDeletion, mergeEvent, mergeRead } from "../src/jobs/list.ts";
import { parseEvent } from "../src/model.ts";
import { listModels } from "../src/models/index.ts";
import { World } from "./world.ts";

type Fields = { readonly jobId: string };
type Input = { event?: Fields; read?: { items: Fields[]; hasMore: boolean }; deletion?: string };
type Case = { name: string; limit: number; steps: (Input & { list: object[]; absent?: string[] })[] };

const vectors = new URL("../../../tests/contract/vectors/jobs.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(vectors, "utf8")) as { cases: Case[] };
const NOW = "2026-01-01T00:00:00.000Z";

function job(fields: Fields): ReturnType<typeof parseEvent> {
  return parseEvent({ owner: "o", model: "m", attempt: 0, updatedAt: NOW, createdAt: NOW, ...fields });
}

function merged(list: JobList, { event, read, deletion }: Input): JobList {
  if (event !== undefined) return mergeEvent(list, job(event));
  if (read !== undefined) return mergeRead(list, { ...read, items: read.items.map(job) });
  return mergeDeletion(list, deletion ?? "");
}

describe("the vectors of the list", () => {
  it.each(cases)("$name", ({ limit, steps }) => {
    let list = emptyList(limit);
    for (const { list: expected, absent = [], ...input } of steps) {
      list = merged(list, input);
      const shown = list.jobs.map(({ jobId, status, sequence, progress, message }) =>
        Object.fromEntries(
          Object.entries({ jobId, status, sequence, progress, message }).filter(([, it]) => it !== null),
        ),
      );
      expect([shown, [...list.absent]]).toEqual([expected, absent]);
    }
  });
});

/** An API whose list and pushes a test controls. */
class Lists extends World {
  items: Fields[] = [];
  listed = 0;

  override async fetch(url: string, init: RequestInit): Promise<Response> {
    if (!String(init.body).includes("listInferences")) return super.fetch(url, init);
    this.listed += 1;
    return Response.json({ data: { listInferences: { items: this.items, nextToken: null } } });
  }
}

function row(jobId: string, status: string, sequence: number): Fields {
  const fields = { jobId, status, sequence, owner: "o", model: "m", attempt: 0, createdAt: NOW, updatedAt: NOW };
  return { ...fields, ...(status === "COMPLETED" && { endTime: NOW }) } as Fields;
}

/** A watch of the list that has shown it once. */
async function watching() {
  const world = new Lists();
  world.items = [row("a", "PENDING", 1)];
  const shown: string[][] = [];
  const ending = new AbortController();
  const authorization = lambdaToken(() => "t");
  const graphqlUrl = "http://host/graphql";
  const watch = watchJobs({ graphqlUrl, authorization, environment: world, signal: ending.signal });
  const end = (async () => {
    for await (const jobs of watch) shown.push(jobs.map(({ jobId, status }) => `${jobId} ${status}`));
  })();
  await world.settle();
  const push = (fields: Fields): void =>
    world.socket.receive({ type: "data", id: world.socket.started[0], payload: { data: { onMyInferences: fields } } });
  return { world, shown, push, stop: () => ending.abort(), end };
}

describe("a watch of the list", () => {
  it("shows the list after it is subscribed and read, and then what is pushed", async () => {
    const { world, shown, push, stop, end } = await watching();
    expect([shown, world.listed]).toEqual([[["a PENDING"]], 1]);

    push(row("b", "PENDING", 1));
    push(row("a", "COMPLETED", 9));
    await world.settle();

    expect(shown.slice(1)).toEqual([
      ["b PENDING", "a PENDING"],
      ["b PENDING", "a COMPLETED"],
    ]);
    expect(world.listed).toBe(1);
    stop();
    await end;
  });

  it("reads the list again 5 s after the last read while a job runs, and finds an end that was not pushed", async () => {
    const { world, shown, stop, end } = await watching();
    world.items = [row("a", "COMPLETED", 9)];

    await world.advance(4_999);
    expect(shown).toHaveLength(1);
    await world.advance(1);
    await world.settle();

    expect(shown.at(-1)).toEqual(["a COMPLETED"]);
    await world.advance(29_999);
    expect(world.listed).toBe(2);
    stop();
    await end;
  });

  it("drops a job after two reads without it", async () => {
    const { world, shown, stop, end } = await watching();
    world.items = [];

    await world.advance(5_000);
    expect(shown).toHaveLength(1);
    await world.advance(1_000);
    await world.settle();

    expect(shown.at(-1)).toEqual([]);
    stop();
    await end;
  });

  it("subscribes again after a loss, and reads the list", async () => {
    const { world, shown, stop, end } = await watching();
    world.items = [row("a", "PROCESSING", 2)];

    world.socket.cut();
    await world.advance(200);
    await world.settle();

    expect(shown.at(-1)).toEqual(["a PROCESSING"]);
    expect(world.sockets).toHaveLength(2);
    stop();
    await end;
    expect(world.sockets.every(({ isClosed }) => isClosed)).toBe(true);
  });
});

describe("the models of the API", () => {
  it("have their options, with defaults as values", async () => {
    const world = new World();
    const option = { name: "maxTokens", type: "INTEGER", description: "d", minimum: 1, maximum: null, default: "500" };
    const model = { name: "m", pattern: null, description: "d", priced: true, options: [option] };
    world.fetch = async () => Response.json({ data: { listModels: [model] } });
    const options = { graphqlUrl: "http://host/graphql", authorization: lambdaToken(() => "t"), environment: world };

    expect(await listModels(options)).toEqual([{ ...model, options: [{ ...option, default: 500 }] }]);
    world.fetch = async () => Response.json({ data: { listModels: [{}] } });
    await expect(listModels(options)).rejects.toThrow("a model");
  });
});
