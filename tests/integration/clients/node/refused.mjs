// The errors of a client with a refused token: node refused.mjs STACK_FILE CLIENT CONNECTION
import { randomUUID } from "node:crypto";
import { GET, WATCH } from "./operations.mjs";
import { forged, print, readStack, said, signIn } from "./stack.mjs";

globalThis.WebSocket ??= (await import("ws")).WebSocket; // browsers and Node 22 have WebSocket

const [stackFile, client, connection] = process.argv.slice(2);
const stack = readStack(stackFile);
const { [connection]: connect } = await import(`./${client}.mjs`);
const api = await connect(stack, forged(await signIn(stack, stack.users[0])));
const jobId = randomUUID();

await api.ask(GET, { jobId }).then(
  () => print({ part: "asked", error: null }),
  (error) => print({ part: "asked", error: said(error) }),
);
await new Promise((done) => {
  api.listen(WATCH, { jobId }, {
    acknowledged: () => done(print({ part: "listened", error: null })),
    pushed: () => {},
    failed: (error) => done(print({ part: "listened", error: said(error) })),
  });
});
process.exit();
