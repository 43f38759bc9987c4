// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, renderHook, waitFor } from "@testing-library/react";
import { createElement, StrictMode } from "react";
import { afterEach, expect, it } from "vitest";
import { InvalidInput } from "../../src/errors.ts";
import { useJob, useStartJob } from "../../src/react/index.ts";
import { event, type Fields } from "../world.ts";
import { Page } from "./page.ts";

afterEach(cleanup);

/** A page whose API accepts every job, and records the inputs. */
function accepting(): { page: Page; inputs: Fields[] } {
  const page = new Page();
  const inputs: Fields[] = [];
  page.world.answers.set("startInference", ({ input }) => {
    const { jobId } = input as Fields;
    inputs.push(input as Fields);
    page.world.log.push(event(1, { jobId, status: "PENDING" }));
    return page.world.log.at(-1);
  });
  return { page, inputs };
}

it("starts one job for a button that is clicked twice, also in strict mode", async () => {
  const { page, inputs } = accepting();
  function Form() {
    const { start, jobId, phase } = useStartJob();
    const job = useJob(jobId);
    return createElement("button", { onClick: () => void start({ prompt: "Hi" }) }, `${phase} ${job.phase}`);
  }
  const { getByRole } = render(createElement(StrictMode, null, createElement(Form)), { wrapper: page.wrapper });
  expect(getByRole("button").textContent).toBe("idle idle");
  fireEvent.click(getByRole("button"));
  fireEvent.click(getByRole("button"));
  expect(getByRole("button").textContent).toBe("starting idle");
  await page.arrive();
  await waitFor(() => expect(getByRole("button").textContent).toBe("started following"));
  expect(inputs).toHaveLength(1);
});

it("starts another job with the same input after the first was accepted", async () => {
  const { page, inputs } = accepting();
  const { result } = renderHook(() => useStartJob(), { wrapper: page.wrapper });
  const ids: (string | null)[] = [];
  for (const turn of [1, 2]) {
    await act(async () => {
      ids.push(await result.current.start({ prompt: "Hi" }));
    });
    expect(result.current).toMatchObject({ phase: "started", jobId: ids[turn - 1], error: null });
  }
  expect(new Set(ids).size).toBe(2);
  expect(inputs.map(({ jobId }) => jobId)).toEqual(ids);
});

it("starts the same job again after a failure, because the first one may have been accepted", async () => {
  const { page, inputs } = accepting();
  const accept = page.world.answers.get("startInference") as (variables: Fields) => unknown;
  page.world.answers.set("startInference", (variables) => {
    accept(variables);
    return null; // an answer that cannot be read
  });
  const { result } = renderHook(() => useStartJob(), { wrapper: page.wrapper });
  await act(async () => expect(await result.current.start({ prompt: "Hi" })).toBeNull());
  expect(result.current).toMatchObject({ phase: "failed", jobId: null, error: { name: "ProtocolError" } });

  page.world.answers.set("startInference", accept);
  await act(async () => void (await result.current.start({ prompt: "Hi" })));
  await act(async () => void (await result.current.start({ prompt: "Another" })));
  expect(inputs[1]?.jobId).toBe(inputs[0]?.jobId);
  expect(inputs[2]?.jobId).not.toBe(inputs[0]?.jobId);
});

it("uses the id that the caller gives", async () => {
  const { page, inputs } = accepting();
  const { result } = renderHook(() => useStartJob(), { wrapper: page.wrapper });
  const jobId = "00000000-0000-4000-8000-000000000000";
  await act(async () => expect(await result.current.start({ prompt: "Hi", jobId })).toBe(jobId));
  expect(inputs.map((input) => input.jobId)).toEqual([jobId]);
});

it("refuses input that the API would refuse, and forgets it when asked to", async () => {
  const { page, inputs } = accepting();
  const { result } = renderHook(() => useStartJob(), { wrapper: page.wrapper });
  await act(async () => void (await result.current.start({ prompt: " " })));
  expect(result.current.error).toBeInstanceOf(InvalidInput);
  expect(inputs).toEqual([]);
  act(() => result.current.reset());
  expect(result.current).toMatchObject({ phase: "idle", jobId: null, error: null });
});

it("shows only the newest of several starts", async () => {
  const { page } = accepting();
  const { result } = renderHook(() => useStartJob(), { wrapper: page.wrapper });
  let second: string | null = null;
  await act(async () => {
    const first = result.current.start({ prompt: "One" });
    second = await result.current.start({ prompt: "Two" });
    await first;
  });
  expect(result.current.jobId).toBe(second);
});
