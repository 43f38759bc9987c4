import { InvalidInput, ProtocolError } from "./errors.ts";
import { isObject } from "./faults.ts";

/** A value that JSON has. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/**
 * The status of a job. PENDING and PROCESSING are unfinished. A newer API may send a status that this version does not
 * know; it is kept as text.
 */
export type Status = "PENDING" | "PROCESSING" | "COMPLETED" | "FAILED" | "CANCELLED" | (string & {});

/** One line of a cost: `quantity` of `unit`, each at `price`. */
export interface CostItem {
  readonly name: string;
  readonly quantity: number;
  readonly unit: string;
  readonly price: number;
  readonly amount: number;
}

/** An itemised estimate in `currency`. `pricesOf` is the day whose public prices are used, as YYYY-MM-DD. */
export interface Cost {
  readonly currency: string;
  readonly pricesOf: string;
  readonly total: number;
  readonly items: readonly CostItem[];
  readonly notes: readonly string[];
}

/**
 * One entry of a job's log: the job's state at `sequence`, and the output that this step added (`delta`).
 *
 * A new attempt keeps the first `outputKept` bytes of the output; null means none. Times are ISO 8601 texts.
 */
export interface Event {
  readonly jobId: string;
  readonly sequence: number;
  readonly status: Status;
  readonly owner: string;
  readonly model: string;
  readonly attempt: number;
  readonly progress: number | null;
  readonly message: string | null;
  readonly delta: string | null;
  readonly outputKept: number | null;
  readonly result: string | null;
  readonly resultOmitted: boolean;
  readonly resultIsOutput: boolean;
  readonly error: string | null;
  readonly errorType: string | null;
  readonly usage: Json;
  readonly cost: Cost | null;
  readonly metadata: Json;
  readonly createdAt: string | null;
  readonly startTime: string | null;
  readonly endTime: string | null;
  readonly updatedAt: string | null;
}

/** A result that is too large for an event: an address that is valid for some minutes, its size and its digest. */
export interface StoredResult {
  readonly url: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The newest event, and all output up to it. `output` is null if it must be read from the log. */
export interface Snapshot {
  readonly event: Event;
  readonly output: string | null;
  readonly stored: StoredResult | null;
}

const UNFINISHED = new Set(["PENDING", "PROCESSING"]);
const TERMINAL = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ADVICE = "check that client and API are of one version";

/** Whether a job has ended. A status that this version does not know has ended if it has an end. */
export function isTerminal(status: Status, endTime: string | null): boolean {
  return TERMINAL.has(status) || (!UNFINISHED.has(status) && endTime !== null);
}

/** A new random id. */
export function newJobId(random: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(16);
  random(bytes);
  const hex = [...bytes].map((byte, index) => {
    if (index === 6) byte = (byte & 0x0f) | 0x40; // version 4
    if (index === 8) byte = (byte & 0x3f) | 0x80; // variant of RFC 9562
    return byte.toString(16).padStart(2, "0");
  });
  return hex.join("").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * The id in lower case, which is how the API compares ids.
 *
 * @throws InvalidInput - The text is not a UUID in its usual form.
 */
export function parseJobId(text: string): string {
  const id = String(text).toLowerCase();
  if (UUID.test(id)) return id;
  const shown = id.length <= 60 ? text : `${String(text).slice(0, 57)}...`;
  throw new InvalidInput(`a job's id must be a UUID such as 123e4567-e89b-42d3-a456-426614174000, not '${shown}'`);
}

/**
 * Parses an InferenceStatus.
 *
 * @throws ProtocolError - A field of the contract is missing or has another type.
 */
export function parseEvent(fields: unknown): Event {
  if (!isObject(fields)) throw new ProtocolError(`expected a job from the API, and found none; ${ADVICE}`);
  const it = fields;
  const text = (name: string): string => read(it, name, "string");
  const optional = (name: string): string | null => (it[name] == null ? null : text(name));
  return {
    jobId: text("jobId"),
    sequence: count(it, "sequence"),
    status: text("status"),
    owner: text("owner"),
    model: text("model"),
    attempt: count(it, "attempt"),
    progress: it.progress == null ? null : read(it, "progress", "number"),
    message: optional("message"),
    delta: optional("delta"),
    outputKept: it.outputKept == null ? null : count(it, "outputKept"),
    result: optional("result"),
    resultOmitted: it.resultOmitted === true,
    resultIsOutput: it.resultIsOutput === true,
    error: optional("error"),
    errorType: optional("errorType"),
    usage: parseJson(it.usage),
    cost: it.cost == null ? null : parseCost(it.cost),
    metadata: parseJson(it.metadata),
    createdAt: optional("createdAt"),
    startTime: optional("startTime"),
    endTime: optional("endTime"),
    updatedAt: optional("updatedAt"),
  };
}

/**
 * Parses the answer of getInference.
 *
 * @throws ProtocolError - A field of the contract is missing or has another type.
 */
export function parseSnapshot(fields: unknown): Snapshot {
  const event = parseEvent(fields);
  const it = fields as Record<string, unknown>;
  const output = it.outputOmitted === true ? null : String(it.output ?? "");
  const { resultUrl: url, resultBytes: bytes, resultSha256: sha256 } = it;
  const isStored = typeof url === "string" && typeof bytes === "number" && typeof sha256 === "string";
  return { event, output, stored: isStored ? { url, bytes, sha256 } : null };
}

/**
 * Parses a Cost.
 *
 * @throws ProtocolError - A field of the contract is missing or has another type.
 */
export function parseCost(fields: unknown): Cost {
  if (!isObject(fields)) throw new ProtocolError(`expected a cost from the API, and found none; ${ADVICE}`);
  const items = fields.items;
  const notes = fields.notes;
  if (!Array.isArray(items) || !Array.isArray(notes)) throw unreadable("items");
  return {
    currency: read(fields, "currency", "string"),
    pricesOf: read(fields, "pricesOf", "string"),
    total: read(fields, "total", "number"),
    items: items.map((item) => {
      if (!isObject(item)) throw unreadable("items");
      return {
        name: read(item, "name", "string"),
        quantity: read(item, "quantity", "number"),
        unit: read(item, "unit", "string"),
        price: read(item, "price", "number"),
        amount: read(item, "amount", "number"),
      };
    }),
    notes: notes.map(String),
  };
}

function read(fields: Record<string, unknown>, name: string, type: "string"): string;
function read(fields: Record<string, unknown>, name: string, type: "number"): number;
function read(fields: Record<string, unknown>, name: string, type: "string" | "number"): string | number {
  const value = fields[name];
  if (typeof value !== type || (type === "number" && !Number.isFinite(value))) throw unreadable(name);
  return value as string | number;
}

function count(fields: Record<string, unknown>, name: string): number {
  const value = read(fields, name, "number");
  if (!Number.isSafeInteger(value) || value < 0) throw unreadable(name);
  return value;
}

/** An AWSJSON value, which is sent as text. */
function parseJson(value: unknown): Json {
  if (typeof value !== "string") return (value ?? null) as Json;
  try {
    return JSON.parse(value) as Json;
  } catch {
    throw unreadable("AWSJSON");
  }
}

function unreadable(name: string): ProtocolError {
  return new ProtocolError(`the API sent a job with a '${name}' that this client cannot read; ${ADVICE}`);
}
