// graphql-codegen: node graphql-codegen.mjs OUT DOCUMENTS SCHEMA...
// SCHEMA is a file, or the URL of an API whose key is in API_KEY. Writes the types of the schema and of the operations.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "@graphql-codegen/cli";

const [out, documents, ...sources] = process.argv.slice(2);
const headers = { "x-api-key": process.env.API_KEY };
const schema = sources.map((source) => (source.startsWith("http") ? { [source]: { headers } } : source));
const generates = {
  "schema.ts": { plugins: ["typescript"] },
  "operations.ts": { plugins: ["typescript-operations"] },
};
const files = await generate({ schema, documents, generates, silent: true }, false);
for (const { filename, content } of files) writeFileSync(join(out, filename), content);
