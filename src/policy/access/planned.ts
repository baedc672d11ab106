/**
 * This module decides who may call a method. It joins the `auth` of the method's policy with the defaults of the
 * config's `auth` block, and checks that the config can prove what the method demands. A method that demands scopes or
 * a condition over the caller always demands a known caller.
 */

import { type Diagnostic, errorAt, type Position, warningAt } from '../../base/diagnostic.js';
import type { RuleId } from '../../base/rules.js';
import { compileEquality, type Equality } from '../../paths/equality.js';
import { ExpressionError } from '../../paths/expression.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import type { AuthBlock, AuthSettings } from './settings.js';
import { readsSubjectAlone, subjectAloneText, type Vouchers } from './vouchers.js';

export type AccessMode = 'required' | 'optional' | 'public';

export interface Access {
  readonly mode: AccessMode;
  /** The scopes that a caller must have, all of them. In `a|b` one of the alternatives is enough. */
  readonly scopes: readonly string[];
  readonly require: readonly Equality[];
  /** The position of the declaration. Undefined when nothing is declared and the config has no `auth` block. */
  readonly origin: Position | undefined;
}

/** The ways in which the config's `auth` block can identify callers, and the access mode of routes that declare none. */
export interface AuthMeans {
  readonly default: AccessMode;
  readonly position: Position;
  /** True if the config has any way to authenticate a caller. */
  readonly identifies: boolean;
  /** True if a caller's scopes can be known. Tokens and API keys have scopes; certificates have none. */
  readonly knowsScopes: boolean;
  readonly vouchers: Vouchers;
}

/** Returns the means of the config's `auth` block. Undefined when there is no such block. */
export function meansOf(auth: AuthBlock | undefined): AuthMeans | undefined {
  if (auth === undefined) return undefined;
  const knowsScopes = auth.jwt.length > 0 || auth.apiKeys !== undefined;
  const identifies = knowsScopes || auth.mtls !== undefined;
  const vouchers = {
    issuers: auth.jwt.length,
    apiKeys: auth.apiKeys !== undefined,
    certificates: auth.mtls !== undefined,
  };
  return { default: auth.default, position: auth.position, identifies, knowsScopes, vouchers };
}

export interface FoundAccess {
  readonly access: Access;
  readonly diagnostics: readonly Diagnostic[];
}

/** The `auth` of a method's policy, and the position of its declaration. */
export interface DeclaredAuth {
  readonly auth: AuthSettings | undefined;
  readonly origin: Position | undefined;
}

/**
 * Returns who may call a method, with all problems. `means` is what the config's `auth` block can prove. It is
 * undefined when there is no such block.
 */
export function accessOf(
  method: MethodDescriptor,
  { auth, origin: declared }: DeclaredAuth,
  means: AuthMeans | undefined,
): FoundAccess {
  const diagnostics: Diagnostic[] = [];
  const position = declared ?? method.position;
  const problem = (rule: RuleId, text: string) =>
    void diagnostics.push(errorAt(position, rule, `${method.fullName}: ${text}`));
  const scopes = auth?.scopes ?? [];
  const require = (auth?.require ?? []).flatMap((text) => {
    try {
      return [compileEquality(text, method.input)];
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      problem('require', `require '${text}': ${error.message}`);
      return [];
    }
  });
  const read = require.flatMap(({ callerPaths }) => callerPaths);
  for (const { text, callerPaths } of require) {
    if (means === undefined || !readsSubjectAlone(callerPaths, read, means.vouchers)) continue;
    const found = `${method.fullName}: require '${text}': ${subjectAloneText(means.vouchers)}`;
    diagnostics.push(warningAt(position, 'subject-alone', found));
  }
  const demanding = scopes.length > 0 || require.some(({ readsCaller }) => readsCaller);
  const { mode, origin } = modeOf();
  if (demanding && mode !== 'required') {
    const what = scopes.length > 0 ? 'scopes' : 'a require that reads the caller';
    problem('auth-contradiction', `expected auth mode required, because the policy has ${what}, got ${mode}`);
  }
  if (mode === 'required' && means?.identifies !== true) {
    // If the default of the `auth` block demands a caller, the block has the error, which is not repeated for each
    // method.
    if (origin === undefined || origin !== means?.position)
      problem(
        'auth-impossible',
        'its policy requires a caller, but the config has no way to authenticate one; add auth.jwt, auth.apiKeys or auth.mtls',
      );
  } else if (mode === 'required' && scopes.length > 0 && means?.knowsScopes !== true) {
    problem(
      'auth-impossible',
      'its policy requires scopes, but client certificates, the only configured credentials, have none; add auth.jwt or auth.apiKeys',
    );
  }
  return { access: { mode, scopes, require, origin }, diagnostics };

  function modeOf(): Pick<Access, 'mode' | 'origin'> {
    if (auth?.mode !== undefined) return { mode: auth.mode, origin: declared };
    if (demanding) return { mode: 'required', origin: declared };
    return means === undefined
      ? { mode: 'public', origin: undefined }
      : { mode: means.default, origin: means.position };
  }
}
