/** What a route demands of its caller, asked: scopes, and `require` over the request. */
import type { Principal } from '../../call/principal.js';
import type { Equality } from '../../paths/equality.js';
import type { Binding } from '../../routing/binding.js';
import { isSamePath } from '../../routing/field-path.js';
import { notAllowed } from '../../status/refusals.js';
import type { Access } from './planned.js';

/** The first of `demanded` that `held` does not satisfy. */
export function missingScope(demanded: readonly string[], held: ReadonlySet<string>): string | undefined {
  return demanded.find((scope) => !scope.split('|').some((one) => held.has(one)));
}

/** A demand over nothing but what the path captures is decided before anything else is read. */
export function splitDemands({ require }: Pick<Access, 'require'>, { variables }: Pick<Binding, 'variables'>) {
  const inPath = ({ requestFields }: Equality) =>
    requestFields.every((path) => variables.some(({ fieldPath }) => isSamePath(fieldPath, path)));
  return { ofPath: require.filter(inPath), ofMessage: require.filter((equality) => !inPath(equality)) };
}

/** Throws 403 if the caller is nobody where somebody is demanded, or lacks a scope. */
export function allowed({ mode, scopes }: Pick<Access, 'mode' | 'scopes'>, principal: Principal | undefined): void {
  if (mode === 'required' && principal === undefined) throw notAllowed();
  if (scopes.length > 0 && (principal === undefined || missingScope(scopes, principal.scopes) !== undefined)) {
    throw notAllowed();
  }
}

/** Throws 403 if one of them does not hold. Which one is not for the client: it may tell what others own. */
export function demand(require: readonly Equality[], request: Uint8Array, principal: Principal | undefined): void {
  if (!require.every((equality) => equality.holds(request, principal))) throw notAllowed();
}
