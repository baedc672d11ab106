/**
 * This module computes the policy of a method. The method's own keys replace those of its service, and the operators'
 * rules replace both, in their order. A key is replaced as a whole; its content is never merged. For each key the
 * position of its declaration is kept.
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
  /** The position of the declaration of each present key. */
  readonly origins: ReadonlyMap<PolicyKey, Position>;
  /**
   * The name of the declaration of each present key: `method shop.v1.Orders/ListOrders`, `service shop.v1.Orders`,
   * `policy shop.*`.
   */
  readonly owners: ReadonlyMap<PolicyKey, string>;
}

/** One entry of the config's `policies`. */
export interface PolicyRule {
  /** The name of the rule, such as `policy shop.*`. Its limits count under this name. */
  readonly owner: string;
  readonly selects: MethodSelector;
  readonly declaration: PolicyDeclaration;
}

/** Returns the policy of a method. The method overrides its service, and the rules override both, in their order. */
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
  for (const { owner, selects, declaration } of rules) {
    if (selects(method)) declare(declaration, owner);
  }
  return { settings, origins, owners };
}

export interface FoundDeclaration {
  readonly declaration: PolicyDeclaration;
  readonly diagnostics: readonly Diagnostic[];
}

const known = new WeakMap<OptionMessage, FoundDeclaration>();

/** Reads a `protogate.v1.Policy`. Each option is read once and then remembered. */
export function readDeclaration(option: OptionMessage): FoundDeclaration {
  const found = known.get(option);
  if (found !== undefined) return found;
  const { settings, diagnostics } = readPolicyOption(option, KINDS);
  const read = { declaration: { settings: settings as PolicySettings, position: option.position }, diagnostics };
  known.set(option, read);
  return read;
}
