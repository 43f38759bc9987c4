import { hostOf } from "./addresses.ts";
import type { UploadHeader } from "./contract.ts";
import type { Environment } from "./environment.ts";
import { ClientClosed, ProtocolError, Unreachable } from "./errors.ts";
import { hexOf, type StoredResult } from "./model.ts";
import { Stop } from "./stop.ts";

/**
 * Sends and reads contents that are too large for a request, at addresses that the API signs. Such an address appears
 * in no error, and the caller's token is not sent to it.
 */
export class Objects {
  readonly #environment: Environment;
  readonly #closing: Stop = new Stop();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Ends all transfers. None can begin afterwards. */
  close(): void {
    this.#closing.stop();
  }

  /**
   * Sends a content.
   *
   * @throws Unreachable - The store does not answer, or refuses the content.
   * @throws ClientClosed - The client was closed.
   */
  async send(url: string, headers: readonly UploadHeader[], content: Uint8Array): Promise<void> {
    const named = headers.map(({ name, value }): [string, string] => [name, value]);
    await this.#transfer(url, { method: "PUT", headers: named, body: content as Uint8Array<ArrayBuffer> });
  }

  /**
   * A stored result, checked against its size and digest in the log.
   *
   * @throws Unreachable - The store does not answer, or refuses to send the result.
   * @throws ProtocolError - The stored content is not the one in the log.
   * @throws ClientClosed - The client was closed.
   */
  async read({ url, bytes, sha256 }: StoredResult): Promise<string> {
    const content = await this.#transfer(url, { method: "GET" });
    if (content.length !== bytes || (await digest(content)) !== sha256) {
      throw new ProtocolError(
        `the result at ${hostOf(url)} is not the one that the log describes; ask the API's operator`,
      );
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(content);
  }

  /** The body of the answer. */
  async #transfer(url: string, init: RequestInit): Promise<Uint8Array> {
    if (this.#closing.isStopped) throw new ClientClosed();
    const transfer = new AbortController();
    const forget = this.#closing.on(() => transfer.abort());
    try {
      const response = await this.#environment.fetch(url, { ...init, signal: transfer.signal });
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      throw new Unreachable(
        `${hostOf(url)} answered with HTTP status ${response.status}: its signed URL may have expired; try again`,
      );
    } catch (error) {
      if (this.#closing.isStopped) throw new ClientClosed();
      throw error instanceof Unreachable ? error : new Unreachable(`no answer from ${hostOf(url)}; check the network`);
    } finally {
      forget();
    }
  }
}

/** SHA-256 in hex. */
export async function digest(content: Uint8Array): Promise<string> {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", content as Uint8Array<ArrayBuffer>)));
}
