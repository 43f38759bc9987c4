import { describe, expect, it } from "vitest";
import { type Event, parseEvent } from "../../../clients/typescript/src/model.ts";
import { filtered, parseFilters, renderFilters } from "./filters.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");

function job(jobId: string, fields: Partial<Event>): Event {
  const known = { jobId, owner: "o", status: "COMPLETED", sequence: 1, attempt: 1, model: "simulated.story" };
  return { ...parseEvent(known), createdAt: "2026-01-01T11:59:00Z", ...fields };
}

const JOBS = [
  job("aa1", { status: "FAILED", error: "No such file", errorType: "WORKLOAD_FAILED" }),
  job("bb2", { model: "local.textrank", metadata: { team: "Docs", size: 3 } }),
  job("cc3", { createdAt: "2026-01-01T08:00:00Z", message: "200 of 200 words" }),
];

function shown(query: string): string[] {
  return filtered(JOBS, parseFilters(query), NOW).map(({ jobId }) => jobId);
}

describe("filters", () => {
  it("show all jobs without a query", () => {
    expect(filtered(JOBS, parseFilters(""), NOW)).toBe(JOBS);
  });

  it.each([
    ["status=failed", ["aa1"]],
    ["model=TEXT", ["bb2"]],
    ["age=1h", ["aa1", "bb2"]],
    ["q=such+file", ["aa1"]],
    ["q=words", ["cc3"]],
    ["q=team:docs", ["bb2"]],
    ["q=team:other", []],
    ["q=docs&status=failed", []],
  ])("show the jobs of %s", (query, ids) => {
    expect(shown(query)).toEqual(ids);
  });

  it("survive a round trip through the address, and drop what they do not know", () => {
    const query = "?status=failed&model=a+b&age=24h&q=team%3Adocs";

    expect(renderFilters(parseFilters(query))).toBe(query);
    expect(renderFilters(parseFilters("?status=new&age=soon&x=1"))).toBe("");
  });
});
