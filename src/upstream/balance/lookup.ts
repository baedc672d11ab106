/**
 * Looks names up as every other program on the machine does: with `/etc/hosts`, search domains, and the short names of Docker
 * and Kubernetes. The system does not say how long an answer is valid, so DNS is asked for that as well.
 */

import dns from 'node:dns';
import { Resolver } from 'node:dns/promises';

export interface LookedUp {
  /** The IP addresses. IPv6 addresses have no brackets. */
  readonly addresses: readonly string[];
  /** Resolves to how long the answer holds, in milliseconds, or to undefined when that is not known. It never rejects. */
  readonly ttlMs?: Promise<number | undefined>;
}

/** Looks up all addresses of a name. Rejects when there is none. */
export type Lookup = (name: string) => Promise<LookedUp>;

/** DNS itself is asked only for the lifetime of the answer, so names can be looked up even if it is slow or down. */
const TTL_TIMEOUT_MS = 2000;

export const systemLookup: Lookup = lookupWith();

/** Returns a lookup that asks `nameServers` for lifetimes. By default it asks the name servers of the system. */
export function lookupWith(nameServers?: readonly string[]): Lookup {
  return async function lookup(name) {
    const resolver = new Resolver({ timeout: TTL_TIMEOUT_MS, tries: 1 });
    if (nameServers !== undefined) resolver.setServers(nameServers);
    const lifetime = lifetimeOf(name, resolver);
    const addresses = await addressesOf(name);
    const ttlMs = lifetime.then((found) => {
      const agrees = found?.addresses.every((address) => addresses.includes(address)) === true;
      return agrees ? found.ttlMs : undefined;
    });
    return { addresses, ttlMs };
  };
}

async function addressesOf(name: string): Promise<string[]> {
  // Without ADDRCONFIG a machine that has no IPv6 would get addresses that it cannot reach. A machine without any network
  // gets no address with it, not even from /etc/hosts.
  const found = await lookupAll(name, dns.ADDRCONFIG).catch(() => lookupAll(name, 0));
  return [...new Set(found)];
}

function lookupAll(name: string, hints: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    dns.lookup(name, { all: true, order: 'verbatim', hints }, (error, found) => {
      if (error === null) resolve(found.map(({ address }) => address));
      else reject(error);
    });
  });
}

/** Returns the addresses with their shortest lifetime; undefined when DNS does not know the name. */
async function lifetimeOf(
  name: string,
  resolver: Resolver,
): Promise<{ addresses: string[]; ttlMs: number } | undefined> {
  const answers = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (records.length === 0) return undefined;
  return {
    addresses: records.map(({ address }) => address),
    ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000,
  };
}
