import type { CDPSession } from "@playwright/test";
import { answer, ask, expect, seriousFindings, setFaults, shows, start, test } from "./world.ts";

const HARSH = "drop=0.4,duplicate=0.3,reorder=0.3,after_start_ack=0.5,seed=7";

test.beforeEach(({ page }) => setFaults(page, ""));

test("a job that loses pushes shows exactly what is in the log, and which events were healed", async ({ page }) => {
  await setFaults(page, HARSH);
  const jobId = await start(page, "simulated.story", { "Duration in seconds": "6" });
  await shows(page, "Completed");

  const found = await ask<{ getInference: { output: string; sequence: number } }>(
    page,
    "query($id: ID!) { getInference(jobId: $id) { output sequence } }",
    { id: jobId },
  );
  expect(
    await page.locator(".output .text").evaluate((it) => [...it.children].map((block) => block.textContent).join("")),
  ).toBe(found.getInference.output);
  await expect(page.locator(".legend")).toContainText("Lost, then healed");
  await expect(page.getByRole("table", { name: "Events" })).toHaveAttribute(
    "aria-rowcount",
    String(found.getInference.sequence + 1),
  );
  await expect(page.getByText("Bill $")).toBeVisible();
});

test("time travel shows the job as it was, from the keyboard, the slider and the address", async ({ page }) => {
  const jobId = await start(page, "simulated.story", { "Duration in seconds": "3" });
  await shows(page, "Completed");
  const slider = page.getByRole("slider", { name: "Position in the job's log" });
  const last = await slider.inputValue();

  await page.goto(`/jobs/${jobId}?at=1`);
  await shows(page, "Pending");
  await expect(page.getByText("You see the job as it was then.")).toBeVisible();
  await expect(page.getByText("No output yet")).toBeVisible();
  await page.locator("body").press("ArrowRight");
  await expect(page.locator(".job")).toHaveAttribute("data-position", "2");
  await shows(page, "Running");
  await slider.fill("4");
  await expect(page.locator(".job")).toHaveAttribute("data-position", "4");

  await page.getByRole("button", { name: "100×" }).click();
  await page.getByRole("button", { name: "Play" }).click();
  await expect(page.locator(".job")).toHaveAttribute("data-position", last);
  await shows(page, "Completed");
  await expect(page.getByText("You see the job as it was then.")).toHaveCount(0);
});

test("5,000 events are scrubbed at 30 frames a second or more", async ({ page }) => {
  await answer(page, "inferenceEvents", ({ after }) => longLog.slice(after, after + 1_000));
  await page.goto(`/jobs/${LONG_JOB}`);
  await shows(page, "Completed");
  await expect(page.locator(".job")).toHaveAttribute("data-position", "5000");

  // The time that the page's thread needs for a step, so that other programs on the machine do not matter.
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const before = await taskSeconds(session);
  await page.evaluate(async (steps) => {
    const slider = document.querySelector(".travel input") as HTMLInputElement;
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set as (value: string) => void;
    for (let step = 0; step < steps; step += 1) {
      set.call(slider, String(1 + Math.round((Math.abs(steps / 2 - step) / (steps / 2)) * 4_999)));
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise(requestAnimationFrame);
    }
  }, SCRUBS);
  const milliseconds = ((await taskSeconds(session)) - before) * (1_000 / SCRUBS);
  console.log(`a step of the slider takes ${milliseconds.toFixed(1)} ms`);
  expect(milliseconds).toBeLessThanOrEqual(1_000 / 30);
});

