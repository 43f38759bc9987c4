import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const react18 = fileURLToPath(new URL("tests/react-18/node_modules/", import.meta.url));
// The time-outs only end a test that hangs: a machine that runs many tests at once may be slow.
const patient = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { ...patient, name: "react 19", include: ["tests/**/*.test.ts"] } },
      {
        resolve: {
          alias: Object.fromEntries(["react", "react-dom", "@testing-library/react"].map((it) => [it, react18 + it])),
        },
        test: {
          ...patient,
          name: "react 18",
          include: ["tests/react/*.test.ts"],
          env: { REACT: "18" },
        },
      },
    ],
  },
});
