/**
 * This module finds for each old surface the new one that takes its requests, and says what has changed in its
 * hosts, its base path and its headers.
 */
import type { Position } from '../base/diagnostic.js';
import type { Selection } from '../route/planned-surface.js';
import { isBelow, takesHost } from '../server/surface-choice.js';
import { breaking, type Cause, type Effect, risky } from './finding.js';
import type { Side, SideSurface } from './side.js';

export interface SurfacePairs {
  readonly pairs: readonly (readonly [old: SideSurface, now: SideSurface])[];
  readonly causes: readonly Cause[];
}

/**
 * Pairs each old surface with the new one that has the same name, or else takes the same requests. Returns also the changes of
 * the surfaces themselves.
 */
export function matchSurfaces(old: Side, now: Side): SurfacePairs {
  const pairs: (readonly [SideSurface, SideSurface])[] = [];
  const causes: Cause[] = [];
  const place = (side: Side): Position | undefined => side.placeOf?.(['surfaces']);
  const add = (change: Cause['change'], name: string, what: string, effect: Effect) => {
    const subject = `surfaces.${name}`;
    causes.push({ change, subject, what, effects: [effect], old: place(old), new: place(now) });
  };
  for (const surface of old.surfaces) {
    const found =
      now.surfaces.find(({ name }) => name === surface.name) ??
      now.surfaces.find(({ entrance }) => isSame(entrance, surface.entrance));
    if (found === undefined) {
      add(
        'surface-gone',
        surface.name,
        'the surface is gone',
        breaking('its requests get 404, or another surface answers'),
      );
      continue;
    }
    pairs.push([surface, found]);
    for (const what of closed(surface.entrance, found.entrance)) {
      add('surface-entrance', surface.name, what, breaking('other requests get 404, or another surface answers'));
    }
  }
  const known = new Set(pairs.map(([, surface]) => surface));
  for (const surface of now.surfaces) {
    const [, from] = pairs.find(([, kept]) => covers(kept.entrance, surface.entrance)) ?? [];
    if (known.has(surface) || from === undefined) continue;
    const what = `the surface is new, and takes requests of the surface ${from.name}`;
    add('surface-added', surface.name, what, risky('their answers may change'));
  }
  return { pairs, causes };
}

function isSame(a: Selection, b: Selection): boolean {
  return textOf(a) === textOf(b);
}

function textOf({ hosts, basePath, headers }: Selection): string {
  return JSON.stringify([[...hosts].sort(), basePath, Object.entries(headers).sort()]);
}

/** Returns a text for each change after which the surface no longer answers some of its requests. */
function closed(old: Selection, now: Selection): readonly string[] {
  const texts: string[] = [];
  if (now.hosts.length > 0) {
    if (old.hosts.length === 0) texts.push(`the surface takes only the hosts ${now.hosts.join(', ')} now`);
    const lost = old.hosts.filter((host) => !now.hosts.some((other) => takesHost(other, host)));
    if (lost.length > 0) texts.push(`the surface no longer takes the hosts ${lost.join(', ')}`);
  }
  if (old.basePath !== now.basePath) {
    texts.push(`the base path is now ${now.basePath || 'empty'} instead of ${old.basePath || 'empty'}`);
  }
  const demanded = Object.entries(now.headers).filter(([name, value]) => old.headers[name] !== value);
  if (demanded.length > 0) {
    texts.push(`the surface demands ${demanded.map(([name, value]) => `${name}: ${value}`).join(', ')} now`);
  }
  return texts;
}

/** True if every request of the inner surface would belong to the outer one. */
function covers(outer: Selection, inner: Selection): boolean {
  const hosts =
    outer.hosts.length === 0 ||
    (inner.hosts.length > 0 && inner.hosts.every((host) => outer.hosts.some((other) => takesHost(other, host))));
  return (
    hosts &&
    isBelow(inner.basePath, outer.basePath) &&
    Object.entries(outer.headers).every(([name, value]) => inner.headers[name] === value)
  );
}
