/**
 * This module finds the demands of a proto that an operator's rule removes. `auth` of a rule replaces the whole `auth`
 * of the proto, so each demand that the rule does not repeat is lost:
 *
 *     proto    auth: { scopes: "read" scopes: "eu|us" require: "request.customer = caller.subject" }
 *     rule     auth: { scopes: [read, eu] }
 *     taken    require 'request.customer = caller.subject'          (`eu` demands no less than `eu|us`)
 *
 * docs/authorization.md#overriding-the-auth-of-a-proto tells operators about it.
 */
import { type Diagnostic, formatPosition, type Position, warningAt } from '../../base/diagnostic.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import type { Access } from './planned.js';
import type { AuthSettings } from './settings.js';

export interface Overruled {
  /** The position of the operator's rule. */
  readonly by: Position;
  /** The position of the proto's declaration. */
  readonly from: Position;
  /** The lost demands of the proto, at least one, for example `scope eu|us`, `require '…'` or `mode required`. */
  readonly taken: readonly string[];
}

/** The `auth` that a proto declares, and its position. */
export interface DeclaredInProto {
  readonly auth: AuthSettings;
  readonly position: Position;
}

/**
 * Returns the demands of the proto that are lost. `declared` is the declaration in the proto, if there is one. `auth`
 * and `by` are the settings that apply and the position of their declaration. Undefined when no demand is lost.
 */
export function overruledAuth(
  declared: DeclaredInProto | undefined,
  auth: AuthSettings | undefined,
  by: Position | undefined,
  { mode }: Pick<Access, 'mode'>,
): Overruled | undefined {
  if (declared === undefined || auth === undefined || by === undefined || auth === declared.auth) return undefined;
  const kept = new Set(auth.require.map(withoutSpaces));
  const taken = [
    ...(isWeaker(mode, declared.auth.mode) ? [`mode ${declared.auth.mode}`] : []),
    ...declared.auth.scopes.filter((scope) => !auth.scopes.some((other) => demandsNoLess(other, scope))).map(scopeText),
    ...declared.auth.require.filter((text) => !kept.has(withoutSpaces(text))).map((text) => `require '${text}'`),
  ];
  return taken.length === 0 ? undefined : { by, from: declared.position, taken };
}

export function overruledWarning({ fullName }: MethodDescriptor, { by, from, taken }: Overruled): Diagnostic {
  const text = `${fullName}: the auth of this rule replaces the auth at ${formatPosition(from)} and removes ${taken.join(', ')}; repeat it here to keep it`;
  return warningAt(by, 'auth-overruled', text);
}

const STRENGTH = { public: 0, optional: 1, required: 2 } as const;

function isWeaker(mode: Access['mode'], declared: Access['mode'] | undefined): boolean {
  return declared !== undefined && STRENGTH[mode] < STRENGTH[declared];
}

/**
 * True if every caller whose scopes satisfy `other` also satisfies `scope`. In `a|b` one of the alternatives is enough.
 */
function demandsNoLess(other: string, scope: string): boolean {
  const enough = new Set(scope.split('|'));
  return other.split('|').every((one) => enough.has(one));
}

function scopeText(scope: string): string {
  return `scope ${scope}`;
}

/** Removes the spaces outside of quoted texts, because only spaces inside of them have a meaning. */
function withoutSpaces(equality: string): string {
  return equality.replace(/('(?:\\.|[^'\\])*')| +/g, '$1');
}
