// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { hostEnvironment } from "../src/environment.ts";

let wakes = 0;
let forget: () => void = () => undefined;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  wakes = 0;
  forget = hostEnvironment(class {} as never).onWake(() => {
    wakes += 1;
  });
});

afterEach(() => {
  forget();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function become(state: DocumentVisibilityState): void {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

it.each([
  [4_999, 0],
  [5_000, 1],
])("wakes a page that was hidden for %i ms %i times", (milliseconds, expected) => {
  become("hidden");
  vi.advanceTimersByTime(milliseconds);
  become("visible");
  become("visible");
  expect(wakes).toBe(expected);
});

it("wakes a page that is online again", () => {
  window.dispatchEvent(new Event("online"));
  expect(wakes).toBe(1);
});

it.each([true, false])("wakes a page that is shown again if it comes from the back-forward cache: %s", (persisted) => {
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted }));
  expect(wakes).toBe(persisted ? 1 : 0);
});

it("wakes no page after the client was closed", () => {
  forget();
  window.dispatchEvent(new Event("online"));
  become("hidden");
  vi.advanceTimersByTime(60_000);
  become("visible");
  expect(wakes).toBe(0);
});
