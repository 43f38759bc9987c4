// A client that reconnects after its socket was cut: node reconnect.mjs STACK_FILE CLIENT CONNECTION
// It starts its job after it has subscribed for the second time.
import { randomUUID } from "node:crypto";
import { START, WATCH } from "./operations.mjs";
import { print, readStack, said, signIn } from "./stack.mjs";

globalThis.WebSocket ??= (await import("ws")).WebSocket; // browsers and Node 22 have WebSocket

const [stackFile, client, connection] = process.argv.slice(2);
const stack = readStack(stackFile);
const { [connection]: connect } = await import(`./${client}.mjs`);
const api = await connect(stack, await signIn(stack, stack.users[0]));

const jobId = randomUUID();
let times = 0;
api.listen(WATCH, { jobId }, {
  acknowledged: () => {
    print({ part: "subscribed", times: ++times });
    if (times === 2) api.ask(START, { input: { jobId, model: "simulated.story", prompt: "The tide", processTime: 0.5 } });
  },
  pushed: (event) => {
    print({ part: "job", ...event });
    if (event.status === "COMPLETED") process.exit();
  },
  failed: (error) => {
    print({ part: "failed", error: said(error) });
    process.exit();
  },
});
