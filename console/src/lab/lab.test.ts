import { describe, expect, it } from "vitest";
import { CALM, HARSH, parseSpec, renderSpec } from "./faults.ts";
import { lossesOf } from "./naive.ts";

describe("faults", () => {
  it("survive a round trip through the stack's specification", () => {
    expect(parseSpec(`${renderSpec(HARSH)},seed=1`)).toEqual(HARSH);
    expect(renderSpec(HARSH)).toBe("drop=0.4,duplicate=0.2,reorder=0.3,delay=0.3s");
    expect([renderSpec(CALM), parseSpec("")]).toEqual(["", CALM]);
  });
});

describe("losses", () => {
  it("are the events that did not arrive, and the pushes that arrived again", () => {
    const pushes = new Map([
      [1, 1],
      [3, 3],
      [4, 2],
    ]);

    expect(lossesOf(pushes, 5)).toEqual({ missing: 2, repeated: 3 });
  });
});
