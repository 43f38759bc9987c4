import { describe, expect, it } from "vitest";
import { blocksOf, partsOf } from "./blocks.ts";

describe("blocks", () => {
  const lines = Array.from({ length: 2_000 }, (_, index) => `line ${index} with 海の便り\n`).join("");
  const long = "🐋".repeat(30_000);

  it.each([
    ["lines", lines],
    ["one long line", long],
    ["words", "word ".repeat(20_000)],
  ])("of %s are the whole text", (_, text) => {
    const blocks = blocksOf(text);

    expect(blocks.join("")).toBe(text);
    expect(blocks.length).toBeGreaterThan(2);
    expect(Math.max(...blocks.map(({ length }) => length))).toBeLessThanOrEqual(16_001);
    expect(blocks.every((block) => block.isWellFormed())).toBe(true);
  });

  it("do not change when the text grows, but for the last one", () => {
    const before = blocksOf(lines.slice(0, 30_000));

    expect(blocksOf(lines).slice(0, before.length - 1)).toEqual(before.slice(0, -1));
  });
});

describe("parts of Markdown", () => {
  it("end at blank lines outside of code and lists", () => {
    const text = "# A\n\none\ntwo\n\n```\na\n\nb\n```\n\n- x\n\n- y";

    expect(partsOf(text)).toEqual(["# A", "one\ntwo", "```\na\n\nb\n```", "- x\n\n- y"]);
  });
});
