/**
 * Follows long-running jobs behind AWS AppSync, with nothing lost.
 *
 * @module longcall
 */
export { type Authorization, cognitoToken, lambdaToken, type TokenProvider } from "./authorization.ts";
export {
  type Client,
  type ClientOptions,
  type CommonOptions,
  createClient,
  type Page,
  type WatchOptions,
} from "./client.ts";
export type { Environment, Socket, SocketClass } from "./environment.ts";
export {
  ClientClosed,
  ConfigurationError,
  ConnectionLost,
  type Fault,
  InvalidInput,
  JobNotFound,
  LongcallError,
  NotAuthorized,
  ProtocolError,
  RequestRejected,
  SubscriptionRejected,
  Throttled,
  Unreachable,
} from "./errors.ts";
export type { JobInput, Message } from "./input.ts";
export type { Cost, CostItem, Event, Json, Status } from "./model.ts";
export type { Timing } from "./timing.ts";
export { hasEnded, isFinal, type JobView } from "./view.ts";
export type { Heal, Link, OnArrival } from "./watch.ts";
