import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test as base, expect, type Page } from "@playwright/test";

export { expect };

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What a page complained about: errors of its scripts, and violations of its policy. Nothing is allowed. */
export const test = base.extend<{ complaints: string[] }>({
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("pageerror", ({ message }) => complaints.push(message));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

/** Sets the stack's faults; empty for none. */
export async function setFaults(page: Page, spec: string): Promise<void> {
  const answer = await page.request.put("/chaos", { data: spec, headers: { "content-type": "text/plain" } });
  expect(answer.status()).toBe(200);
}

/** Starts a job through the form, and returns its id. The page shows the job then. */
export async function start(
  page: Page,
  model: string,
  options: Readonly<Record<string, string>> = {},
  prompt = "Hello",
): Promise<string> {
  await page.goto("/start");
  await page.getByLabel("Model").fill(model);
  await page.getByRole("textbox", { name: "Prompt" }).fill(prompt);
  if (Object.keys(options).length > 0) await page.getByText("Options", { exact: true }).click();
  for (const [label, value] of Object.entries(options)) await page.getByLabel(label).fill(value);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/jobs\/[0-9a-f-]{36}/);
  return page.url().split("/").at(-1) as string;
}

/** Waits until the job on the page has a status. */
export async function shows(page: Page, status: string): Promise<void> {
  await expect(page.locator(".job .name .status")).toHaveText(status);
}

/** Asks the API as a test user. */
export async function ask<T>(page: Page, query: string, variables: object): Promise<T> {
  const signedIn = await page.request.post("/console/sign-in", { data: { user: "ada@example.com" } });
  const { token } = (await signedIn.json()) as { token: string };
  const answer = await page.request.post("/graphql", {
    data: { query, variables },
    headers: { Authorization: `Lambda-Auth-${token}` },
  });
  return ((await answer.json()) as { data: T }).data;
}

/** Answers one field of the API in place of the stack, for what would take too long to produce. */
export async function answer(page: Page, field: string, resolve: (variables: Variables) => unknown): Promise<void> {
  await page.route("**/graphql", async (route) => {
    const { query, variables } = route.request().postDataJSON() as { query: string; variables: Variables };
    if (!query.includes(`${field}(`)) return route.fallback();
    return route.fulfill({ json: { data: { [field]: resolve(variables) } } });
  });
}

interface Variables {
  readonly after: number;
  readonly nextToken?: string;
}

/** The rules of axe that the page breaks seriously, and where. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run: () => Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  });
}
