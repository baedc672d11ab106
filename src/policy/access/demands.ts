/** This module checks what a route demands of its caller: scopes, and `require` conditions over the request. */
import type { Principal } from '../../call/principal.js';
import type { Equality } from '../../paths/equality.js';
import type { Binding } from '../../routing/binding.js';
import { isSamePath } from '../../routing/field-path.js';
import { notAllowed } from '../../status/refusals.js';
import type { Access } from './planned.js';

/** Returns the first scope of `demanded` that `held` lacks; `a|b` is lacking if both are. Undefined when none is lacking. */
export function missingScope(demanded: readonly string[], held: ReadonlySet<string>): string | undefined {
  return demanded.find((scope) => !scope.split('|').some((one) => held.has(one)));
}

const NO_SCOPES: ReadonlySet<string> = new Set();

/**
 * Splits the `require` conditions of a route. Those in `ofPath` read no fields of the request but the variables of the path, so
 * they are checked before the body is read. Those in `ofMessage` are checked afterwards.
 */
export function splitDemands({ require }: Pick<Access, 'require'>, { variables }: Pick<Binding, 'variables'>) {
  const inPath = ({ requestFields }: Equality) =>
    requestFields.every((path) => variables.some(({ fieldPath }) => isSamePath(fieldPath, path)));
  return { ofPath: require.filter(inPath), ofMessage: require.filter((equality) => !inPath(equality)) };
}

/** Throws 403 if the method demands a caller and there is none, or if the caller lacks a scope. */
export function allowed({ mode, scopes }: Pick<Access, 'mode' | 'scopes'>, principal: Principal | undefined): void {
  if (mode === 'required' && principal === undefined) throw notAllowed('a caller');
  const missing = missingScope(scopes, principal?.scopes ?? NO_SCOPES);
  if (missing !== undefined) throw notAllowed(`a caller with the scope ${missing}`);
}

/**
 * Throws 403 if a condition does not hold. The client's error does not show the condition, because it could reveal what other
 * callers own.
 */
export function demand(require: readonly Equality[], request: Uint8Array, principal: Principal | undefined): void {
  for (const equality of require) if (!equality.holds(request, principal)) throw notAllowed(equality.text);
}
