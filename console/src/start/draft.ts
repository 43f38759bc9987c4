import type { JobInput, Json, Message } from "longcall";

/** The start form as the user sees it: texts as they were typed. */
export interface Draft {
  readonly model: string;
  readonly form: "prompt" | "conversation";
  readonly prompt: string;
  readonly turns: readonly Turn[];
  /** The options' texts by name; an empty one is left out. */
  readonly options: Readonly<Record<string, string>>;
  readonly maxCost: string;
  readonly metadata: string;
}

/** One message of a conversation. The first is the user's, then they take turns. */
export interface Turn {
  readonly text: string;
  readonly images: readonly Uint8Array[];
}

/** Options that are numbers; the others are texts. */
export const NUMBERS = ["maxTokens", "temperature", "topP", "processTime"] as const;
/** Options in the order of the form. */
export const OPTIONS = ["system", "maxTokens", "temperature", "topP", "processTime", "stopSequences"] as const;

export const EMPTY_DRAFT: Draft = {
  model: "simulated.story",
  form: "prompt",
  prompt: "",
  turns: [{ text: "", images: [] }],
  options: {},
  maxCost: "",
  metadata: "",
};

/** The metadata of a draft; undefined if its text is not JSON. */
export function parseMetadata(text: string): Json | undefined {
  if (text.trim() === "") return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/**
 * What a draft asks for.
 *
 * @param accepted - The options that the model takes; others are left out.
 * @param parent - The job that is run again, which the new job's metadata names; null for a new job.
 */
export function inputOf(draft: Draft, accepted: readonly string[], parent: string | null): JobInput {
  const has = (name: string): boolean => accepted.includes(name) && (draft.options[name] ?? "").trim() !== "";
  const numbers = NUMBERS.filter(has).map((name) => [name, Number(draft.options[name])]);
  const metadata = withParent(parseMetadata(draft.metadata) ?? null, parent);
  const stops = (draft.options.stopSequences ?? "").split("\n").filter(Boolean);
  return {
    model: draft.model.trim(),
    ...(draft.form === "prompt" ? { prompt: draft.prompt } : { messages: messagesOf(draft.turns) }),
    ...(has("system") && { system: draft.options.system as string }),
    ...Object.fromEntries(numbers),
    ...(has("stopSequences") && { stopSequences: stops }),
    ...(draft.maxCost.trim() !== "" && { maxCost: Number(draft.maxCost) }),
    ...(metadata !== null && { metadata }),
  };
}

function messagesOf(turns: readonly Turn[]): readonly Message[] {
  return turns.map(({ text, images }, index) => ({
    role: index % 2 === 0 ? "USER" : "ASSISTANT",
    text,
    ...(images.length > 0 && { images }),
  }));
}

/** Metadata that names the parent, unless it is a value without names. */
function withParent(metadata: Json, parent: string | null): Json {
  if (parent === null) return metadata;
  if (metadata === null) return { parentJobId: parent };
  const isObject = typeof metadata === "object" && !Array.isArray(metadata);
  return isObject ? { ...(metadata as { readonly [name: string]: Json }), parentJobId: parent } : metadata;
}

/** The drafts of the jobs that this page has started. The API returns no inputs, and nothing is stored on disk. */
export class Drafts {
  readonly #drafts = new Map<string, Draft>();

  keep(jobId: string, draft: Draft): void {
    this.#drafts.set(jobId, draft);
  }

  of(jobId: string): Draft | undefined {
    return this.#drafts.get(jobId);
  }
}
