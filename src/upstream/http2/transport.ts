/** The Transport over `node:http2`. */
import type { Clock } from '../../base/clock.js';
import { authorityOf } from '../endpoint.js';
import { type ConnectionEvents, createPool } from '../pool.js';
import type { Transport, TransportSettings } from '../transport.js';
import { Connection } from './connection.js';
import { requestHeaders } from './headers.js';
import { Http2Rpc } from './rpc.js';

/** Returns a transport that connects on the first call. */
export function createHttp2Transport(settings: TransportSettings, clock: Clock): Transport {
  const scheme = settings.tls === undefined ? 'http' : 'https';
  return createPool(
    {
      connect: (events: ConnectionEvents<Connection>) => new Connection(settings, clock, events),
      prepare: requestHeaders(scheme, settings.tls?.serverName ?? authorityOf(settings.endpoint), clock),
      begin: (connection, attempt, headers, rpcs) => new Http2Rpc(connection, attempt, headers, rpcs),
    },
    clock,
  );
}
