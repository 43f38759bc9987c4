import { readFileSync } from "node:fs";
import { buildSchema, parse, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { lambdaToken } from "../src/authorization.ts";
import { type Client, createClient } from "../src/client.ts";
import { ClientClosed, InvalidInput } from "../src/errors.ts";
import { watchAll } from "../src/jobs/index.ts";
import { emptyList, type JobList, type ListRead, withEvents, withoutJob, withRead } from "../src/jobs/job-list.ts";
import { MINE } from "../src/jobs/list-watch.ts";
import { type Event, parseEvent } from "../src/model.ts";
import { event, type Fields, JOB, World } from "./world.ts";

type Step = { event?: Fields; read?: { items: Fields[]; hasMore: boolean }; deletion?: string };
type Case = { name: string; limit: number; steps: (Step & { list: object[]; absent?: string[] })[] };

const vectors = new URL("../../../tests/contract/vectors/jobs.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(vectors, "utf8")) as { cases: Case[] };

function parsed(fields: Fields): Event {
  return parseEvent({ owner: "o", model: "m", attempt: 0, ...fields });
}

function merged(list: JobList, step: Step): JobList {
  if (step.event !== undefined) return withEvents(list, [parsed(step.event)]);
  if (step.deletion !== undefined) return withoutJob(list, step.deletion);
  const { items, hasMore } = step.read as { items: Fields[]; hasMore: boolean };
  return withRead(list, { items: items.map(parsed), hasMore } satisfies ListRead);
}

function shown({ jobId, status, sequence, progress, message }: Event): object {
  return { jobId, status, sequence, ...(progress !== null && { progress }), ...(message !== null && { message }) };
}

describe("the vectors of the list", () => {
  it.each(cases)("$name", ({ limit, steps }) => {
    let list = emptyList(limit);
    for (const { list: expected, absent = [], ...step } of steps) {
      list = merged(list, step);
      expect(list.jobs.map(shown)).toEqual(expected);
      expect([...list.absent]).toEqual(absent);
    }
  });
});

it("is subscribed to with a valid document", () => {
  const folder = new URL("../../../graphql/", import.meta.url);
  const texts = ["appsync.graphql", "schema.graphql"].map((name) => readFileSync(new URL(name, folder), "utf8"));
  expect(validate(buildSchema(texts.join("\n")), parse(MINE))).toEqual([]);
  expect(MINE).not.toMatch(/\b(delta|output|result)/);
});

/** A list that is followed, and the reads of it. */
class FollowedList {
  readonly world: World = new World();
  readonly reads: Fields[] = [];
  readonly lists: (readonly Event[])[] = [];
  readonly client: Client;
  items: Fields[] = [];
  error: unknown = null;
  hasEnded = false;

  constructor(limit?: number) {
    this.world.answers.set("listInferences", ({ limit: most, nextToken }) => {
      this.reads.push({ limit: most, nextToken });
      const begin = Number(nextToken ?? 0);
      const end = begin + Number(most);
      return { items: this.items.slice(begin, end), nextToken: end < this.items.length ? String(end) : null };
    });
    this.client = createClient({
      graphqlUrl: "http://host/graphql",
      authorization: lambdaToken(() => "t"),
      environment: this.world,
    });
    this.limit = limit;
  }

  readonly limit: number | undefined;

  follow(signal?: AbortSignal): Promise<void> {
    const options = { ...(this.limit && { limit: this.limit }), ...(signal && { signal }) };
    return this.#read(watchAll(this.client, options));
  }

  get newest(): [string, string][] {
    return (this.lists.at(-1) ?? []).map(({ jobId, status }) => [jobId, status]);
  }

  async #read(lists: AsyncIterable<readonly Event[]>): Promise<void> {
    try {
      for await (const list of lists) this.lists.push(list);
    } catch (error) {
      this.error = error;
    }
    this.hasEnded = true;
  }
}

function job(jobId: string, sequence: number, status: string, fields: Fields = {}): Fields {
  return event(sequence, { jobId, status, createdAt: `2026-01-01T00:00:0${jobId.length}.000Z`, ...fields });
}

async function following(...items: Fields[]): Promise<FollowedList> {
  const list = new FollowedList();
  list.items = items;
  void list.follow();
  await list.world.settle();
  return list;
}

describe("a list that is followed", () => {
  it("is read after the subscription is acknowledged, and shows pushes", async () => {
    const list = await following(job("a", 2, "PROCESSING"));
    expect([list.newest, list.reads.length]).toEqual([[["a", "PROCESSING"]], 1]);
    list.world.pushToAll(job("bb", 1, "PENDING"));
    list.world.pushToAll(job("a", 9, "COMPLETED"));
    list.world.pushToAll(job("a", 2, "PROCESSING"));
    await list.world.settle();
    expect(list.newest).toEqual([
      ["bb", "PENDING"],
      ["a", "COMPLETED"],
    ]);
    expect([list.reads.length, list.lists.length]).toEqual([1, 3]);
  });

  it("finds 5 s later an end whose push was lost, and looks every 30 s when nothing runs", async () => {
    const list = await following(job("a", 2, "PROCESSING"));
    list.items = [job("a", 9, "COMPLETED")];
    await list.world.advance(4_999);
    expect(list.newest).toEqual([["a", "PROCESSING"]]);
    await list.world.advance(1);
    await list.world.settle();
    expect([list.newest, list.reads.length]).toEqual([[["a", "COMPLETED"]], 2]);
    await list.world.advance(29_999);
    expect(list.reads).toHaveLength(2);
    await list.world.advance(1);
    await list.world.settle();
    expect(list.reads).toHaveLength(3);
  });

  it("drops a job that was deleted elsewhere after two reads, and one that was deleted here at once", async () => {
    const list = await following(job("a", 9, "COMPLETED"), job(JOB, 9, "COMPLETED"));
    list.world.answers.set("deleteInference", () => JOB);
    await list.client.delete(JOB);
    await list.world.settle();
    expect(list.newest).toEqual([["a", "COMPLETED"]]);
    list.items = [];
    await list.world.advance(30_000);
    expect(list.newest).toEqual([["a", "COMPLETED"]]);
    await list.world.advance(1_000);
    await list.world.settle();
    expect(list.newest).toEqual([]);
  });

  it("is read again at once when the page wakes, and when a push cannot be read", async () => {
    const list = await following(job("a", 9, "COMPLETED"));
    list.world.pushToAll({ jobId: "a" });
    await list.world.settle();
    expect(list.reads).toHaveLength(2);
    list.items = [job("bb", 1, "PENDING"), ...list.items];
    list.world.wake();
    await list.world.settle();
    expect(list.newest[0]).toEqual(["bb", "PENDING"]);
  });

  it("is read in pages of 100", async () => {
    const list = new FollowedList(150);
    list.items = Array.from({ length: 200 }, (_, index) => job(`j${index}`, 1, "COMPLETED"));
    void list.follow();
    await list.world.settle();
    expect(list.lists[0]).toHaveLength(150);
    expect(list.reads.map(({ limit }) => limit)).toEqual([100, 50]);
  });

  it("ends when it is aborted, and with ClientClosed when the client is closed", async () => {
    const stopping = new AbortController();
    const list = new FollowedList();
    const end = list.follow(stopping.signal);
    await list.world.settle();
    stopping.abort();
    await end;
    expect([list.error, list.world.socket.stopped]).toEqual([null, list.world.socket.started]);

    const other = await following();
    other.client.close();
    await other.world.settle();
    expect(other.error).toBeInstanceOf(ClientClosed);
  });

  it("is refused with a limit that is no number of jobs", async () => {
    const list = new FollowedList(0.5);
    await list.follow();
    expect(list.error).toBeInstanceOf(InvalidInput);
  });
});
