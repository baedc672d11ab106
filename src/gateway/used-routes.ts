/**
 * The methods whose routes requests have asked for. A large API has thousands of routes of which a gateway serves few, so a route
 * is compiled when the first request asks for it. Those that were asked for before a reload are compiled with the new
 * snapshot, because a compiled route holds state: an open circuit must not be forgotten before its route is asked for again.
 */
export class UsedRoutes {
  private readonly bySurface = new Map<string, Set<string>>();

  /** Adds a method of a surface, by its full name. Its routes are not told apart, because all of them share their state. */
  add(surface: string, method: string): void {
    const known = this.bySurface.get(surface);
    if (known === undefined) this.bySurface.set(surface, new Set([method]));
    else known.add(method);
  }

  /** Returns the full names of the methods of a surface. A method that is added while they are iterated is among them. */
  of(surface: string): Iterable<string> {
    return this.bySurface.get(surface) ?? [];
  }
}
