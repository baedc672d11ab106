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
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Bag } from '../../base/bag.js';
import type { Clock } from '../../base/clock.js';
import type { RequestListener } from '../connection/watched.js';
import { createHttp1, type Http1Settings } from './http1.js';
import { createHttp2, type Http2Sessions } from './http2.js';
import { limitPerAddress, type PerAddressSettings } from './per-address.js';
import { speaksHttp2 } from './preface.js';
import { acceptUpgrades } from './upgrade.js';

export interface ServeSettings extends Http1Settings {
  readonly maxConnections: number;
  /** The limit of connections for each client address. Undefined if there is none. */
  readonly perAddress?: PerAddressSettings | undefined;
  /** True if HTTP/2 is accepted without TLS. */
  readonly h2c: boolean;
}

export interface ListenSettings extends ServeSettings {
  readonly host: string;
  /** The port number; 0 for any free port. */
  readonly port: number;
}

export interface Listener {
  /** Answers HTTP/1.1, and accepts the connections if the listener is bound. */
  readonly server: Server;
  readonly sessions: Http2Sessions;
  /** All open connections of both protocols; with TLS both the encrypted socket and the one below it. */
  readonly connections: Iterable<Socket> & { readonly size: number };
  /** The monotonic time at which the latest connection was opened, or with TLS, at which its handshake was complete. */
  lastOpenedAt: number;
  /** Resolves when no connection is open. */
  whenEmpty(): Promise<void>;
  /** Aborted when the time of a drain is over: what still runs must end, and WebSockets send a close frame. */
  readonly ending: AbortController;
  /** A drain sets it when no more connections are accepted: a conversation that begins then would soon be cut. */
  isClosing: boolean;
  /** Takes the settings of a reload, all but `tls` and `headerBytes`. Open connections get them too. */
  update(settings: ServeSettings): void;
}

export interface BoundListener extends Listener {
  readonly url: string;
}

/** Resolves once connections are accepted; rejects if the address cannot be bound. */
export async function listen(settings: ListenSettings, handle: RequestListener, clock: Clock): Promise<BoundListener> {
  const listener = createListener(settings, handle, clock);
  limitConnections(listener.server, settings);
  await bind(listener.server, settings);
  const { update } = listener;
  return Object.assign(listener, {
    url: urlOf(listener.server),
    update(next: ServeSettings) {
      update(next);
      limitConnections(listener.server, next);
    },
  });
}

/** Bounds the connections of a server that accepts them itself. */
function limitConnections(server: NetServer, { maxConnections }: Pick<ServeSettings, 'maxConnections'>): void {
  server.maxConnections = maxConnections;
}

/** Resolves when the server listens. */
export async function bind(server: NetServer, { port, host }: { port: number; host: string }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Returns a listener for connections that another process accepts, and the function that serves one of them. */
export function listenForOthers(
  settings: ServeSettings,
  handle: RequestListener,
  clock: Clock,
): { readonly listener: Listener; readonly serve: (socket: Socket) => void } {
  const listener = createListener(settings, handle, clock);
  const { server, update } = listener;
  let { maxConnections } = settings;
  let open = 0;
  // Node starts its timers for slow heads when a server listens.
  server.emit('listening');
  return {
    listener: Object.assign(listener, {
      update(next: ServeSettings) {
        update(next);
        maxConnections = next.maxConnections;
      },
    }),
    serve(socket) {
      if (open >= maxConnections) {
        socket.destroy();
        return;
      }
      open++;
      socket.once('close', () => open--);
      // Node does both for the connections that a server of its own accepts.
      socket.setNoDelay(true);
      socket.allowHalfOpen = true;
      server.emit('connection', socket);
    },
  };
}

function createListener(first: ServeSettings, handle: RequestListener, clock: Clock): Listener {
  // All parts of the listener read this object whenever they need a setting.
  const settings = { ...first };
  const server = createHttp1(settings, handle, clock);
  const sessions = createHttp2(settings, handle, clock);
  const connections = new Bag<Socket>();
  const ending = new AbortController();
  // Every WebSocket adds a listener to the signal.
  setMaxListeners(0, ending.signal);
  let onEmpty = () => {};
  const state = { lastOpenedAt: 0, isClosing: false };
  const listener: Listener = { server, sessions, connections, ...state, whenEmpty, ending, update };

  const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
  const [ofNode] = server.listeners(event);
  const serveHttp1 = (socket: Socket) => void ofNode!.call(server, socket);
  server.off(event, ofNode as () => void);
  server.on(event, (socket: Socket) => {
    follow(socket);
    void serve(socket);
  });
  limitPerAddress(server, () => settings.perAddress);
  // This also follows sockets whose TLS handshake is not done.
  if (server instanceof TlsServer) server.on('connection', follow);
  acceptUpgrades(server, { serveHttp1, handle, isDraining: () => listener.isClosing, ending: ending.signal });

  function update(next: ServeSettings): void {
    Object.assign(settings, { perAddress: undefined }, next);
    server.keepAliveTimeout = next.keepAliveTimeoutMs;
    server.headersTimeout = next.headersTimeoutMs;
  }

  function follow(socket: Socket): void {
    const place = connections.add(socket);
    listener.lastOpenedAt = clock.monotonic();
    socket.once('close', () => {
      connections.remove(place);
      if (connections.size === 0) onEmpty();
    });
  }

  function whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      if (connections.size === 0) resolve();
      else onEmpty = resolve;
    });
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

  return listener;
}

/** Returns `http://HOST:PORT` of a listening server, with `https` for TLS. */
export function urlOf(server: NetServer, isTls = server instanceof TlsServer): string {
  const { address, port, family } = server.address() as AddressInfo;
  const scheme = isTls ? 'https' : 'http';
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
