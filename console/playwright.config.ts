import { defineConfig } from "@playwright/test";

/** One browser at a time against one stack, whose address is LONGCALL_URL. tests/acceptance/test_console.py starts both. */
export default defineConfig({
  testDir: "tests",
  workers: 1,
  timeout: 180_000, // limits of a busy machine
  expect: { timeout: 60_000 },
  reporter: "line",
  use: {
    baseURL: process.env.LONGCALL_URL ?? "http://localhost:4000",
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  outputDir: process.env.PLAYWRIGHT_OUTPUT ?? "node_modules/.cache/playwright",
});
