import { ConfigurationError } from "./errors.ts";

/** The part of a WebSocket that the client uses. Browsers, Node 22 and newer, and the package `ws` have it. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** A class of sockets, such as `WebSocket`. */
export type SocketClass = new (url: string, protocols: string[]) => Socket;

/** Everything outside the client: the network, time, chance, and the moments at which a page wakes up. */
export interface Environment {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** @throws ConfigurationError - There is no class of sockets. */
  openSocket(url: string, protocols: string[]): Socket;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Calls back once after some milliseconds. Returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
  /** A number from 0 up to 1. */
  random(): number;
  /** Fills an array with random bytes. */
  randomBytes(bytes: Uint8Array): void;
  /**
   * Calls `wake` when the page was asleep or without a network, and `sleep` when it is left and may be restored from the
   * back-forward cache. `wake` follows every `sleep`. Returns what ends both.
   */
  onWake(wake: () => void, sleep: () => void): () => void;
}

const HIDDEN = 5_000; // milliseconds for which a page was hidden, after which its sockets are not trusted

/**
 * The environment of this browser, Node or React Native.
 *
 * @param socket - The class of sockets; by default the global `WebSocket`.
 */
export function hostEnvironment(socket?: SocketClass): Environment {
  return {
    fetch: (url, init) => globalThis.fetch(url, init),
    openSocket: (url, protocols) => {
      const SocketOfHost = socket ?? (globalThis.WebSocket as unknown as SocketClass | undefined);
      if (SocketOfHost !== undefined) return new SocketOfHost(url, protocols);
      throw new ConfigurationError(
        "no WebSocket was found; install the package `ws`, and pass its class as `webSocket`",
      );
    },
    now: () => performance.now(),
    after: (milliseconds, callback) => {
      const timer = setTimeout(callback, Math.min(milliseconds, 2 ** 31 - 1));
      return () => clearTimeout(timer);
    },
    random: Math.random,
    randomBytes: (bytes) => {
      crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
    },
    onWake,
  };
}

function onWake(wake: () => void, sleep: () => void): () => void {
  if (typeof globalThis.addEventListener !== "function") return () => undefined;
  const page = globalThis.document as Document | undefined;
  let hiddenAt = Infinity; // by the clock of the day, which continues while a computer sleeps
  const shown = (): void => {
    if (Date.now() - hiddenAt >= HIDDEN) wake();
    hiddenAt = Infinity;
  };
  const changed = (): void => {
    if (page?.visibilityState === "hidden") hiddenAt = Math.min(hiddenAt, Date.now());
    else shown();
  };
  const left = (): void => {
    hiddenAt = -Infinity;
    sleep();
  };
  const listeners: [EventTarget | undefined, string, () => void][] = [
    [globalThis, "online", wake],
    [globalThis, "pagehide", left],
    [globalThis, "pageshow", shown],
    [page, "visibilitychange", changed],
  ];
  for (const [target, name, listener] of listeners) target?.addEventListener(name, listener);
  return () => {
    for (const [target, name, listener] of listeners) target?.removeEventListener(name, listener);
  };
}
