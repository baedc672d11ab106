/**
 * Looks up the addresses of names in the same way as other programs on the machine: with `/etc/hosts`, search domains, and the
 * short names of Docker and Kubernetes. The system does not say how long an answer is valid, so DNS is asked for that in
 * addition.
 */

import dns from 'node:dns';
import { Resolver } from 'node:dns/promises';

export interface LookedUp {
  /** The IP addresses. IPv6 addresses have no brackets. */
  readonly addresses: readonly string[];
  /**
   * Resolves to the time for which the addresses are valid, in milliseconds, or to undefined when it is not known. It never
   * rejects.
   */
  readonly ttlMs?: Promise<number | undefined>;
}

/** Looks up all addresses of a name. Rejects when the name has no address. */
export type Lookup = (name: string) => Promise<LookedUp>;

/**
 * The milliseconds after which DNS is asked no longer for the lifetime. The addresses come from the system, so a slow DNS
 * server does not delay them.
 */
const TTL_TIMEOUT_MS = 2000;

export const systemLookup: Lookup = lookupWith();

/** Returns a lookup that asks the DNS servers `nameServers` for the lifetimes. By default it asks those of the system. */
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
  // Without ADDRCONFIG, a machine that has no IPv6 would get addresses that it cannot reach. With ADDRCONFIG, a machine without
  // any network gets no address at all, not even from /etc/hosts, so the name is looked up again without it.
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

/**
 * Returns the addresses that DNS has for the name, with the shortest of their lifetimes; undefined when DNS does not know the
 * name.
 */
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
