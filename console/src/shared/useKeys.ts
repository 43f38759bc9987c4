import { useEffect, useRef } from "react";

/** What keys do, by `KeyboardEvent.key`. */
export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Handles keys of the whole page, except while the user writes, or an input method composes. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    const handle = (event: KeyboardEvent): void => {
      const { target } = event;
      const isTaken = event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey;
      if (isTaken || (target instanceof Element && usesKey(target, event.key))) return;
      if (document.querySelector("dialog[open]") !== null) return;
      const act = latest.current[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act(event);
    };
    addEventListener("keydown", handle);
    return () => removeEventListener("keydown", handle);
  }, []);
}

/** Whether the focused element needs a key itself. */
function usesKey(element: Element, key: string): boolean {
  if (element.matches("input[type=range]")) return key.startsWith("Arrow") || key === "End" || key === "Home";
  if (element.matches("input, textarea, select, [contenteditable]")) return true;
  return element.matches("button, a, summary, [role=tab]") && (key === "Enter" || key === " ");
}
