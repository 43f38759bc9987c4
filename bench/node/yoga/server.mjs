// graphql-yoga over HTTP, graphql-ws beside it, as yoga's page on subscriptions puts the two together.
// usage: node server.mjs PORT SCHEMA
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { useServer } from "graphql-ws/use/ws";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";

const [port, schema] = process.argv.slice(2);
const jobs = createPubSub();

const yoga = createYoga({
  logging: false,
  graphiql: false,
  schema: createSchema({
    typeDefs: [
      "directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION",
      readFileSync(schema, "utf8"),
    ],
    resolvers: {
      Query: { version: () => "1" },
      Mutation: {
        updateStatus: (_, { input }) => {
          jobs.publish("status", input.jobId, input);
          return input;
        },
      },
      Subscription: {
        onInferenceStatusChange: {
          subscribe: (_, { jobId }) => jobs.subscribe("status", jobId),
          resolve: (status) => status,
        },
      },
    },
  }),
});

const http = createServer(yoga);
const sockets = new WebSocketServer({ server: http, path: "/graphql", perMessageDeflate: false });
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...ctx,
        req: ctx.extra.request,
        socket: ctx.extra.socket,
        params,
      });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length ? errors : args;
    },
  },
  sockets,
  0, // no keep-alive, as everywhere in the bench: the client counts every byte
);
http.listen(Number(port), "127.0.0.1");
