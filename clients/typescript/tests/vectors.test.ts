import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { emptyView } from "../src/view.ts";
import { type Input, merged, shown } from "./merging.ts";

type Case = { name: string; steps: (Input & { view: object })[] };

const vectors = new URL("../../../tests/contract/vectors/merge.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(vectors, "utf8")) as { cases: Case[] };

describe("the vectors of the merge", () => {
  it.each(cases)("$name", ({ steps }) => {
    let view = emptyView("j");
    for (const { view: expected, ...input } of steps) {
      view = merged(view, input);
      expect(shown(view)).toEqual(expected);
    }
    for (const { view: _, ...input } of steps) expect(merged(view, input)).toEqual(view);
  });
});
