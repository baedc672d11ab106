/**
 * The policy of a method: what its service declares by default, overruled key by key (whole keys, nothing is merged
 * inside one) by what the method itself declares, overruled by the operators' rules in their order. Each part remembers
 * where it came from.
 */
import type { Position } from '../base/diagnostic.js';
import type { PolicyDeclaration } from '../schema/annotations.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import type { MethodSelector } from '../schema/method-selector.js';

export type PolicyKey = Exclude<keyof PolicyDeclaration, 'position'>;

export interface Policy {
  readonly settings: Omit<PolicyDeclaration, 'position'>;
  /** Which declaration each present key was taken from. */
  readonly origins: ReadonlyMap<PolicyKey, Position>;
}

/** One entry of the config's `policies`. */
export interface PolicyRule {
  readonly selects: MethodSelector;
  readonly declaration: PolicyDeclaration;
}

/** Service default < method < rules in their order. */
export function policyOf(method: MethodDescriptor, rules: readonly PolicyRule[]): Policy {
  const origins = new Map<PolicyKey, Position>();
  const settings: Record<string, unknown> = {};
  const declare = (declaration: PolicyDeclaration | undefined) => {
    if (declaration === undefined) return;
    const { position, ...keys } = declaration;
    for (const [key, value] of Object.entries(keys)) {
      if (value === undefined) continue;
      settings[key] = value;
      origins.set(key as PolicyKey, position);
    }
  };
  declare(method.service.defaultPolicy);
  declare(method.policy);
  const { fullName } = method;
  const labels = (settings as Policy['settings']).labels ?? [];
  for (const { selects, declaration } of rules) if (selects({ fullName, labels })) declare(declaration);
  return { settings, origins };
}
