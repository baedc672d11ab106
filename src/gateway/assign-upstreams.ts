/** This module decides which upstream serves which service. */
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import { didYouMean, hintOf } from '../base/did-you-mean.js';
import type { Config } from '../config/config.js';
import { servesPart } from '../config/surface-configs.js';
import type { MethodDescriptor, ServiceDescriptor } from '../schema/descriptor.js';
import { meantService, selectUpstream } from '../upstream/service-selector.js';
import type { Aggregates } from './aggregates.js';

export type IsOffered = (method: MethodDescriptor) => boolean;

/**
 * Returns a function that is true for a method whose routes would be served if the config and the protos had no error. Problems
 * of other methods are only warnings. Without any upstream it is true for every method, because then only the schema is
 * checked.
 */
export function offeredBy({ upstreams }: Config): IsOffered {
  return ({ service, aggregate }) =>
    upstreams.size === 0 || aggregate !== undefined || selectUpstream(service.fullName, upstreams).kind !== 'none';
}

export interface Assignment {
  readonly of: ReadonlyMap<ServiceDescriptor, string>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Assigns each service to the upstream with the longest selector that selects it. Without any upstream it does nothing.
 * `routed` are the services that have routes, without those that have only aggregates.
 */
export function assignUpstreams(
  config: Config,
  routed: readonly ServiceDescriptor[],
  aggregates: Aggregates,
): Assignment {
  const of = new Map<ServiceDescriptor, string>();
  const used = new Set<string>();
  const diagnostics: Diagnostic[] = [];
  if (config.upstreams.size === 0) return { of, diagnostics };
  const names = routed.map(({ fullName }) => fullName);
  let hints: readonly { readonly selector: string; readonly meant: string | undefined }[] | undefined;
  const called = [...aggregates.methods].map((method) => method.service);
  for (const service of new Set([...routed, ...called])) {
    const selected = selectUpstream(service.fullName, config.upstreams);
    if (selected.kind === 'found') {
      of.set(service, selected.name);
      used.add(selected.name);
    } else if (selected.kind === 'none') {
      hints ??= [...config.upstreams.values()].flatMap(({ services }) =>
        services.map((selector) => ({ selector, meant: meantService(selector, names) })),
      );
      const meant = hints.find((one) => selects(one.meant, service.fullName))?.selector;
      const hint = meant === undefined ? '' : `; is the selector '${meant}' meant for it?`;
      const text = `${service.fullName}: no upstream is configured for this service, so its routes are not served${hint}`;
      diagnostics.push(warningAt(service.position, 'no-upstream', text));
    } else {
      const text = `${service.fullName}: expected one upstream, got ${selected.names.join(' and ')}, whose selectors are equally long; make one selector longer`;
      diagnostics.push(errorAt(service.position, 'ambiguous-upstream', text));
      for (const name of selected.names) used.add(name);
    }
  }
  for (const [name, { services, position }] of names.length === 0 || servesPart(config) ? [] : config.upstreams) {
    if (used.has(name)) continue;
    const others = [...config.upstreams.keys()].filter((other) => used.has(other));
    const meant = services.map((selector) => meantService(selector, names) ?? didYouMean(selector, others));
    const hint = hintOf(meant.find((one) => one !== undefined));
    const text = `upstreams.${name}: expected a selector of a service with routes, got ${services.join(', ')}${hint}`;
    diagnostics.push(warningAt(position, 'unused-upstream', text));
  }
  return { of, diagnostics };
}

/** Returns true if the selector selects the service. */
function selects(selector: string | undefined, service: string): boolean {
  return selector !== undefined && selectUpstream(service, new Map([['', { services: [selector] }]])).kind === 'found';
}
