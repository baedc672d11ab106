/**
 * The methods whose routes have had requests. A large API has thousands of routes, and a gateway often serves only few of them,
 * so a route is compiled at its first request. After a reload, the routes that had requests are compiled with the new snapshot,
 * because a compiled route holds state: without it, the state of an open circuit would be lost until the next request.
 */
export class UsedRoutes {
  private readonly bySurface = new Map<string, Set<string>>();

  /** Adds a method of a surface, by its full name. All routes of a method share their state. */
  add(surface: string, method: string): void {
    const known = this.bySurface.get(surface);
    if (known === undefined) this.bySurface.set(surface, new Set([method]));
    else known.add(method);
  }

  /** Returns the full names of the methods of a surface. Methods that are added during the iteration are included. */
  of(surface: string): Iterable<string> {
    return this.bySurface.get(surface) ?? [];
  }
}
