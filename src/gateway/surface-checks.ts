/**
 * This module compares surfaces, and finds problems such as two that match the same requests, or one with weaker access rules.
 */
import { type Diagnostic, errorAt, type Position, warningAt } from '../base/diagnostic.js';
import type { Config } from '../config/config.js';
import { isOfferedRoute, type PlannedRoute } from '../route/planned-route.js';
import { shareHost } from '../server/surface-choice.js';
import type { SurfacePlan } from './plan-surface.js';
import { guards, isLessGuarded } from './route-problems.js';

interface Placed extends SurfacePlan {
  readonly position: Position;
}

/** Returns the problems between the surfaces of a config. A config without `surfaces` has none. */
export function surfaceProblems({ surfaces: blocks }: Config, planned: readonly SurfacePlan[]): readonly Diagnostic[] {
  const surfaces = planned.flatMap((surface): Placed[] => {
    const block = blocks.find(({ name }) => name === surface.name);
    return block === undefined ? [] : [{ ...surface, position: block.position }];
  });
  return surfaces.flatMap((surface, index) => [
    ...emptiness(surface),
    ...surfaces.slice(0, index).flatMap((earlier) => conflicts(earlier, surface)),
    ...surfaces.flatMap((other) =>
      other === surface ? [] : [...byHeaders(surface, other), ...hidden(surface, other)],
    ),
  ]);
}

function emptiness({ name, routes, config, position }: Placed): readonly Diagnostic[] {
  if (routes.some((route) => isOfferedRoute(route, config))) return [];
  const text = `surface ${name}: expected a method with a route that an upstream serves, got none, so all of its requests get 404`;
  return [warningAt(position, 'surface-empty', text)];
}

/**
 * Returns an error if both surfaces match the same requests, and a warning if some requests match both, so that the order in
 * the config decides.
 */
function conflicts(first: Placed, second: Placed): readonly Diagnostic[] {
  if (!isSameHost(first, second) || first.selection.basePath !== second.selection.basePath) return [];
  const [some, others] = [first, second].map(({ selection }) => Object.entries(selection.headers).toSorted());
  const says = (text: string) => `surface ${second.name}: ${text}`;
  if (JSON.stringify(some) === JSON.stringify(others)) {
    const text = `expected other hosts, another basePath or other headers than surface ${first.name}, got the same`;
    return [errorAt(second.position, 'surface-conflict', says(text))];
  }
  const { headers } = second.selection;
  const excludeEachOther = some!.some(([name, value]) => headers[name] !== undefined && headers[name] !== value);
  if (some!.length !== others!.length || excludeEachOther) return [];
  const text = `a request with its headers and those of surface ${first.name} belongs to ${first.name}, because that comes first`;
  return [warningAt(second.position, 'surface-conflict', says(text))];
}

function isSameHost({ selection: a }: Placed, { selection: b }: Placed): boolean {
  if (a.hosts.length === 0 || b.hosts.length === 0) return a.hosts.length === b.hosts.length;
  return a.hosts.some((host) => b.hosts.includes(host));
}

/**
 * Warns if a surface differs only by headers from another one that has stricter access rules for the same method. A client can
 * send any headers.
 */
function byHeaders(surface: Placed, other: Placed): readonly Diagnostic[] {
  const { selection, name, position } = surface;
  const isSame = shareHost(selection, other.selection) && selection.basePath === other.selection.basePath;
  if (!isSame || Object.keys(selection.headers).length === 0) return [];
  const demanding = new Map(other.routes.map((route) => [route.binding.method.fullName, route]));
  for (const { binding, access } of surface.routes) {
    const { fullName } = binding.method;
    const stricter = demanding.get(fullName)?.access;
    if (stricter === undefined || !isLessGuarded(access, stricter)) continue;
    const text = `surface ${name}: any client can send its headers, and ${fullName} is less protected here (${guards(access)}) than in surface ${other.name} (${guards(stricter)}); choose it by host or base path`;
    return [warningAt(position, 'surface-headers', text)];
  }
  return [];
}

/** Warns of routes whose paths begin with the base path of another surface, because that surface takes their requests. */
function hidden({ name, selection, routes, position }: Placed, other: Placed): readonly Diagnostic[] {
  const { hosts, basePath, headers } = other.selection;
  const isInside = basePath.startsWith(`${selection.basePath}/`) && Object.keys(headers).length === 0;
  const takesHosts =
    selection.hosts.length === 0 ? hosts.length === 0 : selection.hosts.every((one) => hosts.includes(one));
  if (!isInside || !takesHosts) return [];
  const behind = basePath.slice(selection.basePath.length + 1).split('/');
  const lost = routes.filter((route) => beginsWith(route, behind));
  if (lost.length === 0) return [];
  if (lost.length === routes.length) {
    const text = `surface ${name}: nobody can reach it, because all its paths are below the base path of surface ${other.name}`;
    return [warningAt(position, 'surface-unreachable', text)];
  }
  return lost.map(({ binding: { method, httpMethod, template, position: at } }) => {
    const text = `${method.fullName}: ${httpMethod} ${template.text} of surface ${name} is never reached, because the base path of surface ${other.name} takes it`;
    return warningAt(at, 'unreachable-route', text);
  });
}

function beginsWith({ binding }: PlannedRoute, segments: readonly string[]): boolean {
  return segments.every((text, index) => {
    const segment = binding.template.segments[index];
    return segment?.kind === 'literal' && segment.literal === text;
  });
}
