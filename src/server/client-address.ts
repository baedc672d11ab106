/**
 * Finds the client's address: the peer's, or, when the peer is a trusted proxy, the right-most address in the proxies' header
 * that is not a trusted proxy itself. Addresses further left were written by the client and prove nothing.
 */
import { compileNetworks, unmapped } from '../base/networks.js';
import type { FindClientAddress } from '../exchange/exchange.js';
import { type ForwardedHeader, HOPS_OF } from './forwarded.js';

/**
 * Compiles the networks of trusted proxies (`10.0.0.0/8`, `::1/128`, a single address) into a function that finds the client's
 * address. It reads no header except `header`.
 */
export function compileClientAddress(trustedProxies: readonly string[], header: ForwardedHeader): FindClientAddress {
  if (trustedProxies.length === 0) return (peer) => ({ address: unmapped(peer), viaTrustedProxy: false });
  const isTrusted = compileNetworks(trustedProxies);
  const hopsOf = HOPS_OF[header];
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
