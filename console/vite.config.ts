import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const CLIENT = fileURLToPath(new URL("../clients/typescript/src", import.meta.url));
const STACK = process.env.LONGCALL_URL ?? "http://127.0.0.1:4000"; // a running `longcall serve`, for `npm run dev`

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: [
      { find: /^longcall$/, replacement: `${CLIENT}/index.ts` },
      { find: /^longcall\/(.*)$/, replacement: `${CLIENT}/$1/index.ts` },
    ],
  },
  build: {
    target: "es2023",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { input: ["index.html", "explorer.html"] },
  },
  worker: { format: "es" },
  server: {
    proxy: {
      "/console/": STACK,
      "/chaos": STACK,
      "/graphql": { target: STACK, ws: true },
    },
  },
});
