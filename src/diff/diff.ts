/**
 * This module compares two versions of an API as REST clients see them. Routes are compared surface by surface, with
 * their policies; messages as far as routes use them; then the settings.
 */
import type { PlannedRoute } from '../route/planned-route.js';
import { planChanges, settingChanges } from './compare-configs.js';
import { policyChanges } from './compare-policies.js';
import { compareRoutes, routeText } from './compare-routes.js';
import { matchSurfaces } from './compare-surfaces.js';
import { breaking, type Finding, Findings, risky } from './finding.js';
import { type Match, matchRoutes, type Shadow } from './match-routes.js';
import { MessageGraph } from './message-graph.js';
import { type Renames, renamed, type Side, type SideSurface } from './side.js';

/** Returns all changes, the worst first. */
export function diff(old: Side, now: Side, renames: Renames = new Map()): readonly Finding[] {
  const findings = new Findings();
  const { pairs, causes } = matchSurfaces(old, now);
  for (const [before, after] of pairs) new SurfaceComparison(before, after, { old, now, renames, findings }).compare();
  for (const cause of causes) findings.add(cause, []);
  for (const cause of planChanges(old, now)) findings.add(cause, []);
  return findings.all();
}

interface Context {
  readonly old: Side;
  readonly now: Side;
  readonly renames: Renames;
  readonly findings: Findings;
}

class SurfaceComparison {
  private readonly graph: MessageGraph;
  private readonly versions;

  constructor(
    private readonly old: SideSurface,
    private readonly now: SideSurface,
    private readonly context: Context,
  ) {
    this.versions = { old: old.config, new: now.config, renames: context.renames };
    this.graph = new MessageGraph(this.versions);
  }

  compare(): void {
    const { old, now, graph } = this;
    const { findings, renames } = this.context;
    const { matches, shadows, added } = matchRoutes(old.routes, now.routes, renames);
    for (const match of matches) this.compareMatch(match);
    for (const shadow of shadows) this.addShadow(shadow);
    for (const route of added) this.addRoute(route);
    graph.report(findings);
    const before = { ...old, placeOf: this.context.old.placeOf };
    const after = { ...now, placeOf: this.context.now.placeOf };
    for (const cause of settingChanges(old.name, before, after)) findings.add(cause, []);
  }

  private compareMatch(match: Match): void {
    const { findings } = this.context;
    const { old } = match;
    const route = this.nameOf(old);
    if (match.kind === 'gone') {
      const { answeredBy } = match;
      const rpc = renamed(old.binding.method.fullName, this.context.renames);
      const unserved = this.now.unserved.find(({ binding }) => binding.method.fullName === rpc);
      const why = unserved === undefined ? '' : ', because no upstream serves its service';
      const effect =
        answeredBy === undefined
          ? 'its requests get 404 or 405'
          : `${routeText(answeredBy)} of ${answeredBy.binding.method.fullName} answers its requests`;
      const place = unserved?.binding.position ?? answeredBy?.binding.position;
      findings.add(
        {
          change: 'route-gone',
          subject: route,
          what: `the route of ${old.binding.method.fullName} is gone${why}`,
          effects: [breaking(effect)],
          old: old.binding.position,
          new: place,
        },
        [route],
      );
      return;
    }
    const now = match.new;
    if (match.kind === 'moved' || match.kind === 'narrowed') this.addMoved(match.kind, old, now);
    if (match.kind === 'same') this.compareRpcs(old, now);
    compareRoutes(old, now, { ...this.versions, graph: this.graph, findings, route });
    const [before, after] = [
      { route: old, config: this.old.config },
      { route: now, config: this.now.config },
    ];
    for (const cause of policyChanges(before, after)) findings.add(cause, [route]);
  }

  private addMoved(kind: 'moved' | 'narrowed', old: PlannedRoute, now: PlannedRoute): void {
    const isNarrowed = kind === 'narrowed';
    const what = isNarrowed ? `the path is now ${now.binding.template.text}` : `the route is now ${routeText(now)}`;
    const text = isNarrowed ? 'other paths that it matched get 404 or 405' : 'its requests get 404 or 405';
    this.context.findings.add(
      {
        change: isNarrowed ? 'route-narrowed' : 'route-moved',
        subject: this.nameOf(old),
        what,
        effects: [breaking(text)],
        old: old.binding.position,
        new: now.binding.position,
      },
      [this.nameOf(old)],
    );
  }

  private compareRpcs(old: PlannedRoute, now: PlannedRoute): void {
    const [before, after] = [old.binding.method.fullName, now.binding.method.fullName];
    if (renamed(before, this.context.renames) === after) return;
    const cause = {
      change: 'route-rpc' as const,
      subject: this.nameOf(old),
      what: `the route calls ${after} instead of ${before}`,
      effects: [risky('it may do something else')],
      old: old.binding.position,
      new: now.binding.position,
    };
    this.context.findings.add(cause, [this.nameOf(old)]);
  }

  private addShadow({ old, by, isWhole, path }: Shadow): void {
    const some = isWhole ? 'all requests' : 'some requests';
    const what = `the route of ${by.binding.method.fullName} answers ${some} that another route answered`;
    const effects = [isWhole ? breaking(`such as ${path}`) : risky(`such as ${path}`)];
    const place = { old: old[0]?.binding.position, new: by.binding.position };
    const cause = { change: 'route-shadowed' as const, subject: this.nameOf(by), what, effects, ...place };
    this.context.findings.add(
      cause,
      old.map((route) => this.nameOf(route)),
    );
  }

  private addRoute(route: PlannedRoute): void {
    const subject = this.nameOf(route);
    const what = `the route of ${route.binding.method.fullName} is new`;
    const place = { old: undefined, new: route.binding.position };
    this.context.findings.add({ change: 'route-added', subject, what, effects: [], ...place }, [subject]);
  }

  /** Returns the name of a route in findings: its method and path, after the name of the surface if there are several. */
  private nameOf(route: PlannedRoute): string {
    const text = routeText(route);
    return this.context.old.surfaces.length === 1 ? text : `${this.old.name}: ${text}`;
  }
}
