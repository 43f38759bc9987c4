// Follows jobs on a running stack, and prints what was shown of each as a JSON line:
// node tests/live/job.ts STACK.json NUMBER SECONDS [amplify|apollo]
import { createHash, randomUUID } from "node:crypto";
import type { JobView } from "../../src/index.ts";
import { watchAll } from "../../src/jobs/index.ts";
import { amplifyOf, apolloOf } from "./adapters.ts";
import { clientOf } from "./stack.ts";

const [path = "", number, seconds, through] = process.argv.slice(2);
let heals = 0;
const options = {
  onHeal: () => {
    heals += 1;
  },
};
const connect = through === "amplify" ? amplifyOf : through === "apollo" ? apolloOf : clientOf;
const client = await connect(path, options);

async function follow(jobId: string, index: number): Promise<object> {
  let last: JobView | null = null;
  const sequences: number[] = [];
  const statuses = new Set<string>();
  const input = { prompt: `Job ${index}: 日本語 😀`, model: "simulated.story", processTime: Number(seconds) };
  for await (const view of client.run({ ...input, jobId, metadata: { index } })) {
    last = view;
    sequences.push(view.sequence);
    statuses.add(view.status);
  }
  const { status, output, result, metadata } = last as unknown as JobView;
  const sha256 = createHash("sha256").update(output).digest("hex");
  const inOrder = sequences.every((sequence, at) => sequence === at + 1);
  return { jobId, status, sha256, isResult: result === output, inOrder, statuses: [...statuses], metadata };
}

/** How many of the caller's jobs the live list shows as completed, once it shows all of these. */
async function listed(ids: ReadonlySet<string>): Promise<number> {
  for await (const jobs of watchAll(client)) {
    const completed = jobs.filter(({ jobId, status }) => ids.has(jobId) && status === "COMPLETED");
    if (completed.length === ids.size) return completed.length;
  }
  return 0;
}

const ids = new Set(Array.from({ length: Number(number) }, () => randomUUID()));
const inList = listed(ids);
const shown = await Promise.all([...ids].map(follow));
for (const line of shown) process.stdout.write(`${JSON.stringify(line)}\n`);
const { jobs } = await client.list({ limit: 5 });
const { total } = await client.quote({ prompt: "Hi", model: "simulated.story" });
process.stdout.write(`${JSON.stringify({ heals, listed: jobs.length, total, inList: await inList })}\n`);
client.close();
process.exit(); // Amplify keeps a timer of 15 s for every connection
