import { EVENTS, GET, WATCH } from "./operations.mjs";

const TERMINAL = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

/**
 * Every event of a job's log, once each and in order, to the last one, whatever the pushes lose, repeat or reorder.
 *
 * `api` has `ask(query, variables)` and `listen(query, variables, { acknowledged, pushed, failed })`. `begin` starts the
 * job; it is called once the subscription stands. `output` is added to each event: all that the job has put out so far.
 * Milliseconds: `patience` for an event missing from a gap, `silence` for anything at all, `pause` before another try.
 */
export async function* follow(api, jobId, { begin, patience = 300, silence = 5000, pause = 1000 } = {}) {
  const held = new Map(); // events that wait for their turn, by sequence
  let seen = { sequence: 0, attempt: 0, output: "" };
  let due = Infinity; // when to read the log
  let awaken = () => {};
  let stop = () => {};
  let retry;

  const readIn = (ms) => {
    due = Math.min(due, Date.now() + ms);
    awaken();
  };
  const take = (event) => {
    if (event.sequence > seen.sequence) held.set(event.sequence, event);
    awaken();
  };
  const subscribed = new Promise((acknowledged, refused) => {
    const listen = () => {
      stop = api.listen(WATCH, { jobId }, {
        acknowledged: () => {
          acknowledged();
          readIn(0); // what happened before this moment was pushed to nobody
        },
        pushed: take,
        failed: (error) => {
          refused(error); // counts until the first acknowledgement; after it, the subscription is asked for again
          clearTimeout(retry);
          retry = setTimeout(listen, pause);
        },
      });
    };
    listen();
  });

  const somethingOr = (ms) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      awaken = () => resolve(clearTimeout(timer));
    });

  try {
    await subscribed;
    await begin?.();
    for (let more = false, failures = 0; ; ) {
      for (let next; (next = held.get(seen.sequence + 1)); ) {
        held.delete(next.sequence);
        if (next.resultOmitted) next = (await api.ask(GET, { jobId })).getInference; // too large for a push
        const before = next.attempt === seen.attempt ? seen.output : ""; // a new attempt starts again
        seen = { ...next, output: before + (next.delta ?? "") };
        yield seen;
        if (TERMINAL.has(seen.status)) return;
        due = Date.now() + silence;
      }
      if (held.size > 0) readIn(patience);
      if (!more && Date.now() < due) {
        await somethingOr(Math.min(due - Date.now(), silence));
        continue;
      }
      try {
        const { inferenceEvents: events } = await api.ask(EVENTS, { jobId, after: seen.sequence });
        more = events.length > 0;
        due = Date.now() + silence;
        failures = 0;
        events.forEach(take);
      } catch (error) {
        if (++failures === 5) throw error;
        due = Date.now() + pause;
        more = false;
      }
    }
  } finally {
    clearTimeout(retry);
    stop();
  }
}
