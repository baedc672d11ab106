/**
 * Finds the upstream that serves a service. A selector is the full name of a service, a package with all services in it and in
 * its subpackages, or `*`:
 *
 *     shop.v1.Orders     that service
 *     billing.v1.*       billing.v1.Invoices, billing.v1.internal.Ledger; not billing.v1beta.Invoices
 *     *                  every service that no other selector selects
 *     billing.*.Ledger   refused: `*` stands alone or last
 *
 * If several selectors select a service, the longest one decides. A full name counts as longer than any package.
 */

import { didYouMean } from '../base/did-you-mean.js';

export type Selection =
  | { readonly kind: 'found'; readonly name: string }
  | { readonly kind: 'none' }
  /** Several upstreams have equally long selectors that select the service. */
  | { readonly kind: 'ambiguous'; readonly names: readonly string[] };

/** Returns the upstream of `service`, which is a full name. The keys of `upstreams` are their names. */
export function selectUpstream(
  service: string,
  upstreams: ReadonlyMap<string, { readonly services: readonly string[] }>,
): Selection {
  let longest = -1;
  let names: string[] = [];
  for (const [name, { services }] of upstreams) {
    const length = Math.max(-1, ...services.map((selector) => matchLength(selector, service)));
    if (length < 0 || length < longest) continue;
    if (length > longest) names = [];
    longest = length;
    names.push(name);
  }
  const [name, ...others] = names;
  if (name === undefined) return { kind: 'none' };
  return others.length === 0 ? { kind: 'found', name } : { kind: 'ambiguous', names };
}

/** Returns true if `text` is a selector of one of the forms above. */
export function isServiceSelector(text: string): boolean {
  return text === '*' || /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*)?$/.test(text);
}

/**
 * Returns a correction for a selector that selects no service: `PACKAGE.*` if the text is the name of a package, or a similar
 * name. Undefined if there is none.
 */
export function meantService(selector: string, services: readonly string[]): string | undefined {
  if (services.some((service) => service.startsWith(`${selector}.`))) return `${selector}.*`;
  const packages = services.map((service) => service.replace(/[^.]+$/, '*'));
  return didYouMean(selector, new Set([...services, ...packages]));
}

/**
 * Returns how many characters of `service` the selector matches (infinity for a full name), or -1 if it does not select the
 * service.
 */
function matchLength(selector: string, service: string): number {
  if (selector === '*') return 0;
  if (selector === service) return Number.POSITIVE_INFINITY;
  const prefix = selector.slice(0, -1);
  return selector.endsWith('.*') && service.startsWith(prefix) ? prefix.length : -1;
}
