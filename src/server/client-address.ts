/**
 * Who is calling: the peer's address, or, when the peer is a trusted proxy, the right-most address of the header that
 * proxies write which is not one itself. What stands further left was written by the client and proves nothing.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { type ForwardedHeader, HOPS_OF, unmapped } from './forwarded.js';

export interface ClientAddress {
  readonly address: string;
  /** The connection comes from a trusted proxy: its `x-request-id` may be believed. */
  readonly viaTrustedProxy: boolean;
}

/** `peer`: the address of the connection. */
export type FindClientAddress = (peer: string, headers: IncomingHttpHeaders) => ClientAddress;

/** Compiles CIDRs (`10.0.0.0/8`, `::1/128`, a lone address) into the decision. Only the one header is read. */
export function compileClientAddress(trustedProxies: readonly string[], header: ForwardedHeader): FindClientAddress {
  if (trustedProxies.length === 0) return (peer) => ({ address: unmapped(peer), viaTrustedProxy: false });
  const trusted = blockList(trustedProxies);
  const hopsOf = HOPS_OF[header];
  const isTrusted = (address: string) => {
    const family = isIP(address);
    return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
  return function clientAddress(peer, headers) {
    const direct = unmapped(peer);
    if (!isTrusted(direct)) return { address: direct, viaTrustedProxy: false };
    let address = direct;
    const value = headers[header];
    const hops = value === undefined ? [] : hopsOf(typeof value === 'string' ? value : value.join(','));
    for (const hop of hops) {
      if (hop === undefined) break;
      address = hop;
      if (!isTrusted(address)) break;
    }
    return { address, viaTrustedProxy: true };
  };
}

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/');
    const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(prefix), family);
  }
  return list;
}
