/**
 * The policy of a method: what its service declares by default, overruled key by key (whole keys, nothing is merged
 * inside one) by what the method itself declares. Each part remembers where it came from.
 */
import type { Position } from '../base/diagnostic.js';
import type { PolicyDeclaration } from '../schema/annotations.js';
import type { MethodDescriptor } from '../schema/descriptor.js';

export type PolicyKey = Exclude<keyof PolicyDeclaration, 'position'>;

export interface Policy {
  readonly settings: Omit<PolicyDeclaration, 'position'>;
  /** Which declaration each present key was taken from. */
  readonly origins: ReadonlyMap<PolicyKey, Position>;
}

/** Service default < method. */
export function policyOf(method: MethodDescriptor): Policy {
  const origins = new Map<PolicyKey, Position>();
  const settings: Record<string, unknown> = {};
  for (const declaration of [method.service.defaultPolicy, method.policy]) {
    if (declaration === undefined) continue;
    const { position, ...keys } = declaration;
    for (const [key, value] of Object.entries(keys)) {
      if (value === undefined) continue;
      settings[key] = value;
      origins.set(key as PolicyKey, position);
    }
  }
  return { settings, origins };
}
