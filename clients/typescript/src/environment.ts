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
  openSocket(url: string, protocols: string[]): Socket;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Calls back once after some milliseconds. Returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
  /** A number from 0 up to 1. */
  random(): number;
  /** Fills an array with random bytes. */
  randomBytes(bytes: Uint8Array): void;
  /** Calls back when the page was asleep or without a network. Returns what ends it. */
  onWake(callback: () => void): () => void;
}

const HIDDEN = 5_000; // milliseconds for which a page was hidden, after which its sockets are not trusted

/**
 * The environment of this browser, Node or React Native.
 *
 * @param socket - The class of sockets; by default the global `WebSocket`.
 * @throws ConfigurationError - There is no class of sockets.
 */
export function hostEnvironment(socket?: SocketClass): Environment {
  const SocketOfHost = socket ?? (globalThis.WebSocket as unknown as SocketClass | undefined);
  if (SocketOfHost === undefined) {
    throw new ConfigurationError(
      "this environment has no WebSocket; install the package `ws`, and pass its class: createClient({ webSocket: WebSocket, … })",
    );
  }
  return {
    fetch: (url, init) => globalThis.fetch(url, init),
    openSocket: (url, protocols) => new SocketOfHost(url, protocols),
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

function onWake(callback: () => void): () => void {
  if (typeof globalThis.addEventListener !== "function") return () => undefined;
  const page = globalThis.document as Document | undefined;
  let hiddenAt = Number.POSITIVE_INFINITY;
  const shown = (): void => {
    if (page?.visibilityState === "hidden") {
      hiddenAt = performance.now();
      return;
    }
    if (performance.now() - hiddenAt >= HIDDEN) callback();
    hiddenAt = Number.POSITIVE_INFINITY;
  };
  const restored = (event: PageTransitionEvent): void => {
    if (event.persisted) callback();
  };
  globalThis.addEventListener("online", callback);
  globalThis.addEventListener("pageshow", restored);
  page?.addEventListener("visibilitychange", shown);
  return () => {
    globalThis.removeEventListener("online", callback);
    globalThis.removeEventListener("pageshow", restored);
    page?.removeEventListener("visibilitychange", shown);
  };
}
