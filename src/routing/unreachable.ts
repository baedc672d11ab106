/**
 * Finds bindings that no request reaches, because on each path that they match another binding is more specific.
 *
 *     GET /v1/{a=**}/{b}    never: GET /v1/{a}/{b=**} wins on every path
 *
 * The texts that `*` and `**` take decide only which literals and verbs of other templates match too. So it is enough to try
 * texts that no template has, with each number of segments for `**` that the templates can distinguish.
 */
import { METHODS } from 'node:http';
import type { Steps } from '../base/slices.js';
import type { Binding } from './binding.js';
import { bindingTable } from './binding-table.js';
import { ANY_METHOD } from './matcher.js';
import type { RouteTable } from './route-table.js';

export interface UnreachableBinding {
  readonly binding: Binding;
  /** The binding that answers instead, on one of its paths. */
  readonly winner: Binding;
}

/** Returns the unreachable bindings, without those that claim the same method and paths: these are conflicts. */
export function* unreachableBindings(bindings: readonly Binding[]): Steps<readonly UnreachableBinding[]> {
  const { table, conflicts } = yield* bindingTable(
    bindings.map((binding) => ({ binding, value: binding })),
  ).buildSteps();
  const conflicting = new Set(conflicts.map(({ httpMethod, shape }) => `${httpMethod} ${shape}`));
  const other = freshSegment(bindings);
  const longest = bindings.reduce((most, { template }) => Math.max(most, template.segments.length), 0);
  const found: UnreachableBinding[] = [];
  for (const binding of bindings) {
    yield;
    const winner = winnerOver(binding, table, { other, longest });
    if (winner === undefined || conflicting.has(`${binding.httpMethod} ${binding.template.shape}`)) continue;
    found.push({ binding, winner });
  }
  return found;
}

/** Returns a binding that answers instead; undefined when the binding is reached. */
function winnerOver(
  binding: Binding,
  table: RouteTable<Binding>,
  { other, longest }: { readonly other: string; readonly longest: number },
): Binding | undefined {
  const { shape, segments } = binding.template;
  const hasRest = segments.some(({ kind }) => kind === 'rest');
  const methods = binding.httpMethod === ANY_METHOD ? METHODS : [binding.httpMethod];
  let winner: Binding | undefined;
  // One segment for `**` is tried first, because it nearly always decides.
  for (const length of hasRest ? [1, 0, ...Array.from({ length: longest }, (_, i) => i + 2)] : [0]) {
    const path = pathOf(shape, other, length);
    for (const method of methods) {
      const result = table.match(method, path);
      if (result.kind !== 'found') continue;
      if (result.value === binding) return undefined;
      winner ??= result.value;
    }
  }
  return winner;
}

/** Returns a path of the shape, with `other` for each `*`, and `length` times for the `**`. */
export function pathOf(shape: string, other: string, length: number): string {
  const path = shape.replace(/\/(\*\*?)(?=[/:]|$)/g, (_, wildcard: string) =>
    `/${other}`.repeat(wildcard === '*' ? 1 : length),
  );
  return path === '' ? '/' : path;
}

/** Returns a text that no template has as a segment. */
export function freshSegment(bindings: readonly Binding[]): string {
  const literals = new Set<string>();
  for (const { template } of bindings)
    for (const segment of template.segments) if (segment.kind === 'literal') literals.add(segment.literal);
  let text = 'x';
  while (literals.has(text)) text += 'x';
  return text;
}
