import type { Event, Json } from "longcall";

/** Which jobs are shown. It is the query of the page's address, so that Back and links keep it. */
export interface Filters {
  /** One status; empty for all. */
  readonly status: string;
  /** A part of the model's name. */
  readonly model: string;
  /** The greatest age, such as `1h`; empty for all. */
  readonly age: string;
  /** Words that the id, model, message, error or metadata contain, all of them. `name:value` is a metadata member. */
  readonly text: string;
}

export const STATUSES = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"] as const;
export const AGES: Readonly<Record<string, number>> = {
  "15m": 900_000,
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 604_800_000,
};

/** The filters of a query. Unknown values count as none. */
export function parseFilters(query: string): Filters {
  const values = new URLSearchParams(query);
  const status = (values.get("status") ?? "").toUpperCase();
  const age = values.get("age") ?? "";
  return {
    status: (STATUSES as readonly string[]).includes(status) ? status : "",
    model: values.get("model") ?? "",
    age: age in AGES ? age : "",
    text: values.get("q") ?? "",
  };
}

/** The query of filters, with `?`; empty if there are none. */
export function renderFilters({ status, model, age, text }: Filters): string {
  const values = new URLSearchParams();
  if (status) values.set("status", status.toLowerCase());
  if (model) values.set("model", model);
  if (age) values.set("age", age);
  if (text) values.set("q", text);
  const query = values.toString();
  return query === "" ? "" : `?${query}`;
}

/** The jobs that the filters show. */
export function filtered(jobs: readonly Event[], filters: Filters, now: number): readonly Event[] {
  const { status, model, age, text } = filters;
  if (!status && !model && !age && !text.trim()) return jobs;
  const wantedModel = model.toLowerCase();
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const since = age ? now - (AGES[age] ?? 0) : 0;
  return jobs.filter(
    (job) =>
      (!status || job.status === status) &&
      job.model.toLowerCase().includes(wantedModel) &&
      (!age || Date.parse(job.createdAt ?? "") >= since) &&
      words.every((word) => contains(job, word)),
  );
}

function contains(job: Event, word: string): boolean {
  const [name = "", value] = word.split(/:(.*)/s);
  if (value !== undefined && memberOf(job.metadata, name).includes(value)) return true;
  const metadata = job.metadata === null ? "" : JSON.stringify(job.metadata);
  return [job.jobId, job.model, job.message ?? "", job.error ?? "", job.errorType ?? "", metadata].some((text) =>
    text.toLowerCase().includes(word),
  );
}

/** The text of a metadata member, in lower case. */
function memberOf(metadata: Json, name: string): string {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return "";
  const [, value] = Object.entries(metadata).find(([key]) => key.toLowerCase() === name) ?? [];
  return value === undefined ? "" : (typeof value === "string" ? value : JSON.stringify(value)).toLowerCase();
}
