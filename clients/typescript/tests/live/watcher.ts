// Follows jobs for another program, which writes requests as JSON lines and reads what is shown as JSON lines:
// node watcher.js GRAPHQL_URL
import { createInterface } from "node:readline";
import WebSocket from "ws";
import {
  createClient,
  type JobView,
  LongcallError,
  lambdaToken,
  type SocketClass,
  Unreachable,
} from "../../src/index.ts";
import { isFinal } from "../../src/view.ts";

/** What the other program asks for. `id` is its number of a watcher; `error` is the type of its own error. */
type Request =
  | { readonly type: "follow"; readonly id: number; readonly jobId: string }
  | { readonly type: "detach"; readonly id: number }
  | { readonly type: "token"; readonly id: number; readonly token: string | null; readonly error: string | null };

type Answer = Extract<Request, { type: "token" }>;

interface Following {
  readonly stopping: AbortController;
  /** Those who wait for a token, in the order in which they have asked. */
  readonly asking: ((answer: Answer) => void)[];
}

const graphqlUrl = process.argv[2] as string;
const following = new Map<number, Following>();

function tell(id: number, type: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ id, type, ...fields })}\n`);
}

/** A token from the other program, which answers in order. */
function tokenFor(id: number, { asking }: Following, refresh: boolean): Promise<string> {
  tell(id, "token", { refresh });
  return new Promise((resolve, reject) => {
    asking.push(({ token, error }) => {
      if (token === null) reject(new Unreachable(`no token: ${error}`));
      else resolve(token);
    });
  });
}

async function follow(id: number, jobId: string): Promise<void> {
  const one: Following = { stopping: new AbortController(), asking: [] };
  following.set(id, one);
  const client = createClient({
    graphqlUrl,
    webSocket: WebSocket as unknown as SocketClass,
    authorization: lambdaToken((refresh) => tokenFor(id, one, refresh)),
    timing: { silence: 2_000, longestPause: 1_000 },
    onHeal: ({ milliseconds }) => tell(id, "healed", { milliseconds }),
  });
  try {
    for await (const view of client.watch(jobId, { signal: one.stopping.signal })) tell(id, "shown", shown(view));
    tell(id, "ended");
  } catch (error) {
    if (!(error instanceof LongcallError)) throw error;
    const errorType = "errorType" in error ? error.errorType : null;
    tell(id, "failed", { kind: errorType ?? error.name, message: error.message });
  } finally {
    client.close();
    following.delete(id);
  }
}

function shown(view: JobView): object {
  const { sequence, attempt, status, progress, message, delta, result, error, errorType, usage, cost, metadata } = view;
  return {
    event: {
      sequence,
      attempt,
      status,
      progress,
      message: message ?? "",
      delta,
      output_kept: view.outputKept ?? 0,
      result: result ?? "",
      error: error ?? "",
      error_type: errorType ?? "",
      usage,
      cost,
      metadata,
    },
    isFinal: isFinal(view),
    loggedAt: view.updatedAt,
    output: isFinal(view) ? view.output : null,
  };
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const request = JSON.parse(line) as Request;
  if (request.type === "follow") void follow(request.id, request.jobId);
  else if (request.type === "detach") following.get(request.id)?.stopping.abort();
  else following.get(request.id)?.asking.shift()?.(request);
});
lines.on("close", () => process.exit());
