/** One entry of a GraphQL `errors` list, as AppSync writes it. */
export interface Fault {
  readonly message: string;
  readonly errorType: string | null;
}

/** The root of all errors that this package throws on purpose. The message is one sentence for a person. */
export class LongcallError extends Error {
  override name = "LongcallError";
}

/** The API would refuse the input. Nothing was sent. */
export class InvalidInput extends LongcallError {
  override name = "InvalidInput";
}

/** An address is malformed, or the environment lacks something that the client needs. Nothing was sent. */
export class ConfigurationError extends LongcallError {
  override name = "ConfigurationError";
}

/** The client was closed. Ends every request, upload and watch of this client. */
export class ClientClosed extends LongcallError {
  override name = "ClientClosed";

  constructor() {
    super("the client is closed; create a new one");
  }
}

/** No answer arrived. */
export class Unreachable extends LongcallError {
  override name = "Unreachable";
}

/** The connection was closed, or silent for too long. */
export class ConnectionLost extends Unreachable {
  override name = "ConnectionLost";
}

/** The API refused this caller's token, and a fresh one too. */
export class NotAuthorized extends LongcallError {
  override name = "NotAuthorized";
}

/** The server answered with something that is not in the contract. */
export class ProtocolError extends LongcallError {
  override name = "ProtocolError";
}

/** The error for an answer that lacks what the contract promises. */
export function mismatch(expected: string, found = "none"): ProtocolError {
  return new ProtocolError(
    `expected ${expected} from the API, and found ${found}; check the URL, and that client and API are of one version`,
  );
}

/** GraphQL errors. `errorType` and the message are those of the first one. */
export class RequestRejected extends LongcallError {
  override name = "RequestRejected";
  readonly faults: readonly Fault[];
  readonly errorType: string | null;

  constructor(faults: readonly Fault[]) {
    super(faults[0]?.message ?? "no reason given");
    this.faults = faults;
    this.errorType = faults[0]?.errorType ?? null;
  }

  /** Whether the API's function failed in a way that is probably a bug, so that few retries are enough. */
  get isFault(): boolean {
    return /^(InternalError|Lambda:Unhandled)$/.test(this.errorType ?? "");
  }

  /** Whether the cause is behind the API and not in the request, so that a retry may succeed. */
  get isTransient(): boolean {
    return /^((InternalError|LedgerUnavailable)$|Lambda:|DynamoDB:)/.test(this.errorType ?? "");
  }
}

/** The API has no capacity for the request now. The client has retried it for `Timing.throttled`. */
export class Throttled extends RequestRejected {
  override name = "Throttled";

  override get isTransient(): boolean {
    return true;
  }
}

/** The caller has no such job. The API answers the same about another caller's job. */
export class JobNotFound extends RequestRejected {
  override name = "JobNotFound";

  constructor(jobId: string) {
    const message = `no job ${jobId} was found; check the id, and which user is signed in`;
    super([{ message, errorType: "JobNotFound" }]);
  }
}

/** The API refused the subscription. The connection is still open. */
export class SubscriptionRejected extends RequestRejected {
  override name = "SubscriptionRejected";
}
