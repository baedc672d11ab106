/** This module says what a document is made of: the routes of one surface, and the config that shapes their HTTP. */
import type { Config } from '../config/config.js';
import { isServed, type PlannedRoute, SURFACE } from '../route/planned-route.js';

/** One surface as its clients see it. */
export interface Api {
  readonly name: string;
  /**
   * The routes of the surface. Their messages have exactly the fields that its clients may see; routes and fields that the
   * surface leaves out are not here.
   */
  readonly routes: readonly PlannedRoute[];
  readonly config: Pick<Config, 'auth' | 'errors' | 'json' | 'plans'>;
  /** The URLs at which the surface is served. A path alone is relative to the place of the document. */
  readonly servers: readonly string[];
  /** Example requests, which are shown at the operations that they call. */
  readonly examples?: ExamplesOf;
}

/** Returns the examples of a route. */
export type ExamplesOf = (route: PlannedRoute) => readonly Example[];

/** A request that works. */
export interface Example {
  readonly title: string;
  /** The values of the path variables by the names of their fields: `name` → `customers/ada`. */
  readonly variables: ReadonlyMap<string, string>;
  /** The values of query parameters by name. */
  readonly query: ReadonlyMap<string, string>;
  /** The body as JSON. Undefined when there is none, or when it is not JSON. */
  readonly body: unknown;
}

/** Returns the only surface of a plan, with the routes that would be served. */
export function apiOf({ config, routes }: { readonly config: Config; readonly routes: readonly PlannedRoute[] }): Api {
  const served = config.upstreams.size === 0 ? routes : routes.filter(isServed);
  return { name: SURFACE, routes: served, config, servers: ['/'] };
}

/** A JSON Schema, or another object of a document. */
export type Json = Readonly<Record<string, unknown>>;

/** One member of the document, with the keys that lead to it: `['paths', '/v1/customers']`. */
export interface Part {
  readonly keys: readonly [string, ...string[]];
  readonly value: unknown;
}
