// Amplify's code generator: node amplify-codegen.mjs OUT SCHEMA
// SCHEMA is a file with the schema, or with an introspection result. Writes statements, and the types that they use.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import amplify from "@aws-amplify/graphql-generator";

const [out, file] = process.argv.slice(2);
const schema = readFileSync(file, "utf8");
const statements = amplify.generateStatements({ schema, target: "typescript", relativeTypesPath: "./API" });
const queries = Object.values(amplify.generateStatements({ schema, target: "graphql" })).join("\n");
const introspection = file.endsWith(".json");
const types = await amplify.generateTypes({ schema, target: "typescript", queries, introspection });
for (const [name, content] of Object.entries({ ...statements, ...types })) writeFileSync(join(out, name), content);
