/** `cache` of a method's policy → what its GET routes do; and what is wrong with it, said when the schema is loaded. */

import { type Diagnostic, errorAt, warningAt } from '../../base/diagnostic.js';
import { isStreaming } from '../../call/call.js';
import type { Binding } from '../../routing/http-rule.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import type { Access } from '../access/access.js';
import type { Policy } from '../policy.js';
import type { CachePolicy } from './cache.js';

/** Undefined: nothing is kept. Only answers to GET are. */
export function cacheOf({ httpMethod, method }: Binding, policy: Policy): CachePolicy | undefined {
  return httpMethod !== 'GET' || isStreaming(method) ? undefined : cacheOfCall(policy);
}

/** Of a call that reads. Undefined: nothing is kept. */
export function cacheOfCall({ settings: { cache } }: Policy): CachePolicy | undefined {
  if (cache === undefined) return undefined;
  const { scope = 'consumer', ttlMs, staleWhileRevalidateMs = 0, staleIfErrorMs = 0 } = cache;
  return { scope, ttlMs, staleWhileRevalidateMs, staleIfErrorMs };
}

interface PlannedCache {
  readonly binding: Binding;
  readonly policy: Policy;
  readonly access: Access;
  readonly cache: CachePolicy | undefined;
}

/** `identityTravels`: the config sends claims, consumers or tokens to upstreams. */
export function cacheProblems(routes: readonly PlannedCache[], identityTravels: boolean): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const cached = new Set(routes.filter(({ cache }) => cache !== undefined).map(({ binding }) => binding.method));
  const seen = new Set<MethodDescriptor>();
  for (const { binding, policy, access } of routes) {
    const { method } = binding;
    const position = policy.origins.get('cache');
    if (position === undefined || seen.has(method)) continue;
    seen.add(method);
    if (!cached.has(method)) {
      const expected = isStreaming(method) ? 'a method that does not stream' : 'a GET binding';
      diagnostics.push(warningAt(position, 'cache-unused', `${method.fullName}: cache: expected ${expected}`));
    }
    if (policy.settings.cache?.scope !== 'public' || access.mode === 'public') continue;
    const demand = access.require.find(({ readsCaller }) => readsCaller);
    if (demand !== undefined) {
      const text = `${method.fullName}: expected scope consumer where a require reads the caller, got a public cache`;
      diagnostics.push(errorAt(position, 'cache-public', text));
    } else if (identityTravels) {
      const text = `${method.fullName}: its cache is public, so the upstream is not told who calls`;
      diagnostics.push(warningAt(position, 'cache-anonymous', text));
    }
  }
  return diagnostics;
}
