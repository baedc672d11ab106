/**
 * Bounds how many connections one client address may have (`listen.maxConnectionsPerAddress`). Addresses count as in rate limits:
 * IPv6 by its /64. The address is that of the connection itself, because no request has named another one yet. Trusted
 * proxies have no such limit, because they forward the requests of many clients.
 */
import type { Server, Socket } from 'node:net';
import { compileNetworks, unmapped } from '../../base/networks.js';
import { addressKey } from '../../policy/rate-limit/planned.js';

export interface PerAddressSettings {
  readonly most: number;
  readonly trustedProxies: readonly string[];
  /** Called for each connection that is refused. */
  readonly onRefused: () => void;
}

/**
 * Registers the check. It must be called before other code listens to `connection`: a connection that is refused is
 * destroyed before anything is read. `current` returns the settings of the latest config; undefined if there is no
 * limit.
 */
export function limitPerAddress(server: Server, current: () => PerAddressSettings | undefined): void {
  let compiled: PerAddressSettings | undefined;
  let isTrusted: (address: string) => boolean = () => true;
  const counts = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    // A unix socket has no address.
    if (remoteAddress === undefined) return;
    const settings = current();
    if (settings !== compiled && settings !== undefined) isTrusted = compileNetworks(settings.trustedProxies);
    compiled = settings;
    const address = unmapped(remoteAddress);
    if (settings !== undefined && isTrusted(address)) return;
    // Connections are also counted while there is no limit, because a reload may set one.
    const key = addressKey(address);
    const count = counts.get(key) ?? 0;
    if (settings !== undefined && count >= settings.most) {
      settings.onRefused();
      socket.destroy();
      return;
    }
    counts.set(key, count + 1);
    socket.once('close', () => {
      const left = counts.get(key)! - 1;
      if (left === 0) counts.delete(key);
      else counts.set(key, left);
    });
  });
}
