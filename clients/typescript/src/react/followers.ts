import type { Client } from "../client.ts";
import { CONNECTING, Follower, IDLE, type Snapshot } from "./follower.ts";
import { Frames } from "./frames.ts";

/** The followers of one client: one for each job that somebody listens to. */
export class Followers {
  readonly #client: Client;
  readonly #frames = new Frames();
  readonly #followers = new Map<string, Follower>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Calls back after each change of the job's snapshot. Returns what ends it. Null is no job. */
  subscribe(jobId: string | null, listener: () => void): () => void {
    if (jobId === null) return () => undefined;
    const key = keyOf(jobId);
    let follower = this.#followers.get(key);
    if (follower === undefined) {
      follower = new Follower(this.#client, jobId, this.#frames, () => this.#followers.delete(key));
      this.#followers.set(key, follower);
    }
    return follower.subscribe(listener);
  }

  /** What is known of a job now. Nothing is followed because of it. */
  snapshot(jobId: string | null): Snapshot {
    if (jobId === null) return IDLE;
    return this.#followers.get(keyOf(jobId))?.snapshot ?? CONNECTING;
  }

  /** Follows a job again, if that has failed. */
  retry(jobId: string | null): void {
    if (jobId !== null) this.#followers.get(keyOf(jobId))?.retry();
  }
}

const known = new WeakMap<Client, Followers>();

/** The followers of a client, always the same ones. */
export function followersOf(client: Client): Followers {
  let followers = known.get(client);
  if (followers === undefined) {
    followers = new Followers(client);
    known.set(client, followers);
  }
  return followers;
}

function keyOf(jobId: string): string {
  return jobId.toLowerCase(); // as the API compares ids
}
