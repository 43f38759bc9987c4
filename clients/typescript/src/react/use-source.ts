import { useMemo, useSyncExternalStore } from "react";
import { CONNECTING, IDLE, type Snapshot, type Source } from "./follower.ts";
import { followersOf } from "./followers.ts";
import { useLongcall } from "./provider.ts";

/**
 * Follows a source while the component is mounted.
 *
 * @param source - The same object until there is another source; null if there is none.
 * @returns What is known, and what follows the source again after a failure.
 */
export function useSource<T>(source: Source<T> | null): [snapshot: Snapshot<T>, retry: () => void] {
  const followers = followersOf(useLongcall());
  const store = useMemo(() => {
    if (source === null) return { subscribe: () => () => undefined, read: () => IDLE, retry: () => undefined };
    return {
      subscribe: (listener: () => void) => followers.subscribe(source, listener),
      read: () => followers.snapshot(source),
      retry: () => followers.retry(source as Source<unknown>),
    };
  }, [followers, source]);
  const onServer = (): Snapshot<T> => (source === null ? IDLE : CONNECTING); // where nothing is followed
  return [useSyncExternalStore<Snapshot<T>>(store.subscribe, store.read, onServer), store.retry];
}
