// The Amplify simulator. It has no APPSYNC_JS, so the resolver is the mapping template that says the same.
// usage: node server.cjs PORT SCHEMA
const { readFileSync } = require("node:fs");
const { AmplifyAppSyncSimulator, RESOLVER_KIND } = require("@aws-amplify/amplify-appsync-simulator");

const [port, schema] = process.argv.slice(2);
const unit = (typeName, fieldName, payload) => ({
  kind: RESOLVER_KIND.UNIT,
  typeName,
  fieldName,
  dataSourceName: "Nothing",
  requestMappingTemplate: `{"version": "2018-05-29", "payload": ${payload}}`,
  responseMappingTemplate: "$util.toJson($ctx.result)",
});

const simulator = new AmplifyAppSyncSimulator({ port: Number(port) });
simulator.init({
  appSync: {
    name: "bench",
    apiKey: "da2-bench",
    defaultAuthenticationType: { authenticationType: "API_KEY" },
    additionalAuthenticationProviders: [],
  },
  schema: { path: "schema.graphql", content: readFileSync(schema, "utf8") },
  dataSources: [{ type: "NONE", name: "Nothing" }],
  resolvers: [
    unit("Query", "version", '"1"'),
    unit("Mutation", "updateStatus", "$util.toJson($ctx.args.input)"),
  ],
});
simulator.start();
