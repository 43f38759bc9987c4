import { createContext, createElement, type ReactNode, useContext } from "react";
import type { Client } from "../client.ts";
import { ConfigurationError } from "../errors.ts";

const ClientContext = createContext<Client | null>(null);

/** Gives a client to all hooks below it. Create the client once, outside of components. */
export function LongcallProvider({ client, children }: { client: Client; children?: ReactNode }): ReactNode {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/**
 * The client of the nearest provider.
 *
 * @throws ConfigurationError - There is no provider above the component.
 */
export function useLongcall(): Client {
  const client = useContext(ClientContext);
  if (client !== null) return client;
  throw new ConfigurationError("no client was found; put <LongcallProvider client={…}> around this component");
}
