/** This module describes the findings of `diff`, and joins those with the same cause. */
import type { Position } from '../base/diagnostic.js';
import type { ChangeId, Severity } from './changes.js';

/** An effect of a change on clients, in one direction. */
export interface Effect {
  readonly severity: Severity;
  readonly text: string;
}

export function breaking(text: string): Effect {
  return { severity: 'breaking', text };
}

export function risky(text: string): Effect {
  return { severity: 'risky', text };
}

export function safe(text: string): Effect {
  return { severity: 'safe', text };
}

/** A change at one place, without the routes that it affects. */
export interface Cause {
  readonly change: ChangeId;
  /** The name of what has changed: a field, an enum value, a route, a method, or a key of the config. */
  readonly subject: string;
  /** A text for people that says what has changed. */
  readonly what: string;
  readonly effects: readonly Effect[];
  readonly old: Position | undefined;
  readonly new: Position | undefined;
}

/** A change without its name and its places. */
export type Found = Pick<Cause, 'change' | 'what' | 'effects'>;

/** A change with everything that it affects. */
export interface Finding {
  readonly change: ChangeId;
  readonly severity: Severity;
  readonly subject: string;
  readonly text: string;
  /** The place in the old version. Undefined for a new declaration. */
  readonly old: Position | undefined;
  /**
   * The place in the new version of the changed declaration, or of the declaration that contained it. Undefined when there is
   * none.
   */
  readonly new: Position | undefined;
  /** The affected routes. There is none for a change that is about no route. */
  readonly routes: AffectedRoutes;
}

export interface AffectedRoutes {
  readonly count: number;
  /** The first routes by name, such as `GET /v1/items`. */
  readonly examples: readonly string[];
}

/** The number of routes that a finding names. */
const NAMED = 3;

const RANK: Readonly<Record<Severity, number>> = { breaking: 0, risky: 1, safe: 2 };

interface Joined {
  readonly cause: Cause;
  readonly effects: Map<string, Effect>;
  /** The routes of each cause. They are joined at the end, because thousands of causes may share them. */
  readonly routes: Iterable<string>[];
}

/** Collects causes. The same cause in several routes, directions or surfaces becomes one finding. */
export class Findings {
  private readonly joined = new Map<string, Joined>();

  add(cause: Cause, routes: Iterable<string>): void {
    const key = `${cause.change}\n${cause.subject}\n${cause.what}`;
    let known = this.joined.get(key);
    if (known === undefined) {
      known = { cause, effects: new Map(), routes: [] };
      this.joined.set(key, known);
    }
    for (const effect of cause.effects) known.effects.set(`${effect.severity} ${effect.text}`, effect);
    known.routes.push(routes);
  }

  /** Returns all findings, the worst first, and then in the order of their places in the old version. */
  all(): readonly Finding[] {
    return [...this.joined.values()].map(findingOf).sort(compare);
  }
}

function findingOf({ cause, effects, routes }: Joined): Finding {
  const { change, subject, what } = cause;
  const sorted = [...effects.values()].sort(
    (a, b) => RANK[a.severity] - RANK[b.severity] || compareText(a.text, b.text),
  );
  const severity = sorted[0]?.severity ?? 'safe';
  const text = [`${subject}: ${what}`, ...new Set(sorted.map((effect) => effect.text))].join('; ');
  return { change, severity, subject, text, old: cause.old, new: cause.new, routes: affected(routes) };
}

function affected(routes: readonly Iterable<string>[]): AffectedRoutes {
  const all = new Set<string>();
  for (const some of routes) for (const route of some) all.add(route);
  return { count: all.size, examples: [...all].sort().slice(0, NAMED) };
}

function compare(a: Finding, b: Finding): number {
  const [left, right] = [a.old ?? a.new, b.old ?? b.new];
  return (
    RANK[a.severity] - RANK[b.severity] ||
    compareText(left?.file ?? '', right?.file ?? '') ||
    (left?.line ?? 0) - (right?.line ?? 0) ||
    (left?.column ?? 0) - (right?.column ?? 0) ||
    compareText(a.subject, b.subject) ||
    compareText(a.text, b.text)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
