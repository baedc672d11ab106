/** This module finds errors and risks of cached answers that depend on who may call. */
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import { isStreaming } from '../call/call.js';
import type { Config } from '../config/config.js';
import type { PlannedRoute } from '../route/planned-route.js';
import type { MethodDescriptor } from '../schema/descriptor.js';

/**
 * Returns the problems of the `cache` settings of routes. They depend on who may call, and on which data of the caller reach
 * the upstream.
 */
export function cacheProblems({ auth, metadata }: Config, routes: readonly PlannedRoute[]): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const identityTravels = identityReachesUpstreams({ auth, metadata });
  const cached = new Set(routes.filter(({ cache }) => cache !== undefined).map(({ binding }) => binding.method));
  const seen = new Set<MethodDescriptor>();
  for (const { binding, policy, access } of routes) {
    const { method } = binding;
    const position = policy.origins.get('cache');
    if (position === undefined || seen.has(method)) continue;
    seen.add(method);
    if (!cached.has(method)) {
      const expected = isStreaming(method) ? 'a method that does not stream' : 'a GET route';
      diagnostics.push(
        warningAt(
          position,
          'cache-unused',
          `${method.fullName}: cache: expected ${expected}, so answers of this method are never cached`,
        ),
      );
    }
    if (policy.settings.cache?.scope !== 'public' || access.mode === 'public') continue;
    const demand = access.require.find(({ readsCaller }) => readsCaller);
    if (demand !== undefined) {
      const text = `${method.fullName}: expected cache scope consumer, because require reads the caller, got public`;
      diagnostics.push(errorAt(position, 'cache-public', text));
    } else if (identityTravels) {
      const text = `${method.fullName}: the cache scope is public, so no identity of the caller is sent to the upstream; use scope consumer if it needs one`;
      diagnostics.push(warningAt(position, 'cache-anonymous', text));
    }
  }
  return diagnostics;
}

function identityReachesUpstreams({ auth, metadata }: Pick<Config, 'auth' | 'metadata'>): boolean {
  if (auth === undefined) return false;
  const { apiKeys, mtls } = auth;
  const keys = [apiKeys, mtls].flatMap((means) => [means?.consumerToMetadata, means?.issuerToMetadata]);
  return (
    keys.some((key) => key !== undefined) ||
    metadata.forwardAuthorization ||
    auth.jwt.some(({ claimsToMetadata }) => claimsToMetadata.size > 0)
  );
}
