import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// An application installs the package `longcall`. This example uses the source in this repository.
const client = (file: string) => fileURLToPath(new URL(`../../clients/typescript/src/${file}`, import.meta.url));

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: [
      { find: /^longcall$/, replacement: client("index.ts") },
      { find: /^longcall\/ai-sdk$/, replacement: client("ai-sdk/index.ts") },
    ],
  },
});
