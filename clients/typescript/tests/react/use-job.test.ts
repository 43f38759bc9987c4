// @vitest-environment happy-dom
import { act, cleanup, render, renderHook } from "@testing-library/react";
import { createElement, StrictMode, version } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ConfigurationError, JobNotFound } from "../../src/errors.ts";
import { LongcallProvider, useJob } from "../../src/react/index.ts";
import { event, JOB, last } from "../world.ts";
import { clientOf, PAGE_CLOCK, Page } from "./page.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: [...PAGE_CLOCK] });
});

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A component that shows a job, and counts how often it is rendered. */
function Output({ jobId, onRender }: { jobId: string | null; onRender?: () => void }) {
  onRender?.();
  const { phase, view, error } = useJob(jobId);
  return createElement("p", null, `${phase} ${view?.output ?? ""}${error?.name ?? ""}`);
}

it("runs with the version of React that is named", () => {
  expect(version.split(".")[0]).toBe(process.env.REACT ?? "19");
});

it("shows a job from its first event to its end", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  const { result } = renderHook(() => useJob(JOB), { wrapper: page.wrapper });
  expect(result.current).toMatchObject({ phase: "connecting", view: null, error: null });
  await page.frame();
  expect(result.current).toMatchObject({ phase: "following", view: { output: "1," } });
  page.world.socket.push(last(2));
  await page.frame();
  expect(result.current).toMatchObject({ phase: "ended", view: { output: "1,2,", result: "1,2," } });
  expect(Object.isFrozen(result.current.view)).toBe(true);
});

it("renders once a frame, however many events arrive", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  let renders = 0;
  const onRender = () => {
    renders += 1;
  };
  const { container } = render(createElement(Output, { jobId: JOB, onRender }), { wrapper: page.wrapper });
  await page.frame();
  renders = 0;

  for (let sequence = 2; sequence <= 50; sequence += 1) page.world.socket.push(event(sequence));
  await page.arrive();
  expect([renders, container.textContent]).toEqual([0, "following 1,"]);
  await page.pass(17);
  expect(renders).toBe(1);
  expect(container.textContent).toContain("49,50,");
});

it("shows what a parent's render finds without tearing it out of its frame", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  const { container, rerender } = render(createElement(Output, { jobId: JOB }), { wrapper: page.wrapper });
  await page.frame();
  page.world.socket.push(event(2));
  await page.arrive();
  rerender(createElement(Output, { jobId: JOB }));
  expect(container.textContent).toBe("following 1,");
  await page.pass(17);
  expect(container.textContent).toBe("following 1,2,");
});

it("is up to date in a hidden page, which has no frames", async () => {
  vi.spyOn(globalThis, "requestAnimationFrame").mockReturnValue(0 as never);
  const page = new Page();
  page.world.log.push(event(1));
  const { container } = render(createElement(Output, { jobId: JOB }), { wrapper: page.wrapper });
  await page.arrive();
  await page.pass(100);
  expect(container.textContent).toBe("following 1,");
});

it("follows a job once, for all components and in strict mode", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  const outputs = Array.from({ length: 20 }, (_, key) =>
    createElement(Output, { key, jobId: key % 2 === 0 ? JOB : JOB.toUpperCase() }),
  );
  const { container } = render(createElement(StrictMode, null, outputs), { wrapper: page.wrapper });
  await page.frame();
  await page.pass(2_000);
  expect(container.textContent).toBe("following 1,".repeat(20));
  expect(page.world.sockets.map(({ started, stopped }) => [started.length, stopped.length])).toEqual([[1, 0]]);
});

it("detaches a second after its last component is unmounted, and cancels nothing", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  const cancelled = vi.fn();
  page.world.answers.set("cancelInference", cancelled);
  const { unmount } = render(createElement(Output, { jobId: JOB }), { wrapper: page.wrapper });
  await page.frame();
  unmount();
  await page.pass(999);
  expect(page.world.socket.stopped).toEqual([]);
  await page.pass(1);
  expect(page.world.socket.stopped).toEqual(page.world.socket.started);
  expect(cancelled).not.toHaveBeenCalled();
});

