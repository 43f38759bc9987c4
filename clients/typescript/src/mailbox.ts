import type { Environment } from "./environment.ts";

/** A queue of messages for one reader, who waits for the next one until some time. */
export class Mailbox<T> {
  readonly #environment: Environment;
  readonly #messages: T[] = [];
  #wake: (() => void) | null = null;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Adds a message. */
  put(message: T): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  /** The next message; undefined if none comes until this time. */
  async next(until: number = Infinity): Promise<T | undefined> {
    if (this.#messages.length === 0) await this.#message(until);
    return this.#messages.shift();
  }

  #message(until: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = Number.isFinite(until)
        ? this.#environment.after(Math.max(0, until - this.#environment.now()), () => this.#wake?.())
        : () => undefined;
      this.#wake = () => {
        this.#wake = null;
        cancel();
        resolve();
      };
    });
  }
}
