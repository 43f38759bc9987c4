import type { Client } from "../client.ts";
import { CONNECTING, Follower, type Snapshot, type Source } from "./follower.ts";
import { Frames } from "./frames.ts";

/** The followers of one client: one for each source that somebody listens to. */
export class Followers {
  readonly #frames = new Frames();
  readonly #followers = new Map<string, Follower<unknown>>();

  /** Calls back after each change of the source's snapshot. Returns what ends it. */
  subscribe<T>(source: Source<T>, listener: () => void): () => void {
    const { key } = source;
    let follower = this.#followers.get(key);
    if (follower === undefined) {
      follower = new Follower<unknown>(source as Source<unknown>, this.#frames, () => this.#followers.delete(key));
      this.#followers.set(key, follower);
    }
    return follower.subscribe(listener);
  }

  /** What is known now. Nothing is followed because of it. */
  snapshot<T>({ key }: Source<T>): Snapshot<T> {
    return (this.#followers.get(key)?.snapshot ?? CONNECTING) as Snapshot<T>;
  }

  /** Follows a source again, if that has failed. */
  retry({ key }: Source<unknown>): void {
    this.#followers.get(key)?.retry();
  }
}

const known = new WeakMap<Client, Followers>();

/** The followers of a client, always the same ones. */
export function followersOf(client: Client): Followers {
  let followers = known.get(client);
  if (followers === undefined) {
    followers = new Followers();
    known.set(client, followers);
  }
  return followers;
}