test("5,000 jobs are a few rows of the page, and a row is rendered only when it appears or changes", async ({
  page,
}) => {
  const jobs = Array.from({ length: 5_000 }, (_, index) => ({
    ...longLog[4_999],
    jobId: `00000000-0000-4000-8000-${String(5_000 - index).padStart(12, "0")}`,
    createdAt: new Date(START + (5_000 - index) * 1_000).toISOString(),
  }));
  await answer(page, "listInferences", ({ nextToken }) => {
    const from = Number(nextToken ?? 0);
    return { items: jobs.slice(from, from + 100), nextToken: from + 100 < jobs.length ? String(from + 100) : null };
  });
  await page.addInitScript(countMoments);
  await page.goto("/");
  const rows = page.locator(".rows");
  await expect(page.getByRole("link", { name: "00000000" }).first()).toBeVisible();

  await rows.evaluate(async (it, last) => {
    while (it.querySelector(`[title="${last}"]`) === null) {
      it.scrollTo(0, it.scrollHeight);
      await new Promise(requestAnimationFrame);
    }
  }, jobs.at(-1)?.jobId);
  await expect(page.getByText("5,000 jobs")).toBeVisible();
  expect(await rows.locator(".row").count()).toBeLessThan(60);

  await rows.evaluate((it) => it.scrollTo(0, 0));
  await expect(page.getByTitle(jobs[0]?.jobId ?? "")).toBeVisible();
  expect(await page.evaluate(pressed, ["j", "j", "j", "k"])).toBe(7); // the first selects, each other one changes two rows
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const before = await taskSeconds(session);
  const rendered = await rows.evaluate(scrolled, SCROLLS);
  const milliseconds = ((await taskSeconds(session)) - before) * (1_000 / SCROLLS);
  console.log(`a frame of scrolling takes ${milliseconds.toFixed(1)} ms`); // 60 frames a second: at most 16.7
  expect(rendered).toBeGreaterThan(SCROLLS);
  expect(rendered).toBeLessThanOrEqual(SCROLLS * ROWS_A_SCROLL + 12);

  await page.locator("body").press("/");
  const renders = await page.evaluate(() => window.moments);
  await page.keyboard.type("0000"); // all jobs match, so no row changes
  await expect(page).toHaveURL(/q=0000/);
  expect(await page.evaluate(() => window.moments)).toBe(renders);
});

test("a failed job says why and what to do, and can be run again with its input", async ({ page }) => {
  const parent = await start(page, "simulated.error", { "Duration in seconds": "0.2" });
  await shows(page, "Failed");
  await expect(page.getByText("WORKLOAD_FAILED", { exact: true })).toBeVisible();
  await expect(page.getByText("Correct what the message names")).toBeVisible();

  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page.getByRole("textbox", { name: "Prompt" })).toHaveValue("Hello");
  await page.getByLabel("Model").fill("simulated.story");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await shows(page, "Completed");
  await expect(page.getByRole("link", { name: parent.slice(0, 8) })).toHaveAttribute("href", `/jobs/${parent}`);
});

test("a job is cancelled by key, and deleted", async ({ page }) => {
  const jobId = await start(page, "simulated.story", { "Duration in seconds": "60" });
  await shows(page, "Running");
  await page.locator("body").press("c");
  await page.getByRole("button", { name: "Yes" }).click();
  await shows(page, "Cancelled");

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Yes" }).click();
  await expect(page.getByRole("heading", { name: "Jobs" })).toBeVisible();
  await expect(page.getByRole("link", { name: jobId.slice(0, 8) })).toHaveCount(0);
});

test("the list shows what other pages start and finish, without polling", async ({ page, context }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Jobs" })).toBeVisible();
  const other = await context.newPage();
  const jobId = await start(other, "simulated.story", { "Duration in seconds": "1" });

  const row = page.locator(".row").filter({ has: page.getByTitle(jobId) });
  await expect(row.locator(".status")).toHaveText("Completed");
});

test("the form shows the options that the model accepts", async ({ page }) => {
  await page.goto("/start");
  await page.getByText("Options", { exact: true }).click();
  await expect(page.getByLabel("Temperature")).toBeVisible();

  await page.getByLabel("Model").fill("local.textrank");

  await expect(page.getByLabel("Temperature")).toHaveCount(0);
  await expect(page.getByLabel("Max. tokens")).toBeVisible();
  await expect(page.getByRole("tab", { name: "Conversation" })).toHaveCount(0);
});

