/** Opens the socket of a connection to an upstream: TCP or Unix, plaintext or TLS with the ALPN protocol h2. */
import { connect as connectSocket, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.js';
import { LINGER_MS } from './connection-limits.js';
import { serverNameOf } from './endpoint.js';
import { withoutHttp2 } from './explained-failure.js';
import type { TransportSettings } from './transport.js';

/** Returns a socket that is connecting. `more` has further options for `net.connect`. */
export function openSocket({ endpoint, tls }: TransportSettings, more: Partial<NetConnectOpts> = {}): Socket {
  const address = endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  const options = { ...address, noDelay: true, ...more } as NetConnectOpts;
  if (tls === undefined) return connectSocket(options);
  const { ca, cert, key, serverName, context } = tls;
  const name = serverName ?? serverNameOf(endpoint);
  const secure: ConnectionOptions = {
    ...options,
    ALPNProtocols: ['h2'],
    ...(context === undefined ? {} : { secureContext: context }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(name === undefined ? {} : { servername: name }),
  };
  return connectTls(secure);
}

/** Destroys a socket that this side has ended, if the upstream has not closed it within {@link LINGER_MS}. */
export function destroyLater(socket: Socket, clock: Clock): void {
  if (socket.destroyed) return;
  const cancel = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', cancel);
}

/**
 * Returns the error of a connected socket that cannot carry HTTP/2, because TLS agreed on another protocol (ALPN); undefined if
 * it can.
 */
export function alpnFailure(socket: Socket, { tls }: TransportSettings): Error | undefined {
  const alpn = tls === undefined ? 'h2' : (socket as TLSSocket).alpnProtocol;
  return alpn === 'h2' ? undefined : new Error(`expected ALPN h2, got ${alpn}`);
}

/** Returns the error for a server that has sent no HTTP/2 frame. `settings` are those of the connection. */
export function noHttp2(cause: unknown, { tls }: TransportSettings): Error {
  return withoutHttp2(cause, tls !== undefined);
}
