import { checkUrl } from "../addresses.ts";
import type { ClientOptions } from "../client.ts";
import { hostEnvironment } from "../environment.ts";
import { mismatch } from "../errors.ts";
import { isObject } from "../faults.ts";
import { httpSend } from "../http.ts";
import type { Json } from "../json.ts";
import { Requests } from "../requests.ts";
import { DEFAULT_TIMING } from "../timing.ts";

/** The kind of an option's value. A newer API may have others. */
export type OptionType = "INTEGER" | "NUMBER" | "TEXT" | "TEXTS" | "CONVERSATION" | "IMAGES" | (string & {});

/** What a start may have for a model besides a text, metadata and `maxCost`. */
export interface ModelOption {
  /** The name of the field of the input. */
  readonly name: string;
  readonly type: OptionType;
  readonly description: string;
  /** The smallest number. */
  readonly minimum: number | null;
  /** The largest number; of a text, the most bytes of UTF-8; of a list, the most items. */
  readonly maximum: number | null;
  /** What a missing option stands for; null if the model decides. */
  readonly default: Json;
}

/** A model that the API runs. */
export interface Model {
  /** What to send as `model`; with a `pattern`, an example. */
  readonly name: string;
  /** Further names that are accepted, with `*` for any characters; null for none. */
  readonly pattern: string | null;
  readonly description: string;
  /** Whether a job may have a `maxCost`. */
  readonly priced: boolean;
  readonly options: readonly ModelOption[];
}

const DOCUMENT =
  "query listModels { listModels { name pattern description priced options { name type description minimum maximum default } } }";

/**
 * The models that the API runs, and what each of them accepts.
 *
 * @throws ConfigurationError - The URL is malformed.
 * @throws LongcallError - As for the requests of a client.
 */
export async function listModels(options: ClientOptions): Promise<readonly Model[]> {
  const { graphqlUrl, authorization } = options;
  checkUrl(graphqlUrl, "http");
  const environment = options.environment ?? hostEnvironment(options.webSocket);
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const requests = new Requests(httpSend(graphqlUrl, authorization, timing, environment), timing, environment);
  const { listModels: models } = await requests.execute(DOCUMENT, {});
  if (!Array.isArray(models)) throw mismatch("a list of models");
  return models.map(parseModel);
}

function parseModel(fields: unknown): Model {
  if (!isObject(fields) || typeof fields.name !== "string" || !Array.isArray(fields.options)) throw mismatch("a model");
  return {
    name: fields.name,
    pattern: typeof fields.pattern === "string" ? fields.pattern : null,
    description: String(fields.description),
    priced: fields.priced === true,
    options: fields.options.map(parseOption),
  };
}

function parseOption(fields: unknown): ModelOption {
  if (!isObject(fields) || typeof fields.name !== "string") throw mismatch("an option of a model");
  const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
  return {
    name: fields.name,
    type: String(fields.type),
    description: String(fields.description),
    minimum: number(fields.minimum),
    maximum: number(fields.maximum),
    default:
      typeof fields.default === "string" ? (JSON.parse(fields.default) as Json) : ((fields.default ?? null) as Json),
  };
}
