// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hostEnvironment } from "../src/environment.ts";
import { ConfigurationError } from "../src/errors.ts";

const heard: string[] = [];
let forget: () => void = () => undefined;

function show(state: "visible" | "hidden"): void {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  heard.length = 0;
  forget = hostEnvironment().onWake(
    () => heard.push("wake"),
    () => heard.push("sleep"),
  );
});

afterEach(() => {
  forget();
  vi.useRealTimers();
});

describe("a page", () => {
  it("wakes when it was hidden for 5 seconds, and not after a shorter time", () => {
    show("hidden");
    vi.advanceTimersByTime(4_999);
    show("visible");
    expect(heard).toEqual([]);
    show("hidden");
    vi.advanceTimersByTime(5_000);
    show("visible");
    expect(heard).toEqual(["wake"]);
  });

  it.each([
    ["pagehide", "hidden", "visible", "pageshow"],
    ["hidden", "pagehide", "pageshow", "visible"],
  ])("sleeps when it is left, and wakes once when it is restored: %s, %s, %s, %s", (...happens) => {
    for (const name of happens) {
      if (name === "visible" || name === "hidden") show(name);
      else window.dispatchEvent(new Event(name));
    }
    expect(heard).toEqual(["sleep", "wake"]);
  });

  it("does not wake when it is shown first", () => {
    window.dispatchEvent(new Event("pageshow"));
    expect(heard).toEqual([]);
  });

  it("wakes when the network returns", () => {
    window.dispatchEvent(new Event("online"));
    expect(heard).toEqual(["wake"]);
  });

  it("is not listened to any more after the end", () => {
    forget();
    window.dispatchEvent(new Event("online"));
    window.dispatchEvent(new Event("pagehide"));
    expect(heard).toEqual([]);
  });
});

it("says which package is missing where there is no WebSocket", () => {
  vi.stubGlobal("WebSocket", undefined);
  expect(() => hostEnvironment().openSocket("ws://host", [])).toThrow(ConfigurationError);
  expect(() => hostEnvironment().openSocket("ws://host", [])).toThrow("install the package `ws`");
  vi.unstubAllGlobals();
});
