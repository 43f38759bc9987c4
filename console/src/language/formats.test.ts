import { expect, test } from "vitest";
import { Formats } from "./formats.ts";

test.each([
  [1_000, "1s"],
  [1_200, "1.2s"],
  [1_250, "1.25s"],
  [10_500, "10.5s"],
  [20_000, "20s"],
  [600_000, "10m 0s"],
  [100, "100ms"],
])("a moment of an axis has no zeros at the end of its decimals: %i", (milliseconds, text) => {
  expect(new Formats("en").tick(milliseconds)).toBe(text);
});

test("amounts and shares keep their own digits, one after the other", () => {
  const format = new Formats("en");

  expect([format.money(0.000209, "USD"), format.money(1.5, "USD"), format.percent(0.25)]).toEqual([
    "$0.000209",
    "$1.50",
    "25%",
  ]);
  expect(format.money(0.000209, "USD")).toBe("$0.000209");
});
