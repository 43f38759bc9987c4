import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const LIMIT = 10_000; // bytes of the core, minified and compressed

it("is small, and README.md has the measured sizes: otherwise run `npm run size`", () => {
  const [core, ...table] = execFileSync("node", ["scripts/size.mjs"]).toString().trim().split("\n");
  expect(Number(core)).toBeLessThanOrEqual(LIMIT);
  expect(readFileSync("README.md", "utf8")).toContain(table.join("\n"));
});
