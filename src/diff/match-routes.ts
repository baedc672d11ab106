/**
 * This module finds for each old route the new route that answers its requests: the one with the same method and the same
 * shape of path, or else the one that the new route table finds for paths of the old template, or else another route of the
 * same rpc.
 */
import type { PlannedRoute } from '../route/planned-route.js';
import { bindingTable } from '../routing/binding-table.js';
import { ANY_METHOD } from '../routing/matcher.js';
import { pathOfBoth } from '../routing/overlap.js';
import { parsePathTemplate } from '../routing/path-template.js';
import type { RouteTable } from '../routing/route-table.js';
import { freshSegment, pathOf } from '../routing/unreachable.js';
import { type Renames, renamed } from './side.js';

export type Match =
  /** The new route answers all requests of the old one. */
  | { readonly kind: 'same' | 'wider'; readonly old: PlannedRoute; readonly new: PlannedRoute }
  /** The new route belongs to the same rpc and answers other requests, or only a part of them. */
  | { readonly kind: 'moved' | 'narrowed'; readonly old: PlannedRoute; readonly new: PlannedRoute }
  /** `answeredBy` is the route of another rpc that answers the requests now. Undefined if they get an error. */
  | { readonly kind: 'gone'; readonly old: PlannedRoute; readonly answeredBy: PlannedRoute | undefined };

/** A route that answers requests which other routes answered in the old version. */
export interface Shadow {
  readonly by: PlannedRoute;
  readonly old: readonly PlannedRoute[];
  /** True if it answers all of their requests. */
  readonly isWhole: boolean;
  /** The path of one of these requests. */
  readonly path: string;
}

export interface MatchedRoutes {
  readonly matches: readonly Match[];
  readonly shadows: readonly Shadow[];
  readonly added: readonly PlannedRoute[];
}

export function matchRoutes(
  oldRoutes: readonly PlannedRoute[],
  newRoutes: readonly PlannedRoute[],
  renames: Renames,
): MatchedRoutes {
  return new RouteMatcher(oldRoutes, newRoutes, renames).match();
}

class RouteMatcher {
  private readonly old: readonly PlannedRoute[];
  private readonly newByKey: ReadonlyMap<string, readonly PlannedRoute[]>;
  private readonly newByRpc: ReadonlyMap<string, readonly PlannedRoute[]>;
  private readonly used = new Set<PlannedRoute>();
  private readonly fresh: string;
  private readonly longest: number;
  private oldTable: RouteTable<PlannedRoute> | undefined;
  private newTable: RouteTable<PlannedRoute> | undefined;

  constructor(
    old: readonly PlannedRoute[],
    private readonly now: readonly PlannedRoute[],
    private readonly renames: Renames,
  ) {
    this.old = renames.size === 0 ? old : old.map((route) => withRenamedPath(route, renames));
    this.newByKey = groupedBy(now, keyOf);
    this.newByRpc = groupedBy(now, ({ binding }) => binding.method.fullName);
    const bindings = [...this.old, ...now].map(({ binding }) => binding);
    this.fresh = freshSegment(bindings);
    this.longest = bindings.reduce((most, { template }) => Math.max(most, template.segments.length), 0);
  }

  match(): MatchedRoutes {
    const same = new Map(this.old.map((route) => [route, this.sameAs(route)]));
    for (const route of same.values()) if (route !== undefined) this.used.add(route);
    const matches = this.old.map((route): Match => {
      const known = same.get(route);
      return known === undefined ? this.findOther(route) : { kind: 'same', old: route, new: known };
    });
    const oldKeys = new Set(this.old.map(keyOf));
    const fresh = this.now.filter((route) => !oldKeys.has(keyOf(route)));
    const shadows = fresh.length === 0 ? [] : [...this.wholeShadows(matches), ...this.partShadows(fresh, matches)];
    return { matches, shadows, added: fresh.filter((route) => !this.used.has(route)) };
  }

  private sameAs(route: PlannedRoute): PlannedRoute | undefined {
    const candidates = this.newByKey.get(keyOf(route)) ?? [];
    return candidates.find((one) => this.isSameRpc(route, one)) ?? candidates[0];
  }

  private isSameRpc(old: PlannedRoute, now: PlannedRoute): boolean {
    return renamed(old.binding.method.fullName, this.renames) === now.binding.method.fullName;
  }

  private findOther(old: PlannedRoute): Match {
    const answering = this.answering(old, this.newRoutes());
    if (answering !== undefined && this.isSameRpc(old, answering)) {
      this.used.add(answering);
      return { kind: 'wider', old, new: answering };
    }
    const ofRpc = this.newByRpc.get(renamed(old.binding.method.fullName, this.renames)) ?? [];
    const free = ofRpc.filter((route) => !this.used.has(route));
    const { httpMethod, template } = old.binding;
    const found =
      free.find(({ binding }) => binding.template.shape === template.shape) ??
      free.find(({ binding }) => binding.httpMethod === httpMethod) ??
      free[0];
    if (found === undefined) return { kind: 'gone', old, answeredBy: answering };
    this.used.add(found);
    return { kind: this.answering(found, this.oldRoutes()) === old ? 'narrowed' : 'moved', old, new: found };
  }

