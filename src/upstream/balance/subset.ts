/**
 * Subsets of the targets of an upstream, as a canary needs them: targets with a `when` get only the requests for which it
 * holds, and those requests go nowhere else.
 *
 *     { header: x-canary, value: "1" }   requests with this header
 *     { percent: 5 }                     5 of 100 callers, always the same ones
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { CallContext } from '../../call/call.js';

/** A condition. The name of a header is in lower case. */
export type When = { readonly header: string; readonly value: string } | { readonly percent: number };

/** The properties of a request that choose a subset. */
export interface Chooser extends Pick<CallContext, 'principal' | 'clientAddress'> {
  readonly headers: IncomingHttpHeaders;
}

/** Returns the name of the subset for a request; undefined for the targets without a `when`. */
export type ChooseSubset = (request: Chooser) => string | undefined;

/** Returns the name of a subset. Targets with equal conditions are one subset. */
export function subsetName(when: When): string {
  return 'header' in when ? `${when.header}=${when.value}` : `${when.percent}%`;
}

/** True if the gateway itself has chosen the subset, not the client. */
export function isByPercent(when: When): boolean {
  return 'percent' in when;
}

/**
 * Compiles the conditions of an upstream's targets, in their order. The first one that holds decides. Returns undefined
 * when there is none. `upstream` is its name: the callers in the 5 % of one upstream are others than those of another.
 */
export function compileSubsets(upstream: string, whens: readonly When[]): ChooseSubset | undefined {
  const names = new Set<string>();
  const tests: { readonly name: string; readonly holds: (request: Chooser, share: () => number) => boolean }[] = [];
  let percents = 0;
  for (const when of whens) {
    const name = subsetName(when);
    if (names.has(name)) continue;
    names.add(name);
    if ('header' in when) {
      const { header, value } = when;
      tests.push({ name, holds: ({ headers }) => headers[header] === value });
    } else {
      const [from, to] = [percents, percents + when.percent];
      percents = to;
      tests.push({ name, holds: (_, share) => share() >= from && share() < to });
    }
  }
  if (tests.length === 0) return undefined;

  return (request) => {
    let known: number | undefined;
    const share = () => {
      known ??= shareOf(upstream, request);
      return known;
    };
    return tests.find(({ holds }) => holds(request, share))?.name;
  };
}

/**
 * Returns a number from 0 to below 100, which is always the same for the same caller; if the caller is not known, for the
 * same client address.
 */
function shareOf(upstream: string, { principal, clientAddress }: Chooser): number {
  const who = principal === undefined ? [clientAddress] : [principal.issuer, principal.subject, principal.consumer];
  const digest = createHash('sha256')
    .update(JSON.stringify([upstream, ...who]))
    .digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100;
}
