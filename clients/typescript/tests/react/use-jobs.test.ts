// @vitest-environment happy-dom
import { cleanup, render, renderHook } from "@testing-library/react";
import { createElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LongcallProvider, useJobs } from "../../src/react/index.ts";
import { event } from "../world.ts";
import { PAGE_CLOCK, Page } from "./page.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: [...PAGE_CLOCK] });
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function List() {
  const { phase, jobs } = useJobs();
  return createElement("p", null, `${phase} ${jobs?.map(({ status }) => status).join() ?? ""}`);
}

function pageWithJobs(...jobs: object[]): Page {
  const page = new Page();
  page.world.answers.set("listInferences", () => ({ items: jobs, nextToken: null }));
  return page;
}

it("shows the caller's jobs live, for all components by one subscription", async () => {
  const page = pageWithJobs(event(2, { jobId: "a" }));
  const lists = [createElement(List, { key: 1 }), createElement(List, { key: 2 })];
  const { container } = render(createElement(StrictMode, null, lists), { wrapper: page.wrapper });
  expect(container.textContent).toBe("connecting connecting ");
  await page.frame();
  page.world.pushToAll(event(9, { jobId: "a", status: "COMPLETED" }));
  await page.frame();
  expect(container.textContent).toBe("following COMPLETED".repeat(2));
  expect(page.world.sockets.map(({ started }) => started.length)).toEqual([1]);
});

it("follows another list when its limit changes, and says why it failed", async () => {
  const page = pageWithJobs();
  const { result, rerender } = renderHook(({ limit }) => useJobs({ limit }), {
    wrapper: page.wrapper,
    initialProps: { limit: 10 },
  });
  await page.frame();
  expect(result.current).toMatchObject({ phase: "following", jobs: [], error: null });
  rerender({ limit: -1 });
  await page.frame();
  expect(result.current).toMatchObject({ phase: "failed", jobs: null, error: { name: "InvalidInput" } });
});

it("is rendered on a server without a connection", () => {
  const page = pageWithJobs();
  const html = renderToString(createElement(LongcallProvider, { client: page.client }, createElement(List)));
  expect([html, page.world.sockets]).toEqual(["<p>connecting </p>", []]);
});
