import { EVENTS, GET, WATCH } from "./operations.mjs";

const TERMINAL = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The first `count` bytes of a text's UTF-8. */
const firstBytes = (text, count) => utf8.decode(new TextEncoder().encode(text).subarray(0, count));

/** The result of a job: in the answer, or at the URL in the answer, which is valid for some minutes. */
async function resultOf({ result, resultUrl }) {
  return resultUrl ? utf8.decode(await (await fetch(resultUrl)).arrayBuffer()) : result;
}

/**
 * Every event of a job's log, once and in order, up to the last one, also if pushes are lost, repeated or reordered.
 *
 * `api` has `ask(query, variables)` and `listen(query, variables, { acknowledged, pushed, failed })`. `begin` starts the
 * job; it is called after the subscription is acknowledged. Each event gets `output`: all output of the job up to it.
 * Milliseconds: `gap` for an event missing from a gap, `silence` for anything at all, `pause` before another try.
 */
export async function* follow(api, jobId, { begin, gap = 300, silence = 5000, pause = 1000 } = {}) {
  const held = new Map(); // events that wait for their turn, by sequence
  let seen = { sequence: 0, attempt: 0, output: "" };
  let due = Infinity; // when to read the log
  let more = false; // the last read returned events, so read on
  let wake = () => {};
  let stop = () => {};
  let retry;

  const readWithin = (ms) => {
    due = Math.min(due, Date.now() + ms);
    wake();
  };
  const take = (event) => {
    if (event.sequence > seen.sequence) held.set(event.sequence, event);
    wake();
  };
  const sleep = (ms) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => resolve(clearTimeout(timer));
    });
  const ask = async (query, variables) => {
    for (let tries = 1; ; tries++) {
      try {
        return await api.ask(query, variables);
      } catch (error) {
        if (tries === 5) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  };
  const subscribed = new Promise((resolve, reject) => {
    const listen = () => {
      stop = api.listen(WATCH, { jobId }, {
        acknowledged: () => {
          resolve();
          readWithin(0); // events before this moment were not pushed to this client
        },
        pushed: take,
        failed: (error) => {
          reject(error); // has an effect only before the first acknowledgement; later, the client subscribes again
          clearTimeout(retry);
          retry = setTimeout(listen, pause);
        },
      });
    };
    listen();
  });

  try {
    await subscribed;
    await begin?.();
    for (;;) {
      for (let next; (next = held.get(seen.sequence + 1)); ) {
        held.delete(next.sequence);
        // A new attempt starts again, or continues after the bytes that it keeps.
        const before = next.attempt === seen.attempt ? seen.output : firstBytes(seen.output, next.outputKept ?? 0);
        const output = before + (next.delta ?? "");
        if (next.resultIsOutput) next = { ...next, result: output };
        else if (next.resultOmitted) next = { ...next, result: await resultOf((await ask(GET, { jobId })).getInference) };
        seen = { ...next, output };
        yield seen;
        if (TERMINAL.has(seen.status)) return;
        due = Date.now() + silence;
      }
      if (held.size > 0) readWithin(gap);
      if (more || Date.now() >= due) {
        const { inferenceEvents: events } = await ask(EVENTS, { jobId, after: seen.sequence });
        more = events.length > 0;
        due = Date.now() + silence;
        events.forEach(take);
      } else {
        await sleep(Math.min(due - Date.now(), silence));
      }
    }
  } finally {
    clearTimeout(retry);
    stop();
  }
}
