/**
 * This module warns of routes that are never reached, and of verbs in paths that bypass the guards of another route.
 */
import { type Diagnostic, warningAt } from '../base/diagnostic.js';
import type { Steps } from '../base/slices.js';
import type { Access } from '../policy/access/planned.js';
import type { Binding } from '../routing/binding.js';
import { ANY_METHOD } from '../routing/matcher.js';
import { pathTakenByVerb } from '../routing/overlap.js';
import type { BuiltTable } from '../routing/route-table.js';
import { type RouteShapes, type Unreachable, unreachableRoutes } from '../routing/unreachable.js';

interface GuardedRoute {
  readonly binding: Binding;
  readonly access: Access;
}

/** Returns the warnings about the routes. `shapes` and `built` must be made from the same routes. */
export function* routeProblems<R extends GuardedRoute>(
  routes: readonly R[],
  shapes: RouteShapes<R>,
  built: BuiltTable<R>,
): Steps<readonly Diagnostic[]> {
  const unreachable = yield* unreachableRoutes(shapes, built);
  return [...unreachable.map(neverReached), ...(yield* openedByVerbs(routes))];
}

function neverReached<R extends GuardedRoute>({ route: { binding }, winner }: Unreachable<R>): Diagnostic {
  const other = winner.binding;
  const text = `${binding.method.fullName}: ${shown(binding)} is never reached, because ${shown(other)} of ${other.method.fullName} matches first`;
  return warningAt(binding.position, 'unreachable-route', text);
}

/**
 * Warns of a verb that takes paths of a more literal route of another service, so that the guards of that route do not
 * apply.
 */
function* openedByVerbs(routes: readonly GuardedRoute[]): Steps<readonly Diagnostic[]> {
  const found: Diagnostic[] = [];
  const withVerb = routes.filter(({ binding }) => binding.template.verb !== undefined);
  const guarded = routes.filter(({ access }) => access.mode !== 'public' || access.require.length > 0);
  for (const { binding, access } of withVerb) {
    yield;
    for (const other of guarded) {
      const { method, template } = other.binding;
      if (method.service === binding.method.service || !isLessGuarded(access, other.access)) continue;
      if (!sharesMethod(binding, other.binding)) continue;
      const path = pathTakenByVerb(binding.template, template);
      if (path === undefined) continue;
      const text = `${binding.method.fullName}: ${shown(binding)} also matches paths of ${shown(other.binding)} of ${method.fullName}, such as ${path}, and is less protected (${guards(access)}) than that route (${guards(other.access)})`;
      found.push(warningAt(binding.position, 'verb-overlap', text));
      break;
    }
  }
  return found;
}

const RANK: Readonly<Record<Access['mode'], number>> = { public: 0, optional: 1, required: 2 };

/** True if more callers may call with `access` than with `other`. */
export function isLessGuarded(access: Access, other: Access): boolean {
  if (RANK[access.mode] !== RANK[other.mode]) return RANK[access.mode] < RANK[other.mode];
  const lacksScope = other.scopes.some((scope) => !access.scopes.includes(scope));
  return lacksScope || (other.require.length > 0 && access.require.length === 0);
}

/** Returns the demands in short, such as `required orders.read`. */
export function guards({ mode, scopes, require }: Access): string {
  return [mode, ...scopes, ...(require.length > 0 ? ['require'] : [])].join(' ');
}

function sharesMethod({ httpMethod: a }: Binding, { httpMethod: b }: Binding): boolean {
  return a === b || a === ANY_METHOD || b === ANY_METHOD;
}

function shown({ httpMethod, template }: Binding): string {
  return `${httpMethod === ANY_METHOD ? 'any method' : httpMethod} ${template.text}`;
}
