/** This module builds the rows of an explanation that show which route answers, and why. */
import { formatPosition } from '../../base/diagnostic.js';
import { describePlan, planTree } from '../../report/plan-tree.js';
import { isServed, type PlannedRoute } from '../../route/planned-route.js';
import type { Binding } from '../../routing/binding.js';
import { bindingTable, type Routed, webSocketRoutes } from '../../routing/binding-table.js';
import { streamingOf } from '../../schema/descriptor.js';
import type { SurfacePlan } from '../plan-surface.js';
import { type DryRequest, type DryRun, isHandshake } from './dry-run.js';
import type { Row } from './row.js';

export function matchRows(
  { routes }: SurfacePlan,
  request: DryRequest,
  run: DryRun,
  route: PlannedRoute,
): readonly Row[] {
  const { binding, aggregate, upstream } = route;
  const { variables, method: rpc } = binding;
  const captures = run.exchange?.captures ?? [];
  const isHead = request.method === 'HEAD' && binding.httpMethod === 'GET';
  const rows: Row[] = [
    ['matches', describe(binding), ...(isHead ? ['HEAD is answered like GET, without the body'] : [])],
  ];
  const losers = tableOf(routes, request).filter(({ value }) => value !== route && matches([value], request, run));
  if (losers.length > 0) {
    rows.push(['wins over', ...losers.map(({ value }) => `${describe(value.binding)}: ${whyBehind(value, route)}`)]);
  }
  const values = variables.map(({ name }, index) => `${name} = ${JSON.stringify(captures[index])}`);
  rows.push(['captured', ...(values.length > 0 ? values : ['nothing'])]);
  if (aggregate === undefined) {
    const where = upstream === undefined ? 'no upstream is configured for it' : `upstream ${upstream}`;
    rows.push(['calls', `${rpc.fullName} (${streamingOf(rpc)}), ${where}`]);
  } else {
    rows.push(['plan', `${rpc.fullName} (aggregate), ${describePlan(aggregate.plan)}`, ...planTree(aggregate.plan)]);
  }
  return rows;
}

function whyBehind({ binding }: PlannedRoute, { binding: winner }: PlannedRoute): string {
  const sameVerb = binding.template.verb === winner.template.verb;
  return sameVerb ? 'less specific' : `has no verb ':${winner.template.verb}', which is more specific`;
}

/** Returns a row with a route that matches but that no upstream serves, because it may be the one that the user meant. */
export function missRows({ routes, config }: SurfacePlan, request: DryRequest, run: DryRun): readonly Row[] {
  if (config.upstreams.size === 0) return [];
  const meant = routes.find((route) => !isServed(route) && matches([route], request, run));
  return meant === undefined ? [] : [['unserved', ...unservedLines(meant)]];
}

function unservedLines({ binding, aggregate }: PlannedRoute): readonly string[] {
  const { service } = binding.method;
  const why =
    aggregate === undefined
      ? `no upstream is configured for ${service.fullName}`
      : 'no upstream is configured for some of the services that it calls';
  return [describe(binding), `not served: ${why}`];
}

function matches(routes: readonly PlannedRoute[], request: DryRequest, { exchange }: DryRun): boolean {
  const { table } = bindingTable(tableOf(routes, request)).build();
  return exchange !== undefined && table.match(request.method, exchange.rawPath).kind === 'found';
}

function tableOf(routes: readonly PlannedRoute[], request: DryRequest): readonly Routed<PlannedRoute>[] {
  const table = routes.map((route) => ({ binding: route.binding, value: route }));
  return isHandshake(request) ? webSocketRoutes(table) : table;
}

function describe({ httpMethod, template, index, position }: Binding): string {
  const which = index === 0 ? 'the rule itself' : `additional binding ${index}`;
  return `${httpMethod} ${template.text} (${formatPosition(position)}, ${which})`;
}