  /** Returns the route of a table that answers requests of `route`. Undefined if it does not answer all of them. */
  private answering(route: PlannedRoute, table: RouteTable<PlannedRoute>): PlannedRoute | undefined {
    let first: PlannedRoute | undefined;
    for (const path of this.pathsOf(route)) {
      const result = table.match(methodOf(route), path);
      if (result.kind !== 'found') return undefined;
      first ??= result.value;
    }
    return first;
  }

  /** Returns the routes that take all requests from a route which still exists. */
  private wholeShadows(matches: readonly Match[]): readonly Shadow[] {
    return matches.flatMap((match): readonly Shadow[] => {
      if (match.kind !== 'same') return [];
      const { old, new: now } = match;
      const path = this.pathsOf(old)[0]!;
      const found = this.newRoutes().match(methodOf(now), path);
      if (found.kind !== 'found' || keyOf(found.value) === keyOf(now) || this.isSameRpc(old, found.value)) return [];
      const before = this.oldRoutes().match(methodOf(old), path);
      if (before.kind !== 'found' || before.value !== old) return [];
      return [{ old: [old], by: found.value, isWhole: true, path }];
    });
  }

  /** Returns the new routes that take some requests from routes which still exist. */
  private partShadows(fresh: readonly PlannedRoute[], matches: readonly Match[]): readonly Shadow[] {
    const kept = matches.filter(({ kind }) => kind === 'same').map(({ old }) => old);
    const byStart = groupedBy(kept, startOf);
    return fresh.flatMap((by): readonly Shadow[] => {
      const start = startOf(by);
      // Only templates that begin alike have common paths.
      const candidates = start === '*' ? kept : [...(byStart.get(start) ?? []), ...(byStart.get('*') ?? [])];
      const taken = candidates.flatMap((old) => {
        const path = this.isSameRpc(old, by) ? undefined : this.takenPath(old, by);
        return path === undefined ? [] : [{ old, path }];
      });
      const [first] = taken;
      return first === undefined ? [] : [{ by, old: taken.map(({ old }) => old), isWhole: false, path: first.path }];
    });
  }

  /** Returns a path that the old route answered and the new one answers now. */
  private takenPath(old: PlannedRoute, by: PlannedRoute): string | undefined {
    const method = methodOf(by);
    if (method !== old.binding.httpMethod && old.binding.httpMethod !== ANY_METHOD) return undefined;
    const path = pathOfBoth(by.binding.template, old.binding.template);
    if (path === undefined) return undefined;
    const [before, after] = [this.oldRoutes().match(method, path), this.newRoutes().match(method, path)];
    const isTaken = before.kind === 'found' && before.value === old && after.kind === 'found' && after.value === by;
    return isTaken ? path : undefined;
  }

  /** Returns paths of the route: with one segment for `**`, with none, with two, and with more than any template has. */
  private pathsOf({ binding: { template } }: PlannedRoute): readonly string[] {
    const hasRest = template.segments.some(({ kind }) => kind === 'rest');
    const lengths = hasRest ? [1, 0, 2, this.longest + 1] : [1];
    return lengths.map((length) => pathOf(template.shape, this.fresh, length));
  }

  private oldRoutes(): RouteTable<PlannedRoute> {
    this.oldTable ??= tableOf(this.old);
    return this.oldTable;
  }

  private newRoutes(): RouteTable<PlannedRoute> {
    this.newTable ??= tableOf(this.now);
    return this.newTable;
  }
}

function tableOf(routes: readonly PlannedRoute[]): RouteTable<PlannedRoute> {
  return bindingTable(routes.map((route) => ({ binding: route.binding, value: route }))).build().table;
}

function keyOf({ binding }: PlannedRoute): string {
  return `${binding.httpMethod} ${binding.template.shape}`;
}

/** Returns the first literal of the path, or `*` if the path begins with a wildcard. */
function startOf({ binding }: PlannedRoute): string {
  const [first] = binding.template.segments;
  return first?.kind === 'literal' ? first.literal : '*';
}

/** Returns an HTTP method of the route. One is enough for a route that answers any method, because it answers all alike. */
function methodOf({ binding }: PlannedRoute): string {
  return binding.httpMethod === ANY_METHOD ? 'POST' : binding.httpMethod;
}

function withRenamedPath(route: PlannedRoute, renames: Renames): PlannedRoute {
  const { binding } = route;
  const text = renamed(binding.template.text, renames);
  return text === binding.template.text
    ? route
    : { ...route, binding: { ...binding, template: parsePathTemplate(text) } };
}

function groupedBy<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const known = groups.get(keyOf(one));
    if (known === undefined) groups.set(keyOf(one), [one]);
    else known.push(one);
  }
  return groups;
}
