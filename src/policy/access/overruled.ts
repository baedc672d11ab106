/**
 * What an operator's rule takes away. `auth` of a rule replaces that of the proto whole, and so drops each demand that it
 * does not repeat:
 *
 *     proto    auth: { scopes: "read" scopes: "eu|us" require: "request.customer = caller.subject" }
 *     rule     auth: { scopes: [read, eu] }
 *     taken    require 'request.customer = caller.subject'          (`eu` demands no less than `eu|us`)
 */
import { type Diagnostic, formatPosition, type Position, warningAt } from '../../base/diagnostic.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import type { Access } from './planned.js';
import type { AuthSettings } from './settings.js';

export interface Overruled {
  /** The rule. */
  readonly by: Position;
  /** The proto's declaration. */
  readonly from: Position;
  /** One or more demands of the proto: `scope eu|us`, `require '…'`, `mode required`. */
  readonly taken: readonly string[];
}

/** What a proto says of who may call, and where. */
export interface DeclaredInProto {
  readonly auth: AuthSettings;
  readonly position: Position;
}

/**
 * `declared`: in the proto, if anything is. `auth` and `by`: what holds, and where it was declared.
 * Undefined: nothing that the proto demands is missing.
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
  const text = `${fullName}: the auth of this rule replaces that of ${formatPosition(from)}, and takes away ${taken.join(', ')}`;
  return warningAt(by, 'auth-overruled', text);
}

const STRENGTH = { public: 0, optional: 1, required: 2 } as const;

function isWeaker(mode: Access['mode'], declared: Access['mode'] | undefined): boolean {
  return declared !== undefined && STRENGTH[mode] < STRENGTH[declared];
}

/** `a|b` is either: who has the alternatives of `other` has one of `scope`. */
function demandsNoLess(other: string, scope: string): boolean {
  const enough = new Set(scope.split('|'));
  return other.split('|').every((one) => enough.has(one));
}

function scopeText(scope: string): string {
  return `scope ${scope}`;
}

/** Spaces mean something inside of texts alone. */
function withoutSpaces(equality: string): string {
  return equality.replace(/('(?:\\.|[^'\\])*')| +/g, '$1');
}
