/** Builds tables from lines such as `GET /v1/{id}`. The value of a route is its line. */
import { parsePathTemplate } from '../../src/routing/path-template.js';
import {
  type Claim,
  type MatchResult,
  type RouteConflict,
  type RouteTable,
  RouteTableBuilder,
} from '../../src/routing/route-table.js';

export interface BuiltTable {
  readonly table: RouteTable<string>;
  readonly conflicts: readonly RouteConflict[];
}

/** Builds the table. A line that ends in `stream` is a method that streams, which derives no HEAD. */
export function tableOf(lines: readonly string[]): BuiltTable {
  const builder = new RouteTableBuilder<string>();
  for (const line of lines) builder.add(claimOf(line));
  return builder.build();
}

/** Returns the route of a line. */
export function claimOf(line: string): Claim<string> {
  const [httpMethod = '', text = '', stream] = line.split(' ');
  const origin = { name: line, position: { file: line }, derivesHead: stream === undefined };
  return { httpMethod, template: parsePathTemplate(text), value: line, origin };
}

/** Writes a result as one line: `GET /v1/{id} ["7"]`, `405 GET, HEAD, OPTIONS`, `404`, `400 REASON`. */
export function show(result: MatchResult<string>): string {
  switch (result.kind) {
    case 'found': {
      const captures = result.captures.length === 0 ? '' : ` ${JSON.stringify(result.captures)}`;
      return `${result.value}${captures}${result.headDerived ? ' (derived)' : ''}`;
    }
    case 'method-not-allowed':
      return `405 ${result.allow.join(', ')}`;
    case 'not-found':
      return '404';
    case 'malformed':
      return `400 ${result.reason}`;
  }
}
