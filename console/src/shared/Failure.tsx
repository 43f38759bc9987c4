import type { ReactNode } from "react";
import { Icon } from "./Icon.tsx";

/** A failure that replaces what should have been shown: what failed, why, and what can be done. */
export function Failure(props: {
  readonly title: string;
  readonly error: unknown;
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <div className="notice" role="alert">
      <Icon name="alert" />
      <h1>{props.title}</h1>
      <p>{messageOf(props.error)}</p>
      {props.children}
    </div>
  );
}

/** The sentence of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
