/**
 * The policy of a method: what its service declares by default, overruled key by key (whole keys, nothing is merged
 * inside one) by what the method itself declares, overruled by the operators' rules in their order. Each part remembers
 * where it came from.
 */
import type { Diagnostic, Position } from '../base/diagnostic.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import type { MethodSelector } from '../schema/method-selector.js';
import type { OptionMessage } from '../schema/option-tree.js';
import { readPolicyOption } from './kind.js';
import { KINDS, type PolicySettings } from './kinds.js';

export type PolicyKey = keyof PolicySettings;

export interface PolicyDeclaration {
  readonly settings: PolicySettings;
  readonly position: Position;
}

export interface Policy {
  readonly settings: PolicySettings;
  /** Where each present key was declared. */
  readonly origins: ReadonlyMap<PolicyKey, Position>;
  /** Who declared each present key: `method shop.v1.Orders/ListOrders`, `service shop.v1.Orders`, `policy shop.*`. */
  readonly owners: ReadonlyMap<PolicyKey, string>;
}

/** One entry of the config's `policies`. */
export interface PolicyRule {
  readonly selector: string;
  readonly selects: MethodSelector;
  readonly declaration: PolicyDeclaration;
}

/** Service default < method < rules in their order. */
export function policyOf(method: MethodDescriptor, rules: readonly PolicyRule[]): Policy {
  const origins = new Map<PolicyKey, Position>();
  const owners = new Map<PolicyKey, string>();
  const settings: Record<string, unknown> = {};
  const declare = (declaration: PolicyDeclaration, owner: string) => {
    for (const [key, value] of Object.entries(declaration.settings)) {
      settings[key] = value;
      origins.set(key as PolicyKey, declaration.position);
      owners.set(key as PolicyKey, owner);
    }
  };
  const { service, policy, fullName } = method;
  if (service.defaultPolicy !== undefined)
    declare(readDeclaration(service.defaultPolicy).declaration, `service ${service.fullName}`);
  if (policy !== undefined) declare(readDeclaration(policy).declaration, `method ${fullName}`);
  for (const { selector, selects, declaration } of rules) {
    if (selects(method)) declare(declaration, `policy ${selector}`);
  }
  return { settings, origins, owners };
}

export interface FoundDeclaration {
  readonly declaration: PolicyDeclaration;
  readonly diagnostics: readonly Diagnostic[];
}

const known = new WeakMap<OptionMessage, FoundDeclaration>();

/** Reads a `protogate.v1.Policy`, each once. */
export function readDeclaration(option: OptionMessage): FoundDeclaration {
  const found = known.get(option);
  if (found !== undefined) return found;
  const { settings, diagnostics } = readPolicyOption(option, KINDS);
  const read = { declaration: { settings: settings as PolicySettings, position: option.position }, diagnostics };
  known.set(option, read);
  return read;
}
