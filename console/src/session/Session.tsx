import { type Client, createClient, type Link, lambdaToken, type TokenProvider } from "longcall";
import { watchAll } from "longcall/jobs";
import { listModels, type Model } from "longcall/models";
import { createContext, type ReactNode, use, useEffect, useState, useSyncExternalStore } from "react";
import { Recording } from "../delivery/recording.ts";
import { JobList } from "../jobs/jobList.ts";
import { Drafts } from "../start/draft.ts";
import type { Configuration } from "./configuration.ts";

const MOST_RECORDINGS = 8; // jobs whose records are kept when the user leaves their page

/** One signed-in user: the client, and what this page has learned through it. */
export interface Session {
  readonly configuration: Configuration;
  readonly user: string;
  readonly client: Client;
  readonly tokens: TokenProvider;
  readonly jobs: JobList;
  readonly drafts: Drafts;
  /** The models that the API runs, asked for once. */
  readonly models: () => Promise<readonly Model[]>;
  recording(jobId: string): Recording;
  readonly link: LinkState;
}

/** Whether pushes arrive: `idle` while nothing is watched. */
export class LinkState {
  #state: Link | "idle" = "idle";
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): Link | "idle" => this.#state;

  set(state: Link): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

const Context = createContext<Session | null>(null);

/** The session of the signed-in user. */
export function useSession(): Session {
  const session = use(Context);
  if (session === null) throw new Error("useSession needs a SessionProvider above it");
  return session;
}

/** Whether pushes arrive now. */
export function useLink(): Link | "idle" {
  const { link } = useSession();
  return useSyncExternalStore(link.subscribe, link.getSnapshot);
}

/** Provides the session of a user. It ends, with everything that it watches, when the user changes. */
export function SessionProvider(props: {
  readonly configuration: Configuration;
  readonly user: string;
  readonly tokens: TokenProvider;
  readonly children: ReactNode;
}): ReactNode {
  const { configuration, user, tokens } = props;
  const [session, setSession] = useState<Session | null>(null);
  useEffect(() => {
    const opened = openSession(configuration, user, tokens);
    setSession(opened);
    return () => {
      opened.jobs.stop();
      opened.client.close();
    };
  }, [configuration, user, tokens]);
  return session?.user === user && <Context value={session}>{props.children}</Context>;
}

function openSession(configuration: Configuration, user: string, tokens: TokenProvider): Session {
  const link = new LinkState();
  const { graphqlUrl, realtimeUrl } = configuration;
  const options = { graphqlUrl, realtimeUrl, authorization: lambdaToken(tokens), onLink: (it: Link) => link.set(it) };
  const client = createClient(options);
  const jobs = new JobList(client, (limit, signal) => watchAll(client, { limit, signal }));
  let models: Promise<readonly Model[]> | null = null;
  const recordings = new Map<string, Recording>();
  const recording = (jobId: string): Recording => {
    const known = recordings.get(jobId) ?? new Recording(client, jobId);
    recordings.delete(jobId); // the newest is the last
    recordings.set(jobId, known);
    const [oldest] = recordings.keys();
    if (recordings.size > MOST_RECORDINGS && oldest !== undefined) {
      recordings.get(oldest)?.stop();
      recordings.delete(oldest);
    }
    return known;
  };
  return {
    configuration,
    user,
    client,
    tokens,
    jobs,
    drafts: new Drafts(),
    models: () => (models ??= listModels(options)),
    recording,
    link,
  };
}
