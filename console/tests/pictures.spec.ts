import type { Page } from "@playwright/test";
import { expect, setFaults, shows, start, test } from "./world.ts";

// Pictures of every page for the documentation: PICTURES=folder npx playwright test pictures
const FOLDER = process.env.PICTURES;
const VARIANTS = {
  "": { width: 1280, height: 800, scheme: "light", language: "en" },
  "-dark": { width: 1280, height: 800, scheme: "dark", language: "en" },
  "-ja": { width: 1280, height: 800, scheme: "light", language: "ja" },
  "-phone": { width: 360, height: 740, scheme: "light", language: "en" },
} as const;

test.skip(FOLDER === undefined, "takes pictures only if it is given a folder");

test("pictures of every page", async ({ page }) => {
  await setFaults(page, "");
  const team = { "Metadata (JSON)": '{"team": "docs"}' };
  await start(page, "local.textrank", team, "The ferry was late. The letter came twice. Nobody had lost it.");
  await shows(page, "Completed");
  await start(page, "simulated.error", { "Duration in seconds": "1" });
  await shows(page, "Failed");
  await start(page, "simulated.story", { "Duration in seconds": "600" });
  await shows(page, "Running");
  await page.getByRole("button", { name: "Cancel job" }).click();
  await page.getByRole("button", { name: "Yes" }).click();
  await shows(page, "Cancelled");
  await start(page, "simulated.story", { "Duration in seconds": "900", ...team });
  await shows(page, "Running");
  await inEveryVariant(page, "jobs", async () => {
    await page.goto("/");
    await expect(page.locator(".row [data-status=COMPLETED]").first()).toBeVisible();
  });

  await inEveryVariant(page, "start", async () => {
    await page.goto("/start");
    await page.locator(".prompt textarea").fill("Tell me about a letter that was lost, and came twice.");
    await expect(page.locator(".quote b")).toBeVisible();
  });

  // How each event arrived is known to the page that saw it, so the other variants are chosen on the same page.
  await setFaults(page, "drop=0.35,duplicate=0.15,reorder=0.3,delay=0.2s,seed=11");
  await start(page, "simulated.crash-once", { "Duration in seconds": "8", "Max. tokens": "260" });
  await shows(page, "Completed");
  await inEveryVariant(page, "job", async () => undefined);

  await page.goto("/lab");
  await page.getByRole("button").filter({ hasText: /Harsh/ }).click();
  await page.getByRole("button", { name: "Run a job" }).click();
  await expect(page.locator(".versus .panel").nth(1)).toHaveAttribute("data-verdict", "right");
  await inEveryVariant(page, "lab", async () => undefined);
  await setFaults(page, "");
});

/** Takes a picture in every variant, after `prepare`, and ends in the first one. */
async function inEveryVariant(page: Page, name: string, prepare: () => Promise<void>): Promise<void> {
  for (const [suffix, { width, height, scheme, language }] of Object.entries(VARIANTS)) {
    await choose(page, scheme, language, { width, height });
    await prepare();
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.screenshot({ path: `${FOLDER}/console-${name}${suffix}.png`, animations: "disabled" });
  }
  await choose(page, "light", "en", { width: 1280, height: 800 });
}

async function choose(
  page: Page,
  scheme: "light" | "dark",
  language: string,
  size: { width: number; height: number },
): Promise<void> {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: scheme });
  await page.locator(".settings summary").click();
  await page.locator(".settings select").nth(2).selectOption(language);
  await page.locator(".settings summary").click();
  await page.setViewportSize(size);
}