test("the list is filtered by the address and moved by keys", async ({ page }) => {
  const jobId = await start(page, "simulated.error", {
    "Duration in seconds": "0",
    "Metadata (JSON)": '{"team": "docs"}',
  });
  await shows(page, "Failed");
  await page.goto("/?status=failed&q=team%3Adocs");
  await expect(page.getByRole("link", { name: jobId.slice(0, 8) })).toBeVisible();
  await expect(page.getByRole("cell").filter({ hasText: "Completed" })).toHaveCount(0);

  await page.locator("body").press("/");
  await page.keyboard.type(" nothing-has-this");
  await expect(page.getByText("No job matches these filters")).toBeVisible();
  expect(page.url()).toContain("nothing-has-this");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.locator("body").press("j");
  await page.locator("body").press("Enter");
  await page.waitForURL(/\/jobs\//);
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Jobs" })).toBeVisible();
});

test("HTML of an output is shown as text, and its images are links", async ({ page }) => {
  const prompt =
    '# Title\n\n<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>\n\n![a](https://evil.example/x.png) [b](javascript:alert(1))';
  await start(page, "simulated.echo", {}, prompt);
  await shows(page, "Completed");
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));

  await page.getByRole("tab", { name: "Markdown" }).click();

  await expect(page.getByRole("heading", { name: "Title" })).toBeVisible();
  await expect(page.locator(".markdown img, .markdown script")).toHaveCount(0);
  await expect(page.locator(".markdown a")).toHaveAttribute("rel", /noopener/);
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  expect(requests.filter((url) => url.includes("evil"))).toEqual([]);
});

test("a JSON output is a tree", async ({ page }) => {
  await start(page, "simulated.echo", {}, '{"name": "灯台", "list": [1, true, null]}');
  await shows(page, "Completed");
  await page.getByRole("tab", { name: "JSON" }).click();

  await expect(page.locator(".json")).toContainText('name: "灯台"');
});

test("under faults, pushes alone are wrong and the client is right", async ({ page }) => {
  await page.goto("/lab");
  await page.getByRole("button", { name: "Harsh" }).click();
  await expect(page.getByText("drop=0.4,duplicate=0.2")).toBeVisible();
  await expect.poll(async () => (await (await page.request.get("/chaos")).json()).spec).toContain("drop=0.4");
  await page.getByRole("button", { name: "Run a job" }).click();

  await expect(page.locator(".versus .panel").nth(1)).toHaveAttribute("data-verdict", "right");
  await expect(page.locator(".versus .panel").nth(0)).toHaveAttribute("data-verdict", "wrong");
});

test("another test user sees none of the first one's jobs", async ({ page }) => {
  const jobId = await start(page, "simulated.story", { "Duration in seconds": "0" });
  await shows(page, "Completed");
  await page.locator(".settings summary").click();
  await page.getByLabel("Test user").selectOption("grace@example.com");

  await expect(page.getByText(`no job ${jobId} was found`)).toBeVisible();
  await page.getByRole("link", { name: "All jobs" }).click();
  await expect(page.getByText("No jobs yet")).toBeVisible();
});

test("the API explorer shows all events of a subscription, and loads nothing from elsewhere", async ({ page }) => {
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto("/explorer");
  await expect(page.locator(".graphiql-editor-tool")).toContainText("jobId"); // the editors are there
  await page.locator(".graphiql-execute-button").click();
  const response = page.locator(".graphiql-response");
  await expect(response).toContainText("subscribed");

  const tabs = await page.evaluate(() => JSON.parse(localStorage.getItem("graphiql:tabState") ?? "{}").tabs);
  const { jobId } = JSON.parse(tabs[0].variables);
  const document = "mutation($input: InferenceInput!) { startInference(input: $input) { jobId audience { owner } } }";
  await ask(page, document, { input: { jobId, model: "simulated.story", prompt: "Hi", processTime: 0 } });

  await expect(response).toContainText("PROCESSING");
  await expect(response).toContainText("COMPLETED");
  const origin = new URL(page.url()).origin;
  expect(requests.filter((url) => !url.startsWith(origin) && !/^(data|blob):/.test(url))).toEqual([]);
});

