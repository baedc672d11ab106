/** This module describes one of the two versions that `diff` compares, and names that are equal in both. */
import type { Config } from '../config/config.js';
import type { PlaceOf } from '../config/restart.js';
import type { PlannedRoute } from '../route/planned-route.js';

/** One version of an API, as it would be served. */
export interface Side {
  readonly surfaces: readonly SideSurface[];
  /** The settings that all surfaces share. */
  readonly config: Config;
  /** Finds the keys of the config file. Undefined if the version has no config file. */
  readonly placeOf: PlaceOf | undefined;
}

/** The requests that belong to a surface. */
export interface Entrance {
  /** Host names, or `*.` with the names below one. The surface takes every host if the list is empty. */
  readonly hosts: readonly string[];
  /** The path in front of every route. It is empty if there is none. */
  readonly basePath: string;
  /** The headers that a request must have, with their values. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The API of one kind of client. */
export interface SideSurface {
  readonly name: string;
  readonly entrance: Entrance;
  /** The settings of the surface. */
  readonly config: Config;
  /** The routes that are served. */
  readonly routes: readonly PlannedRoute[];
  /** The routes that exist and that no upstream serves. */
  readonly unserved: readonly PlannedRoute[];
}

/** Words of the old version that count as other words of the new one: `v1beta1` → `v1`. */
export type Renames = ReadonlyMap<string, string>;

/**
 * Returns an old name with its words renamed. A word is a run of parts between dots or slashes: `v1beta1`, or
 * `shop.v1beta1`.
 */
export function renamed(name: string, renames: Renames): string {
  let text = name;
  for (const [from, to] of renames) {
    const word = new RegExp(`(?<=^|[./])${escaped(from)}(?=$|[./:])`, 'g');
    text = text.replace(word, () => to);
  }
  return text;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
