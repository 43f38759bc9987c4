/** A fault that the sliders set, its largest value, and the step between two values. Rates are shares; `delay` is in seconds. */
export const FAULTS = {
  drop: { most: 1, step: 0.05 },
  duplicate: { most: 1, step: 0.05 },
  reorder: { most: 1, step: 0.05 },
  delay: { most: 5, step: 0.1 },
  disconnect: { most: 0.2, step: 0.01 },
  crash: { most: 0.5, step: 0.05 },
} as const;

export type Fault = keyof typeof FAULTS;
export const NAMES = Object.keys(FAULTS) as readonly Fault[];

/** How strong each fault is; 0 is off. */
export type Strengths = Readonly<Record<Fault, number>>;

export const CALM: Strengths = { drop: 0, duplicate: 0, reorder: 0, delay: 0, disconnect: 0, crash: 0 };
export const HARSH: Strengths = { drop: 0.4, duplicate: 0.2, reorder: 0.3, delay: 0.3, disconnect: 0, crash: 0 };

/** The specification of the stack's faults, as docs/chaos.md describes it. */
export function renderSpec(strengths: Strengths): string {
  return NAMES.filter((name) => strengths[name] > 0)
    .map((name) => `${name}=${Number(strengths[name].toFixed(2))}${name === "delay" ? "s" : ""}`)
    .join(",");
}

/** The strengths of a specification. Faults without a slider are left out. */
export function parseSpec(spec: string): Strengths {
  const values = new Map(spec.split(",").map((part) => part.split("=") as [string, string | undefined]));
  const strength = (name: Fault): number => Number.parseFloat(values.get(name) ?? "0") || 0;
  return Object.fromEntries(NAMES.map((name) => [name, strength(name)])) as Record<Fault, number>;
}

/** The stack's faults: what is on, and how often each has happened since the stack was started. */
export interface Chaos {
  readonly spec: string;
  readonly counts: Readonly<Record<string, number>>;
}

const PATH = "/chaos";

/**
 * The faults that are on.
 *
 * @throws Error - The stack does not offer them.
 */
export async function readChaos(): Promise<Chaos> {
  return answered(await fetch(PATH));
}

/**
 * Sets the faults.
 *
 * @throws Error - The stack refuses them.
 */
export async function setChaos(strengths: Strengths): Promise<Chaos> {
  return answered(await fetch(PATH, { method: "PUT", body: renderSpec(strengths) }));
}

async function answered(response: Response): Promise<Chaos> {
  const answer = (await response.json()) as Chaos & { readonly error?: string };
  if (!response.ok) throw new Error(answer.error ?? `HTTP status ${response.status}`);
  return answer;
}
