/** Starts a transport for tests, with defaults for everything that a test does not set. */
import { type Clock, systemClock } from '../../src/base/clock.js';
import type { CallRequest, CallResponse } from '../../src/call/call.js';
import type { Endpoint } from '../../src/upstream/endpoint.js';
import { parseTarget } from '../../src/upstream/target.js';
import type { TlsSettings, Transport, TransportFactory } from '../../src/upstream/transport.js';

export interface TransportTestOptions {
  readonly tls?: TlsSettings;
  /** The most bytes of a message; 1 MiB by default. */
  readonly maxResponseBytes?: number;
  readonly clock?: Clock;
}

export interface TestTransport extends Transport {
  call(request: CallRequest, maxResponseBytes?: number): Promise<CallResponse>;
  connect(maxResponseBytes?: number): Promise<void>;
}

export function openTransport(
  create: TransportFactory,
  target: string,
  { tls, maxResponseBytes = 1024 * 1024, clock = systemClock }: TransportTestOptions = {},
): TestTransport {
  const transport = create({ endpoint: endpointOf(target), ...(tls === undefined ? {} : { tls }) }, clock);
  return {
    call: (request, most = maxResponseBytes) => transport.call(request, most),
    connect: (most = maxResponseBytes) => transport.connect(most),
    state: () => transport.state(),
    running: () => transport.running(),
    close: (graceMs) => transport.close(graceMs),
  };
}

/** Returns the one endpoint of a target. */
function endpointOf(target: string): Endpoint {
  const parsed = parseTarget(target);
  if (parsed.kind === 'name') return { kind: 'tcp', host: parsed.name, port: parsed.port };
  const [endpoint] = parsed.endpoints;
  if (endpoint === undefined) throw new Error(`expected an address, got ${target}`);
  return endpoint;
}
