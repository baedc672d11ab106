/**
 * Who is calling: the peer's address, or, when the peer is a trusted proxy, the right-most address of
 * X-Forwarded-For that is not one. What stands further left was written by the client and proves nothing.
 */
import { BlockList, isIP } from 'node:net';

export interface ClientAddress {
  readonly address: string;
  /** The connection comes from a trusted proxy: its `x-request-id` may be believed. */
  readonly viaTrustedProxy: boolean;
}

/** Compiles CIDRs (`10.0.0.0/8`, `::1/128`, a lone address) into the decision. */
export function compileClientAddress(
  trustedProxies: readonly string[],
): (peer: string, forwardedFor: string | undefined) => ClientAddress {
  if (trustedProxies.length === 0) return (peer) => ({ address: unmapped(peer), viaTrustedProxy: false });
  const trusted = blockList(trustedProxies);
  const isTrusted = (address: string) => {
    const family = isIP(address);
    return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
  return function clientAddress(peer, forwardedFor) {
    const direct = unmapped(peer);
    if (!isTrusted(direct)) return { address: direct, viaTrustedProxy: false };
    let address = direct;
    const hops = forwardedFor === undefined ? [] : forwardedFor.split(',');
    for (let i = hops.length - 1; i >= 0 && isTrusted(address); i--) {
      const hop = unmapped(hops[i]!.trim());
      if (isIP(hop) === 0) break;
      address = hop;
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

/** `::ffff:127.0.0.1` is `127.0.0.1` seen through a dual-stack socket. */
export function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
