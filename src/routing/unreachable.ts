/**
 * This module finds bindings that no request reaches, because on each path that they match another binding is more specific.
 *
 *     GET /v1/{a=**}/{b}    never: GET /v1/{a}/{b=**} wins on every path
 *
 * The texts that `*` and `**` take decide only which literals and verbs of other templates match too. So it is enough to try
 * texts that no template has, with each number of segments for `**` that the templates can distinguish.
 */
import { METHODS } from 'node:http';
import type { Steps } from '../base/slices.js';
import type { Binding } from './binding.js';
import { ANY_METHOD } from './matcher.js';
import type { BuiltTable, RouteTable } from './route-table.js';

/** A route, of which only the binding matters here. */
export interface Bound {
  readonly binding: Binding;
}

export interface Unreachable<R extends Bound> {
  readonly route: R;
  /** The route that answers instead, on one of its paths. */
  readonly winner: R;
}

/** Facts about all routes together, which the search for unreachable routes needs. */
export interface RouteShapes<R extends Bound> {
  /** The routes that other ones may hide. */
  readonly doubtful: readonly R[];
  /** The length of the longest literal segment that consists of the letter x alone, such as `xx`. */
  readonly mostX: number;
  /** The number of segments of the longest template. */
  readonly longest: number;
}

export function shapesOf<R extends Bound>(routes: readonly R[]): RouteShapes<R> {
  const bindings = routes.map(({ binding }) => binding);
  const longest = bindings.reduce((most, { template }) => Math.max(most, template.segments.length), 0);
  return { doubtful: routes.filter(({ binding }) => mayBeHidden(binding)), mostX: mostXOf(bindings), longest };
}

export function joinedShapes<R extends Bound>(parts: readonly RouteShapes<R>[]): RouteShapes<R> {
  return {
    doubtful: parts.flatMap(({ doubtful }) => doubtful),
    mostX: parts.reduce((most, { mostX }) => Math.max(most, mostX), 0),
    longest: parts.reduce((most, { longest }) => Math.max(most, longest), 0),
  };
}

/** Returns the unreachable routes, without those that claim the same method and paths: these are conflicts. */
export function* unreachableRoutes<R extends Bound>(
  { doubtful, mostX, longest }: RouteShapes<R>,
  { table, conflicts }: BuiltTable<R>,
): Steps<readonly Unreachable<R>[]> {
  const conflicting = new Set(conflicts.map(({ httpMethod, shape }) => `${httpMethod} ${shape}`));
  const other = 'x'.repeat(mostX + 1);
  const found: Unreachable<R>[] = [];
  for (const route of doubtful) {
    yield;
    const { binding } = route;
    const winner = winnerOver(route, table, { other, longest });
    if (winner === undefined || conflicting.has(`${binding.httpMethod} ${binding.template.shape}`)) continue;
    found.push({ route, winner });
  }
  return found;
}

/**
 * False for a binding that surely wins on a path of its own: where it has `*`, another one would need a literal to be more
 * specific, and no literal is the text that is tried. A `**`, a colon in a literal and a rule for all methods need a closer look.
 */
function mayBeHidden({ httpMethod, template }: Binding): boolean {
  const { segments, verb } = template;
  const isPlain = segments.every((one) => one.kind === 'any' || (one.kind === 'literal' && !one.literal.includes(':')));
  return !isPlain || httpMethod === ANY_METHOD || verb?.includes(':') === true;
}

/** Returns a route that answers on one of the route's paths instead of it; undefined when a request can reach the route. */
function winnerOver<R extends Bound>(
  route: R,
  table: RouteTable<R>,
  { other, longest }: { readonly other: string; readonly longest: number },
): R | undefined {
  const { binding } = route;
  const { shape, segments } = binding.template;
  const hasRest = segments.some(({ kind }) => kind === 'rest');
  const methods = binding.httpMethod === ANY_METHOD ? METHODS : [binding.httpMethod];
  let winner: R | undefined;
  // One segment for `**` is tried first, because it nearly always decides.
  for (const length of hasRest ? [1, 0, ...Array.from({ length: longest }, (_, i) => i + 2)] : [0]) {
    const path = pathOf(shape, other, length);
    for (const method of methods) {
      const result = table.match(method, path);
      if (result.kind !== 'found') continue;
      if (result.value === route) return undefined;
      winner ??= result.value;
    }
  }
  return winner;
}

/** Returns a path of the shape, with `other` for each `*`, and `length` times for the `**`. */
export function pathOf(shape: string, other: string, length: number): string {
  const path = shape.replace(/\/(\*\*?)(?=[/:]|$)/g, (_, wildcard: string) =>
    `/${other}`.repeat(wildcard === '*' ? 1 : length),
  );
  return path === '' ? '/' : path;
}

/** Returns a text that no template has as a segment. */
export function freshSegment(bindings: readonly Binding[]): string {
  return 'x'.repeat(mostXOf(bindings) + 1);
}

function mostXOf(bindings: readonly Binding[]): number {
  let most = 0;
  for (const { template } of bindings)
    for (const one of template.segments)
      if (one.kind === 'literal' && /^x+$/.test(one.literal)) most = Math.max(most, one.literal.length);
  return most;
}
