/**
 * Subsets of the targets of an upstream, for example for a canary: a target with a condition (`when`) gets only the requests
 * for which the condition is true. Requests that were chosen by a percentage go to the other targets if the subset is down.
 *
 *     { header: x-canary, value: "1" }   requests with this header
 *     { percent: 5 }                     5 of 100 callers, always the same ones
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { CallContext } from '../../call/call.js';

/** The condition for the requests that a target gets. `header` is in lower case. */
export type When = { readonly header: string; readonly value: string } | { readonly percent: number };

/** The properties of a request that decide to which subset it goes. */
export interface Chooser extends Pick<CallContext, 'principal' | 'clientAddress'> {
  readonly headers: IncomingHttpHeaders;
}

/** Returns the name of the subset that a request goes to; undefined if it goes to the targets without a condition. */
export type ChooseSubset = (request: Chooser) => string | undefined;

/** Returns the name of the subset of a condition: `x-canary=1` or `5%`. Targets with equal conditions form one subset. */
export function subsetName(when: When): string {
  return 'header' in when ? `${when.header}=${when.value}` : `${when.percent}%`;
}

/** Returns true if the gateway chooses the requests of the subset (by a percentage), false if clients do (by a header). */
export function isByPercent(when: When): boolean {
  return 'percent' in when;
}

/**
 * Compiles the conditions of an upstream's targets. For each request, the first condition that is true decides. Returns
 * undefined when there is no condition. `upstream` is the name of the upstream: with it, the same percentage selects different
 * callers for each upstream.
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
 * Returns a number from 0 to below 100 for a caller. It is always the same for the same principal or, without one, for the same
 * client address.
 */
function shareOf(upstream: string, { principal, clientAddress }: Chooser): number {
  const who = principal === undefined ? [clientAddress] : [principal.issuer, principal.subject, principal.consumer];
  const digest = createHash('sha256')
    .update(JSON.stringify([upstream, ...who]))
    .digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100;
}