it("continues for a component that is mounted again within a second", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  const first = render(createElement(Output, { jobId: JOB }), { wrapper: page.wrapper });
  await page.frame();
  first.unmount();
  await page.pass(500);
  const second = render(createElement(Output, { jobId: JOB }), { wrapper: page.wrapper });
  expect(second.container.textContent).toBe("following 1,");
  await page.pass(2_000);
  expect([page.world.socket.started.length, page.world.socket.stopped.length]).toEqual([1, 0]);
});

it("shows the whole job again after a reload that keeps only its id", async () => {
  const before = new Page();
  before.world.log.push(event(1), event(2), event(3));
  render(createElement(Output, { jobId: JOB }), { wrapper: before.wrapper }).unmount();
  const page = new Page();
  page.world.log.push(...before.world.log, last(4));
  const { container } = render(createElement(Output, { jobId: JOB }), { wrapper: page.wrapper });
  await page.frame();
  expect(container.textContent).toBe("ended 1,2,3,4,");
});

it("changes to another job, and to none", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  const { container, rerender } = render(createElement(Output, { jobId: JOB }), { wrapper: page.wrapper });
  await page.frame();
  rerender(createElement(Output, { jobId: JOB.replace("1", "2") }));
  expect(container.textContent).toBe("connecting ");
  rerender(createElement(Output, { jobId: null }));
  expect(container.textContent).toBe("idle ");
});

it("says why it failed, and follows again when asked to", async () => {
  const page = new Page();
  const { result } = renderHook(() => useJob(JOB), { wrapper: page.wrapper });
  await page.frame();
  expect(result.current.phase).toBe("failed");
  expect(result.current.error).toBeInstanceOf(JobNotFound);
  page.world.log.push(last(1));
  act(() => result.current.retry());
  await page.frame();
  expect(result.current).toMatchObject({ phase: "ended", error: null, view: { output: "1," } });
});

it("cancels its job when asked to", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  page.world.answers.set("cancelInference", ({ jobId }) => event(2, { jobId, status: "CANCELLED" }));
  const { result } = renderHook(() => useJob(JOB), { wrapper: page.wrapper });
  await expect(result.current.cancel()).resolves.toMatchObject({ jobId: JOB, status: "CANCELLED" });
});

it("is rendered on a server without a connection, and hydrated from there", async () => {
  const page = new Page();
  page.world.log.push(event(1));
  const element = createElement(LongcallProvider, { client: page.client }, createElement(Output, { jobId: JOB }));
  const html = renderToString(element);
  expect(html).toBe("<p>connecting </p>");
  expect(page.world.sockets).toEqual([]);

  const complaints = vi.spyOn(console, "error");
  const container = document.body.appendChild(document.createElement("div"));
  container.innerHTML = html;
  const root = await act(async () => hydrateRoot(container, element));
  await page.frame();
  expect(container.textContent).toBe("following 1,");
  expect(complaints).not.toHaveBeenCalled();
  await act(async () => root.unmount());
});

it("says which component is missing", () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  expect(() => renderHook(() => useJob(JOB))).toThrow(ConfigurationError);
  expect(() => renderHook(() => useJob(JOB))).toThrow("put <LongcallProvider client={…}> around this component");
});

it("follows with the client of its provider", async () => {
  const page = new Page();
  const other = new Page();
  page.world.log.push(event(1));
  other.world.log.push(event(1, { delta: "other" }));
  const output = createElement(Output, { jobId: JOB });
  const { container, rerender } = render(createElement(LongcallProvider, { client: clientOf(page.world) }, output));
  await page.frame();
  rerender(createElement(LongcallProvider, { client: clientOf(other.world) }, output));
  await other.frame();
  expect(container.textContent).toBe("following other");
});
