/**
 * This module prints the route map for people and programs: `routes --format json|table|markdown`, and `/routes` on the
 * admin port.
 */
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import { formatPosition } from '../base/diagnostic.js';
import { DEFAULT_SURFACE } from '../config/surface-configs.js';
import type { Access } from '../policy/access/planned.js';
import { policyNotes } from '../policy/kinds.js';
import type { Policy } from '../policy/policy.js';
import type { PlannedRoute } from '../route/planned-route.js';
import { type Streaming, streamingOf } from '../schema/descriptor.js';
import { type OnFailure, onFailure } from './on-failure.js';

/** One row of the route map. Its names are fixed, because other programs read them. */
export interface RouteRow {
  readonly method: string;
  /** The path template as it is written, after the base path of the surface. */
  readonly path: string;
  readonly rpc: string;
  /** The index of the binding: 0 for the rule itself, 1 and more for its additional bindings. */
  readonly binding: number;
  readonly body: string;
  readonly responseBody: string;
  readonly streaming: Streaming;
  readonly surface: string;
  /** The declared settings, with the access that follows from them. */
  readonly policy: Policy['settings'] & { readonly access: Access['mode'] };
  /** The place of the declaration of each part of the policy, as `FILE:LINE:COL`. */
  readonly policyOrigins: Readonly<Record<string, string>>;
  /** The name of the upstream that serves the route. Null for an aggregate, and when no upstream serves the route. */
  readonly upstream: string | null;
  /** The measures that the route takes when its upstream fails. {@link OnFailure} explains each of them. */
  readonly onFailure: readonly OnFailure[];
  /** The calls of an aggregate, and the largest number of calls that one request can cause. Absent for other routes. */
  readonly aggregate?: { readonly calls: readonly string[]; readonly maxCalls: number };
  /** The place of the rule. `file` is an import path, or the path of the service config if the rule is there. */
  readonly source: { readonly file: string; readonly line?: number };
}

/** Returns the rows of the route map, in the order of the schema. */
export function routeRows(routes: readonly PlannedRoute[]): RouteRow[] {
  return routes.map(routeRow);
}

function routeRow(route: PlannedRoute): RouteRow {
  const { binding, policy, access, upstream, aggregate } = route;
  const { method, index, httpMethod, template, body, responseBody, position } = binding;
  const { file, line } = position.line === undefined ? method.position : position;
  // A rule from a service config has that file's path. Every other rule is in the method's proto, which is shown by its
  // import path.
  const source = file === method.position.file ? method.service.file : file;
  const origins = [...policy.origins].map(([key, origin]) => [key, formatPosition(origin)] as const);
  const accessOrigin = access.origin === undefined ? [] : [['access', formatPosition(access.origin)] as const];
  return {
    method: httpMethod,
    path: route.basePath + template.text,
    rpc: method.fullName,
    binding: index,
    body: body.kind === 'whole' ? '*' : body.kind === 'field' ? body.field.name : '',
    responseBody: responseBody?.name ?? '',
    streaming: streamingOf(method),
    surface: route.surface,
    policy: { ...policy.settings, access: access.mode },
    policyOrigins: Object.fromEntries([...origins, ...accessOrigin]),
    upstream: upstream ?? null,
    onFailure: onFailure(route),
    ...(aggregate === undefined ? {} : { aggregate: callsOf(aggregate.plan) }),
    source: line === undefined ? { file: source } : { file: source, line },
  };
}

function callsOf({ steps, calls }: AggregatePlan): NonNullable<RouteRow['aggregate']> {
  const called = steps.flatMap(({ source }) => (source.kind === 'call' ? [source.call.method.fullName] : []));
  return { calls: called, maxCalls: calls };
}

/** The largest width of the column for paths, in characters. A longer path only moves the rest of its own row. */
const MAX_PATH_WIDTH = 72;

/**
 * Returns a table of aligned columns with a header, and the number of routes below. It has a column for the surface if
 * the config has surfaces.
 */
export function formatTable(rows: readonly RouteRow[]): string {
  const named = hasSurfaces(rows);
  const lines = rows.map((row) => [row.method, row.path, row.rpc, ...(named ? [row.surface] : []), notesOf(row)]);
  const header = ['METHOD', 'PATH', 'RPC', ...(named ? ['SURFACE'] : []), 'NOTES'];
  const widths = header.map((title, column) => {
    let width = title.length;
    for (const line of lines) width = Math.max(width, line[column]!.length);
    return column === 1 ? Math.min(width, MAX_PATH_WIDTH) : width;
  });
  const text = [header, ...lines].map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return `${text.join('\n')}\n\n${countRoutes(rows)}\n`;
}

export function formatMarkdown(rows: readonly RouteRow[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const code = (text: string) => `\`${cell(text)}\``;
  const named = hasSurfaces(rows);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const lines = rows.map((row) =>
    line([cell(row.method), code(row.path), code(row.rpc), ...(named ? [row.surface] : []), cell(notesOf(row))]),
  );
  const header = ['method', 'path', 'rpc', ...(named ? ['surface'] : []), 'notes'];
  return [line(header), `|${'---|'.repeat(header.length)}`, ...lines, ''].join('\n');
}

/** True if the config names surfaces. */
function hasSurfaces(rows: readonly RouteRow[]): boolean {
  return rows.some(({ surface }) => surface !== DEFAULT_SURFACE);
}

/** Returns a text such as `23 routes of 4 services`. */
export function countRoutes(rows: readonly { readonly rpc: string }[]): string {
  const services = new Set(rows.map(({ rpc }) => rpc.slice(0, rpc.indexOf('/'))));
  return `${plural(rows.length, 'route')} of ${plural(services.size, 'service')}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function notesOf({ body, responseBody, streaming, policy, aggregate, onFailure }: RouteRow): string {
  const notes: string[] = [];
  if (aggregate !== undefined) notes.push(`aggregate: at most ${plural(aggregate.maxCalls, 'call')}`);
  if (body !== '') notes.push(`body: ${body}`);
  if (responseBody !== '') notes.push(`response: ${responseBody}`);
  if (streaming !== 'unary') notes.push(`${streaming} stream`);
  if (policy.access !== 'public') notes.push(`auth: ${[policy.access, ...(policy.auth?.scopes ?? [])].join(' ')}`);
  notes.push(...policyNotes(policy));
  if (onFailure.length > 0) notes.push(`on failure: ${onFailure.join(' ')}`);
  return notes.join(', ');
}
