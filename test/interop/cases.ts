/** What every case of the interop suite is: something that holds of a gateway in front of any of the servers. */
import type { Teardown } from '../support/gateway.js';

export interface Gateway extends Teardown {
  readonly url: string;
  /** Whether the server can tell a client stream that breaks off from one that ends well. */
  readonly tellsBreaks: boolean;
}

export interface InteropCase {
  readonly name: string;
  /** Rejects if it does not hold. */
  check(gateway: Gateway): Promise<void>;
}
