/**
 * The public port. The protocol of a connection is known before its first request: TLS negotiates it (ALPN), and in plaintext
 * the first bytes show it (`h2c` by prior knowledge, RFC 9113 §3.3).
 *
 *     socket ─┬─ HTTP/1.1 ─┬─ request
 *             │            └─ upgrade ─┬─ a WebSocket's handshake
 *             │                        └─ any other: a request, without the Upgrade
 *             └─ HTTP/2 ───── request
 *
 * One server listens and knows HTTP/1.1 with all of its timers, which Node's HTTP/2 server leaves out when it serves both.
 */
import { setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import type { RequestListener } from '../connection/watched.js';
import { createHttp1, type Http1Settings } from './http1.js';
import { createHttp2, type Http2Sessions } from './http2.js';
import { limitPerAddress, type PerAddressSettings } from './per-address.js';
import { speaksHttp2 } from './preface.js';
import { acceptUpgrades } from './upgrade.js';

export interface ListenSettings extends Http1Settings {
  readonly host: string;
  /** The port number; 0 for any free port. */
  readonly port: number;
  readonly maxConnections: number;
  /** Undefined if an address may have as many connections as there are. */
  readonly perAddress?: PerAddressSettings | undefined;
  /** True if HTTP/2 is accepted without TLS. */
  readonly h2c: boolean;
}

export interface Listener {
  readonly url: string;
  /** Accepts connections, and answers HTTP/1.1. */
  readonly server: Server;
  readonly sessions: Http2Sessions;
  /** All open connections of both protocols; with TLS both the encrypted socket and the one below it. */
  readonly connections: ReadonlySet<Socket>;
  /** Aborted when the time of a drain is over: what still runs must end, and WebSockets send a close frame. */
  readonly ending: AbortController;
}

/** Resolves once connections are accepted; rejects if the address cannot be bound. */
export async function listen(settings: ListenSettings, handle: RequestListener, clock: Clock): Promise<Listener> {
  const server = createHttp1(settings, handle, clock);
  const sessions = createHttp2(settings, handle, clock);
  const connections = new Set<Socket>();
  const ending = new AbortController();
  // Every WebSocket adds a listener to the signal.
  setMaxListeners(0, ending.signal);
  server.maxConnections = settings.maxConnections;

  const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
  if (settings.perAddress !== undefined) limitPerAddress(server, settings.perAddress);
  const [ofNode] = server.listeners(event);
  const serveHttp1 = (socket: Socket) => void ofNode!.call(server, socket);
  server.off(event, ofNode as () => void);
  server.on(event, (socket: Socket) => {
    follow(socket);
    void serve(socket);
  });
  // This also follows sockets whose TLS handshake is not done.
  if (server instanceof TlsServer) server.on('connection', follow);
  acceptUpgrades(server, { serveHttp1, handle, isDraining: () => !server.listening, ending: ending.signal });

  function follow(socket: Socket): void {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  }

  async function serve(socket: Socket): Promise<void> {
    if (await isHttp2(socket)) sessions.serve(socket);
    else if (socket.readableEnded) socket.destroy();
    else if (!socket.destroyed) serveHttp1(socket);
  }

  function isHttp2(socket: Socket): boolean | Promise<boolean> {
    if (server instanceof TlsServer) return (socket as TLSSocket).alpnProtocol === 'h2';
    return settings.h2c && speaksHttp2(socket, settings.headersTimeoutMs, clock);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port, settings.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { url: urlOf(server), server, sessions, connections, ending };
}

/** Returns `http://HOST:PORT` of a listening server, with `https` for TLS. */
export function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  const scheme = server instanceof TlsServer ? 'https' : 'http';
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
