// Reads an introspection result and schema files with one generation of graphql-js, and prints names that both have.
// Usage: node read.mjs <package> <introspection.json> <schema.graphql>...
import { readFileSync } from "node:fs";

const [name, introspection, ...files] = process.argv.slice(2);
const { buildClientSchema, buildSchema } = await import(name);
const described = buildClientSchema(JSON.parse(readFileSync(introspection, "utf8")));
const written = buildSchema(files.map((file) => readFileSync(file, "utf8")).join("\n"));
const fields = (schema) => Object.keys(schema.getQueryType().getFields());
console.log(JSON.stringify({ described: fields(described), written: fields(written) }));
