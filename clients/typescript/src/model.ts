import type { Cost, InferenceStatus, Status, Upload } from "./contract.ts";
import { InvalidInput } from "./errors.ts";
import { parse } from "./shapes.ts";

export type { Cost, CostItem, ErrorType, Status } from "./contract.ts";
export type { Json } from "./json.ts";

/**
 * One entry of a job's log: the job's state at `sequence`, and the output that this step added (`delta`).
 *
 * A new attempt keeps the first `outputKept` bytes of the output; null means none. Times are ISO 8601 texts. A newer API
 * may send a status that this version does not know; it is kept as text.
 */
export interface Event extends Omit<InferenceStatus, keyof Omitted> {}

type Omitted = Pick<InferenceStatus, "output" | "outputOmitted" | "resultUrl" | "resultBytes" | "resultSha256">;

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

/** Whether a job has ended. A status that this version does not know has ended if it has an end. */
export function isTerminal(status: Status, endTime: string | null): boolean {
  return TERMINAL.has(status) || (!UNFINISHED.has(status) && endTime !== null);
}

/** Two digits for each byte. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A new random id. */
export function newJobId(random: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(16);
  random(bytes);
  bytes[6] = (Number(bytes[6]) & 0x0f) | 0x40; // version 4
  bytes[8] = (Number(bytes[8]) & 0x3f) | 0x80; // variant of RFC 9562
  return hexOf(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * The id in lower case, which is how the API compares ids.
 *
 * @throws InvalidInput - The text is not a UUID in its usual form.
 */
export function parseJobId(text: string): string {
  const id = String(text).toLowerCase();
  if (UUID.test(id)) return id;
  throw new InvalidInput(`a job's id must be a UUID, which start returns, and not '${id.slice(0, 60)}'`);
}

/**
 * Parses an InferenceStatus.
 *
 * @throws ProtocolError - A field of the contract is missing or has another type.
 */
export function parseEvent(fields: unknown): Event {
  return parse("Event", fields) as unknown as Event;
}

/**
 * Parses the answer of getInference.
 *
 * @throws ProtocolError - A field of the contract is missing or has another type.
 */
export function parseSnapshot(fields: unknown): Snapshot {
  const event = parseEvent(fields);
  const {
    output,
    outputOmitted,
    resultUrl: url,
    resultBytes,
    resultSha256,
  } = parse("Snapshot", fields) as Omitted & object;
  return {
    event,
    output: outputOmitted ? null : (output ?? ""),
    stored: url === null ? null : { url, bytes: resultBytes ?? 0, sha256: resultSha256 ?? "" },
  };
}

/**
 * Parses a Cost.
 *
 * @throws ProtocolError - A field of the contract is missing or has another type.
 */
export function parseCost(fields: unknown): Cost {
  return parse("Cost", fields) as unknown as Cost;
}

/**
 * Parses the answer of createUpload.
 *
 * @throws ProtocolError - A field of the contract is missing or has another type.
 */
export function parseUpload(fields: unknown): Upload {
  return parse("Upload", fields) as unknown as Upload;
}
