/** This module describes a planned surface: which requests belong to it, its schema and its routes. */
import type { Registry } from '../schema/descriptor.js';
import type { PlannedRoute } from './planned-route.js';

/** The requests that belong to a surface. A request belongs to the surface that fits it most exactly. */
export interface Selection {
  /** Host names in lower case, or `*.` with the names below one. The surface takes every host if the list is empty. */
  readonly hosts: readonly string[];
  /** The path in front of every route, such as `/mobile`. It is empty if there is none. */
  readonly basePath: string;
  /** The headers that a request must have, with their values. Names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PlannedSurface {
  readonly name: string;
  readonly selection: Selection;
  /** The schema as clients of the surface see it: without the fields that the surface omits. */
  readonly registry: Registry;
  readonly routes: readonly PlannedRoute[];
}
