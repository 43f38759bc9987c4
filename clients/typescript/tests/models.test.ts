import { expect, it } from "vitest";
import { lambdaToken } from "../src/authorization.ts";
import { listModels } from "../src/models/index.ts";
import { World } from "./world.ts";

it("lists the models of the API with their options, and defaults as values", async () => {
  const world = new World();
  const option = { name: "maxTokens", type: "INTEGER", description: "d", minimum: 1, maximum: null, default: "500" };
  const model = { name: "m", pattern: null, description: "d", priced: true, options: [option] };
  world.fetch = async () => Response.json({ data: { listModels: [model] } });
  const options = { graphqlUrl: "http://host/graphql", authorization: lambdaToken(() => "t"), environment: world };

  expect(await listModels(options)).toEqual([{ ...model, options: [{ ...option, default: 500 }] }]);
  world.fetch = async () => Response.json({ data: { listModels: [{}] } });
  await expect(listModels(options)).rejects.toThrow("a model");
});
