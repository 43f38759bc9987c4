import type { Page } from "@playwright/test";
import { expect, seriousFindings, shows, test } from "./world.ts";

// The console as it is deployed, whose users sign in at the pool's own page: LONGCALL_DEPLOYED_URL.
const SITE = process.env.LONGCALL_DEPLOYED_URL ?? "";
const TOKEN = "**/oauth2/token";
test.skip(SITE === "", "needs the console as it is deployed");
test.use({ baseURL: SITE });

/** Signs in at the pool's page, which the browser shows now. */
async function signIn(page: Page): Promise<void> {
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password").fill("Local-only-1");
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("a user signs in at the pool's page, returns, runs a job and signs out", async ({ page, complaints }) => {
  await page.goto("/jobs/0b9f1c1e-0000-4000-8000-000000000000?at=3");
  await signIn(page);
  await expect(page.getByText("This job cannot be shown")).toBeVisible();
  expect(page.url()).toBe(`${SITE}/jobs/0b9f1c1e-0000-4000-8000-000000000000?at=3`);

  await page.getByRole("link", { name: "Start a job" }).click();
  await page.getByLabel("Model").fill("simulated.story");
  await page.getByRole("textbox", { name: "Prompt" }).fill("Hello");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await shows(page, "Completed");
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  expect(stored).not.toMatch(/eyJ|token|sign-in/i);
  expect(await page.getByRole("link", { name: "API explorer" }).count()).toBe(0);

  await page.locator(".settings summary").click();
  const revoked = page.waitForResponse("**/oauth2/revoke");
  await page.getByRole("button", { name: "Sign out" }).click();
  expect((await revoked).status()).toBe(200);
  await expect(page.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  expect(await seriousFindings(page)).toEqual([]);
  // The headers allow every API of the region, as they do on AWS, and the page only its own.
  expect(await page.evaluate(brokenPolicy, "http://127.0.0.1:1/graphql")).toMatch(/^connect-src/);
  expect(complaints.splice(0).join()).toContain("127.0.0.1:1");

  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByLabel("Password")).toBeVisible();
});

/** The policy that a request to an address breaks. */
function brokenPolicy(address: string): Promise<string> {
  return new Promise((resolve) => {
    document.addEventListener("securitypolicyviolation", ({ originalPolicy }) => resolve(originalPolicy));
    void fetch(address).catch(() => undefined);
  });
}

test("a sign-in that is refused, too old or of another tab says so", async ({ page, complaints }) => {
  await page.goto("/?status=failed");
  await expect(page.getByLabel("Password")).toBeVisible();
  const state = new URL(page.url()).searchParams.get("state");
  await page.goto(`/signed-in?error=access_denied&error_description=Not+today&state=${state}`);
  await expect(page.getByRole("alert")).toContainText("The sign-in page refused this sign-in.");
  await expect(page.getByRole("alert")).toContainText("Not today");
  expect(await seriousFindings(page)).toEqual([]);
  expect(page.url()).toBe(`${SITE}/?status=failed`);

  await page.goto("/signed-in?code=stolen&state=of-another-tab");
  await expect(page.getByRole("alert")).toContainText("was begun in another tab");

  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByLabel("Password")).toBeVisible();
  await page.goto(`/signed-in?code=used-before&state=${new URL(page.url()).searchParams.get("state")}`);
  await expect(page.getByRole("alert")).toContainText("This sign-in is too old");
  expect(complaints.filter((it) => !it.includes("status of 400"))).toEqual([]);
  complaints.length = 0; // the browser reports the pool's answer to the code

  await page.getByRole("button", { name: "Sign in" }).click();
  await signIn(page);
  await expect(page.getByRole("heading", { name: "Jobs" })).toBeVisible();
});

test("tokens are renewed without the user, and a sign-in that has ended says so", async ({ page, complaints }) => {
  let refreshToken = "";
  let renewals = 0;
  await page.route(TOKEN, async (route) => {
    const isRenewal = route.request().postData()?.includes("grant_type=refresh_token") ?? false;
    renewals += Number(isRenewal);
    const response = await route.fetch();
    const body = await response.json();
    if (!isRenewal) refreshToken = body.refresh_token;
    await route.fulfill({ response, json: response.ok() ? { ...body, expires_in: 30 } : body });
  });
  const { signIn: pool } = await (await page.request.get("/console/config.json")).json();
  await page.goto("/");
  await signIn(page);
  await page.getByRole("link", { name: "Start a job" }).click();
  await expect.poll(() => renewals).toBeGreaterThan(0);

  const form = { token: refreshToken, client_id: pool.clientId };
  expect((await page.request.post(`${pool.signInUrl}/oauth2/revoke`, { form })).status()).toBe(200);
  await page.getByRole("textbox", { name: "Prompt" }).fill("Hello"); // the page asks for a quote
  await expect(page.getByRole("alert").filter({ hasText: "Your sign-in has ended" })).toBeVisible();
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByLabel("Password")).toBeVisible();
  expect(complaints.filter((it) => !it.includes("status of 400"))).toEqual([]);
  complaints.length = 0; // the browser reports the pool's refusal, once for each request that the page had begun
});
