import type { Environment } from "../environment.ts";
import { ClientClosed, ConnectionLost } from "../errors.ts";
import { isObject } from "../faults.ts";
import type { Emitted, Listening } from "../realtime.ts";
import type { Variables } from "../requests.ts";
import { Stop } from "../stop.ts";
import type { Timing } from "../timing.ts";
import type { Foreign } from "./client.ts";

/** Listens to the subscriptions of another client, which opens and closes its connection by itself. */
export class AdaptedListening implements Listening {
  readonly #foreign: Foreign;
  readonly #timing: Timing;
  readonly #environment: Environment;
  #turn: Stop = new Stop();
  #isClosed = false;
  #awake: Promise<void> = Promise.resolve();
  #rouse: () => void = () => undefined;

  constructor(foreign: Foreign, timing: Timing, environment: Environment) {
    this.#foreign = foreign;
    this.#timing = timing;
    this.#environment = environment;
  }

  async listen(query: string, variables: Variables, emit: (event: Emitted) => void, stop: Stop): Promise<void> {
    for (;;) {
      await this.#awake;
      if (this.#isClosed) throw new ClientClosed();
      const turn = this.#turn;
      const error = await this.#subscribed(query, variables, emit, stop, turn);
      if (error === null) return;
      if (!turn.isStopped || this.#isClosed) throw error;
    }
  }

  /** Subscribes again to everything. */
  reconnect(): void {
    this.#turn.stop();
    this.#turn = new Stop();
    this.#rouse();
  }

  /** Ends every subscription until `reconnect`. */
  sleep(): void {
    this.reconnect();
    this.#awake = new Promise((resolve) => {
      this.#rouse = resolve;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.reconnect();
  }

  closeIdle(): void {
    // The other client owns its connection.
  }

  /** One subscription up to its end. Returns why it has ended; null if it was stopped. */
  async #subscribed(
    query: string,
    variables: Variables,
    emit: (event: Emitted) => void,
    stop: Stop,
    turn: Stop,
  ): Promise<Error | null> {
    const endings: (() => void)[] = [];
    const error = await new Promise<Error | null>((resolve) => {
      let isAcknowledged = false;
      endings.push(
        this.#environment.after(this.#timing.answer, () => {
          if (!isAcknowledged) resolve(new ConnectionLost("the subscription was not acknowledged; check its settings"));
        }),
        this.#foreign.subscribe(query, variables, {
          acknowledged: () => {
            isAcknowledged = true;
            emit({ type: "acknowledged" });
          },
          // An API may push an event right after the acknowledgement, which the other client reports in its own time.
          pushed: (fields) => emit({ type: "pushed", id: "", fields: isObject(fields) ? fields : null }),
          failed: resolve,
        }),
        turn.on(() => resolve(new ConnectionLost("the page was asleep"))),
        stop.on(() => resolve(null)),
      );
    });
    for (const end of endings) end();
    return error;
  }
}
