/** This module describes the input of a document: the routes of one surface, and the config that shapes their HTTP. */
import type { Config } from '../config/config.js';
import { isOfferedRoute, type PlannedRoute } from '../route/planned-route.js';
import type { PlannedSurface, Selection } from '../route/planned-surface.js';

/** One surface as its clients see it. */
export interface Api {
  readonly name: string;
  /**
   * The routes of the surface. Their messages have exactly the fields that its clients may see; routes and fields that the
   * surface leaves out are not here.
   */
  readonly routes: readonly PlannedRoute[];
  readonly config: Pick<Config, 'auth' | 'errors' | 'json' | 'plans'>;
  /** The places at which the surface is served. */
  readonly servers: readonly Server[];
  /** The headers that a request of the surface must have, with their values. */
  readonly headers: Readonly<Record<string, string>>;
  /** Example requests, which are shown at the operations that they call. */
  readonly examples?: ExamplesOf;
}

/** Returns the example of a route. Undefined when there is none. */
export type ExamplesOf = (route: PlannedRoute) => Example | undefined;

/** The values of a request that works. */
export interface Example {
  /** The values of the path variables by the names of their fields: `name` → `customers/ada`. */
  readonly variables: ReadonlyMap<string, string>;
  readonly query: URLSearchParams;
  /** The body as JSON. Undefined when there is none, or when it is not JSON. */
  readonly body: unknown;
}

/**
 * The URL of a server. A path alone is relative to the place of the document. `variables` describes the names in the URL's
 * braces.
 */
export interface Server {
  readonly url: string;
  readonly variables?: Json;
}

/** Returns the surfaces of a plan with the routes that are served. */
export function apisOf(
  { surfaces }: { readonly surfaces: readonly (PlannedSurface & { readonly config: Config })[] },
  examples?: ExamplesOf,
): Api[] {
  return surfaces.map(({ name, routes, config, selection }) => ({
    name,
    routes: routes.filter((route) => isOfferedRoute(route, config)),
    config,
    servers: serversOf(selection),
    headers: selection.headers,
    ...(examples === undefined ? {} : { examples }),
  }));
}

function serversOf({ hosts, basePath }: Selection): readonly Server[] {
  if (hosts.length === 0) return [{ url: basePath === '' ? '/' : basePath }];
  return hosts.map((host) => {
    if (!host.startsWith('*.')) return { url: `https://${host}${basePath}` };
    return { url: `https://{name}${host.slice(1)}${basePath}`, variables: { name: { default: 'www' } } };
  });
}

/** A JSON Schema, or another object of a document. */
export type Json = Readonly<Record<string, unknown>>;

/** One member of the document, with the keys that lead to it: `['paths', '/v1/customers']`. */
export interface Part {
  readonly keys: readonly [string, ...string[]];
  readonly value: unknown;
}
