/** This module describes one of the two versions that `diff` compares, and names that count as equal in both. */
import { escaped } from '../base/escaped.js';
import type { Config } from '../config/config.js';
import type { PlaceOf } from '../config/restart.js';
import type { PlannedRoute } from '../route/planned-route.js';
import type { Selection } from '../route/planned-surface.js';

/** One version of an API, as it would be served. */
export interface Side {
  readonly surfaces: readonly SideSurface[];
  /** The settings that all surfaces share. */
  readonly config: Config;
  /** Finds the keys of the config file. Undefined if the version has no config file. */
  readonly placeOf: PlaceOf | undefined;
}

/** One surface of a version: the API of one kind of client. */
export interface SideSurface {
  readonly name: string;
  /** The requests that belong to the surface. */
  readonly entrance: Selection;
  /** The settings of the surface: its own ones over the common ones. */
  readonly config: Config;
  /** Returns the path of a key in the config file: below the surface if it has the key, and otherwise that of the common key. */
  readonly keyPath: (key: readonly string[]) => readonly PropertyKey[];
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
