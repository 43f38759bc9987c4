// One job, followed through a network that loses pushes: node heal.mjs STACK_FILE CLIENT CONNECTION SILENCE WORDS [MODEL]
import { randomUUID } from "node:crypto";
import { follow } from "./follow.mjs";
import { START } from "./operations.mjs";
import { print, readStack, signIn } from "./stack.mjs";

globalThis.WebSocket ??= (await import("ws")).WebSocket; // browsers and Node 22 have WebSocket

const [stackFile, client, connection, silence, maxTokens, model = "simulated.story"] = process.argv.slice(2);
const stack = readStack(stackFile);
const { [connection]: connect } = await import(`./${client}.mjs`);
const api = await connect(stack, await signIn(stack, stack.users[0]));

const jobId = randomUUID();
const input = { jobId, model, prompt: "The tide", processTime: 4, maxTokens: Number(maxTokens) };
const timing = { silence: Number(silence), pause: 100 };

const begin = () => api.ask(START, { input });
for await (const event of follow(api, jobId, { begin, ...timing })) print(event);
process.exit();
