// Prints the bytes of the core, and the table of sizes in README.md: node scripts/size.mjs
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ENTRIES = [
  ["`longcall`", 'export * from "./src/index.ts"'],
  ["`longcall` and `longcall/jobs`", 'export * from "./src/index.ts"; export * from "./src/jobs/index.ts"'],
  [
    "`longcall` and `longcall/react`, without React",
    'export * from "./src/index.ts"; export * from "./src/react/index.ts"',
  ],
  [
    "`longcall` and `longcall/ai-sdk`, without AI SDK",
    'export * from "./src/index.ts"; export * from "./src/ai-sdk/index.ts"',
  ],
  [
    "aws-amplify 6.22.1: `Amplify` and `generateClient`",
    'export { Amplify } from "aws-amplify"; export { generateClient } from "aws-amplify/api"',
  ],
  [
    "@apollo/client 4.3.8, without AWS's links",
    'export { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client/core"',
  ],
];

/** Bytes of a module with everything that it imports, minified and compressed by gzip. */
async function sizeOf(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: new URL("..", import.meta.url).pathname, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    external: ["react", "ai"],
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    write: false,
    logLevel: "error",
  });
  return gzipSync(outputFiles[0].contents).length;
}

async function table() {
  const lines = ["| Client | kB, minified and gzip |", "|---|---|"];
  for (const [name, contents] of ENTRIES) {
    lines.push(`| ${name} | ${((await sizeOf(contents)) / 1_000).toFixed(1)} |`);
  }
  return lines.join("\n");
}

console.log(await sizeOf(ENTRIES[0][1]));
console.log(await table());
