/**
 * Bindings that no request reaches: on each path that they match another one is more specific.
 *
 *     GET /v1/{a=**}/{b}    never: GET /v1/{a}/{b=**} goes before, whatever the path
 *
 * What stands for `*` and `**` in a path decides nothing but which literals and verbs match too. So a binding is reached if
 * it is with texts that no template has, where `**` stands for as many segments as templates can tell apart.
 */
import { METHODS } from 'node:http';
import type { Binding } from './binding.js';
import { bindingTable } from './binding-table.js';
import { ANY_METHOD } from './matcher.js';
import type { RouteTable } from './route-table.js';

export interface UnreachableBinding {
  readonly binding: Binding;
  /** What goes before it, on one of its paths. */
  readonly winner: Binding;
}

/** Bindings that claim the same method and paths are left out: that is a conflict. */
export function unreachableBindings(bindings: readonly Binding[]): readonly UnreachableBinding[] {
  const { table, conflicts } = bindingTable(bindings.map((binding) => ({ binding, value: binding }))).build();
  const conflicting = new Set(conflicts.map(({ httpMethod, shape }) => `${httpMethod} ${shape}`));
  const other = freshSegment(bindings);
  const longest = bindings.reduce((most, { template }) => Math.max(most, template.segments.length), 0);
  return bindings.flatMap((binding) => {
    const winner = winnerOver(binding, table, { other, longest });
    if (winner === undefined || conflicting.has(`${binding.httpMethod} ${binding.template.shape}`)) return [];
    return { binding, winner };
  });
}

/** Undefined: the binding is reached. */
function winnerOver(
  binding: Binding,
  table: RouteTable<Binding>,
  { other, longest }: { readonly other: string; readonly longest: number },
): Binding | undefined {
  const { shape, segments } = binding.template;
  const hasRest = segments.some(({ kind }) => kind === 'rest');
  const methods = binding.httpMethod === ANY_METHOD ? METHODS : [binding.httpMethod];
  let winner: Binding | undefined;
  // One segment first: it nearly always decides.
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

/** A path of the shape, with `other` for each `*` and `length` times for the `**`. */
function pathOf(shape: string, other: string, length: number): string {
  const path = shape.replace(/\/(\*\*?)(?=[/:]|$)/g, (_, wildcard: string) =>
    `/${other}`.repeat(wildcard === '*' ? 1 : length),
  );
  return path === '' ? '/' : path;
}

/** A text that no template has as a segment. */
function freshSegment(bindings: readonly Binding[]): string {
  const literals = new Set<string>();
  for (const { template } of bindings)
    for (const segment of template.segments) if (segment.kind === 'literal') literals.add(segment.literal);
  let text = 'x';
  while (literals.has(text)) text += 'x';
  return text;
}
