/**
 * The Transport over protogate's own HTTP/2 client, which implements only what gRPC needs of RFC 9113 (HTTP/2) and RFC 7541
 * (HPACK).
 */
import type { Clock } from '../../base/clock.js';
import { authorityOf } from '../endpoint.js';
import { type ConnectionEvents, createPool } from '../pool.js';
import type { Transport, TransportSettings } from '../transport.js';
import { Connection } from './connection.js';
import { RequestBlock } from './request-block.js';
import { LeanRpc } from './rpc.js';

/** Returns a transport that connects on the first call. */
export function createLeanTransport(settings: TransportSettings, clock: Clock): Transport {
  const scheme = settings.tls === undefined ? 'http' : 'https';
  const block = new RequestBlock(scheme, settings.tls?.serverName ?? authorityOf(settings.endpoint), clock);
  return createPool(
    {
      connect: (events: ConnectionEvents<Connection>) => new Connection(settings, clock, events),
      prepare: (request) => block.encode(request),
      begin: (connection, attempt, prepared, rpcs) => new LeanRpc(connection, attempt, prepared, rpcs),
    },
    clock,
  );
}
