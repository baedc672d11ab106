/** This module finds which subsets of servers the requests of a route choose: by the targets with `when` of its upstreams. */
import type { Config } from '../config/config.js';
import type { PlannedRoute } from '../route/planned-route.js';
import type { SubsetsOf } from '../server/endpoints/call-request.js';
import { compileSubsets } from '../upstream/balance/subset.js';

/** Returns the function for a route; undefined when no upstream that it calls has targets with `when`. */
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

/** Returns the request headers that choose a subset on a route. */
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
