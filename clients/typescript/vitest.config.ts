import { defineConfig } from "vitest/config";

// The time-outs only end a test that hangs: a machine that runs many tests at once may be slow.
export default defineConfig({ test: { include: ["tests/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 } });
