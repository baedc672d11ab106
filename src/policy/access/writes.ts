/**
 * This module decides whether a request may change something. The verb alone is not enough: a rule for all verbs
 * answers GET too, and a method may declare that its GET has effects.
 *
 *     get                                reads, unless the method says idempotency_level = IDEMPOTENT
 *     custom { kind: "*" }, HEAD, …      writes, unless the method says NO_SIDE_EFFECTS
 *     POST and every other verb          writes, under whichever rule it comes
 *
 * docs/authorization.md#cookies-and-cross-site-requests-csrf says what depends on it.
 */
import { type Diagnostic, warningAt } from '../../base/diagnostic.js';
import type { Binding } from '../../routing/binding.js';

/** The verbs that RFC 9110 §9.2.1 defines as safe. */
const SAFE_VERBS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * True unless the binding only reads. A GET binding only reads if its method is not IDEMPOTENT; any other binding does if its
 * method says NO_SIDE_EFFECTS. A HEAD request that a GET binding answers counts as a GET.
 */
export function mayWrite({ httpMethod, method: { idempotency } }: Pick<Binding, 'httpMethod' | 'method'>): boolean {
  return httpMethod === 'GET' ? idempotency === 'idempotent' : idempotency !== 'no-side-effects';
}

/** True if a request with this verb counts as writing. */
export function writes(binding: Pick<Binding, 'httpMethod' | 'method'>, verb: string): boolean {
  return !SAFE_VERBS.has(verb) || mayWrite(binding);
}

/** Warns of each GET that may write, because browsers, caches and crawlers send GET requests without being asked to. */
export function writingGets(bindings: readonly Binding[]): readonly Diagnostic[] {
  return bindings.filter((binding) => binding.httpMethod === 'GET' && mayWrite(binding)).map(writingGet);
}

function writingGet({ method, template, position }: Binding): Diagnostic {
  const found = 'got IDEMPOTENT, which allows writes';
  const text = `${method.fullName}: GET ${template.text}: expected idempotency_level NO_SIDE_EFFECTS or none, ${found}`;
  return warningAt(position, 'get-writes', text);
}
