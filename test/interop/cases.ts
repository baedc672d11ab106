/** The form of every case of the interop suite: a fact about a gateway in front of any of the servers. */
import type { Teardown } from '../support/gateway.js';

export interface Gateway extends Teardown {
  readonly url: string;
  /** True if the server can distinguish a client stream that breaks off from one that ends normally. */
  readonly tellsBreaks: boolean;
}

export interface InteropCase {
  readonly name: string;
  /** Rejects if the fact is not true. */
  check(gateway: Gateway): Promise<void>;
}
