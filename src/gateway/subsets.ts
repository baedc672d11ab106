/**
 * This module finds the subset of servers to which a request goes, if the upstreams of its route have targets with a condition
 * (`when`).
 */
import type { Config } from '../config/config.js';
import type { PlannedRoute } from '../route/planned-route.js';
import type { SubsetsOf } from '../server/endpoints/call-request.js';
import { compileSubsets } from '../upstream/balance/subset.js';

/** Returns the function that chooses the subsets for a request; undefined when no upstream of the route has a condition. */
export function compileRouteSubsets({ upstreams }: Config, route: PlannedRoute): SubsetsOf | undefined {
  const choosers = calledUpstreams(route).flatMap((name) => {
    const choose = compileSubsets(name, whensOf(upstreams, name));
    return choose === undefined ? [] : [{ name, choose }];
  });
  if (choosers.length === 0) return undefined;

  return function subsetsOf(request) {
    let subsets: Map<string, string> | undefined;
    for (const { name, choose } of choosers) {
      const subset = choose(request);
      if (subset === undefined) continue;
      subsets ??= new Map();
      subsets.set(name, subset);
    }
    return subsets;
  };
}

/** Returns the request headers in the conditions of the route's upstreams. */
export function subsetHeaders({ upstreams }: Config, route: PlannedRoute): readonly string[] {
  const whens = calledUpstreams(route).flatMap((name) => whensOf(upstreams, name));
  return [...new Set(whens.flatMap((when) => ('header' in when ? [when.header] : [])))];
}

/** Returns the names of the upstreams that a route calls, each once. */
function calledUpstreams({ upstream, aggregate }: PlannedRoute): readonly string[] {
  const names = [upstream, ...(aggregate?.calls ?? []).map((call) => call?.upstream)];
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}

function whensOf(upstreams: Config['upstreams'], name: string) {
  return (upstreams.get(name)?.targets ?? []).flatMap(({ when }) => (when === undefined ? [] : [when]));
}