test("a page that is offline says so, and catches up", async ({ page, context, complaints }) => {
  await start(page, "simulated.story", { "Duration in seconds": "6" });
  await shows(page, "Running");
  await context.setOffline(true);
  await expect(page.getByRole("status").filter({ hasText: "Offline" })).toBeVisible();
  await context.setOffline(false);

  await shows(page, "Completed");
  complaints.length = 0; // the browser reports requests that failed while it was offline
});

const LONG_JOB = "0b9f1c1e-0000-4000-8000-000000000000";
const START = Date.parse("2026-01-01T00:00:00Z");
/** A log in the API's form: one word an event, over 25 minutes. */
const longLog = Array.from({ length: 5_000 }, (_, index) => {
  const at = (event: number): string => new Date(START + event * 300).toISOString();
  const isLast = index === 4_999;
  return {
    jobId: LONG_JOB,
    owner: "ada",
    model: "simulated.story",
    sequence: index + 1,
    status: index === 0 ? "PENDING" : isLast ? "COMPLETED" : "PROCESSING",
    attempt: index === 0 ? 0 : 1,
    delta: index > 1 && !isLast ? `word${index}${index % 9 === 0 ? "\n" : " "}` : null,
    progress: index / 4_999,
    resultIsOutput: isLast,
    createdAt: at(0),
    startTime: index === 0 ? null : at(1),
    endTime: isLast ? at(index) : null,
    updatedAt: at(index),
  };
});

const SCRUBS = 90;
const SCROLLS = 100;
const ROWS_A_SCROLL = 3;

declare global {
  interface Window {
    moments: number;
  }
}

/** Counts how often a moment is formatted, which each row of the list does once when it is rendered. */
function countMoments(): void {
  window.moments = 0;
  const { get } = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format") as { get: () => unknown };
  Object.defineProperty(Intl.DateTimeFormat.prototype, "format", {
    get() {
      window.moments += 1;
      return get.call(this);
    },
  });
}

/** Scrolls by some rows in each frame, and returns how many rows were rendered. */
async function scrolled(rows: Element, frames: number): Promise<number> {
  const before = window.moments;
  for (let frame = 0; frame < frames; frame += 1) {
    rows.scrollBy({ top: 3 * 44 });
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return window.moments - before;
}

/** Presses keys, one in each frame, and returns how many rows were rendered. */
async function pressed(keys: string[]): Promise<number> {
  const before = window.moments;
  for (const key of keys) {
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
  }
  return window.moments - before;
}

/** Seconds for which the page's thread has worked. */
async function taskSeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
}

const PAGES = { jobs: "/", start: "/start", lab: "/lab" };

for (const scheme of ["light", "dark"] as const) {
  for (const language of ["en", "ja"] as const) {
    test(`axe finds nothing serious: ${scheme}, ${language}`, async ({ page }) => {
      const jobId = await start(page, "simulated.error", { "Duration in seconds": "0.2" });
      await shows(page, "Failed");
      await page.emulateMedia({ colorScheme: scheme });
      await page.evaluate((code) => localStorage.setItem("longcall.language", code), language);
      for (const path of [...Object.values(PAGES), `/jobs/${jobId}`]) {
        await page.goto(path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        expect([path, await seriousFindings(page)]).toEqual([path, []]);
      }
      expect(await page.locator("html").getAttribute("lang")).toBe(language);
    });
  }
}

test("nothing is wider than a phone", async ({ page }) => {
  const jobId = await start(page, "simulated.story", { "Duration in seconds": "0" });
  await page.setViewportSize({ width: 360, height: 740 });
  for (const path of [...Object.values(PAGES), `/jobs/${jobId}`]) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    expect([path, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([path, 360]);
  }
});
