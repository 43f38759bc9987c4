// The life of a job through one client: node life.mjs STACK_FILE CLIENT CONNECTION
// CLIENT is amplify, apollo or urql; CONNECTION is one of the functions that its module exports.
import { randomUUID } from "node:crypto";
import { CANCEL, GET, START, WATCH } from "./operations.mjs";
import { askDirectly, print, readStack, signIn } from "./stack.mjs";

globalThis.WebSocket ??= (await import("ws")).WebSocket; // browsers and Node 22 have WebSocket

const [stackFile, client, connection] = process.argv.slice(2);
const stack = readStack(stackFile);
const [me, somebody] = stack.users;
const { [connection]: connect } = await import(`./${client}.mjs`);
const api = await connect(stack, connection === "withUserPool" ? me : await signIn(stack, me));

/** Subscribe to a job and print its events as those of `part`; `reached(status)` is a promise. */
async function watch(part, jobId) {
  const waiting = new Map();
  await new Promise((acknowledged, refused) => {
    api.listen(WATCH, { jobId }, {
      acknowledged,
      pushed: (event) => {
        print({ part, ...event });
        waiting.get(event.status)?.();
      },
      failed: refused,
    });
  });
  print({ part, subscribed: true });
  return { reached: (status) => new Promise((resolve) => waiting.set(status, resolve)) };
}

const start = (input) => ({ input: { model: "simulated.story", prompt: "The tide", ...input } });

// Another user's job: this user may subscribe to it, and receives nothing.
const foreignId = randomUUID();
const foreignToken = await signIn(stack, somebody);
await watch("foreign", foreignId);
await askDirectly(stack, foreignToken, START, start({ jobId: foreignId, processTime: 0.2, maxTokens: 20 }));

// This user's own job, from its start to its end.
const jobId = randomUUID();
const job = await watch("job", jobId);
const completed = job.reached("COMPLETED");
const metadata = JSON.stringify({ order: 7 });
const started = await api.ask(START, start({ jobId, processTime: 1, maxTokens: 60, metadata }));
print({ part: "started", ...started.startInference });
await completed;
print({ part: "read", ...(await api.ask(GET, { jobId })).getInference });

// Another job, cancelled while it runs. Its events arrive after anything that could arrive about the other user's job.
let theirs;
do theirs = (await askDirectly(stack, foreignToken, GET, { jobId: foreignId })).getInference;
while (theirs.status !== "COMPLETED");
print({ part: "theirs", ...theirs });
print({ part: "mine", job: (await api.ask(GET, { jobId: foreignId })).getInference });
const longId = randomUUID();
const long = await watch("cancelled", longId);
const [running, cancelled] = [long.reached("PROCESSING"), long.reached("CANCELLED")];
await api.ask(START, start({ jobId: longId, processTime: 60 }));
await running;
print({ part: "cancel", ...(await api.ask(CANCEL, { jobId: longId })).cancelInference });
await cancelled;
if (api.methods) print({ part: "methods", used: [...api.methods] });
process.exit(); // Amplify keeps a timer of 15 s for every connection
