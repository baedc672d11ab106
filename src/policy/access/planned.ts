/**
 * Who may call a method: `auth` of its policy, with what the config's `auth` block says of methods that say nothing,
 * checked against what can be proven here at all. Closed: what demands something demands somebody.
 */
import { type Diagnostic, errorAt, type Position, warningAt } from '../../base/diagnostic.js';
import { compileEquality, type Equality } from '../../paths/equality.js';
import { ExpressionError } from '../../paths/expression.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import type { AuthBlock, AuthSettings } from './settings.js';
import { readsSubjectAlone, subjectAloneText, type Vouchers } from './vouchers.js';

export type AccessMode = 'required' | 'optional' | 'public';

export interface Access {
  readonly mode: AccessMode;
  /** All of them; `a|b` is either. */
  readonly scopes: readonly string[];
  readonly require: readonly Equality[];
  /** Who says so; undefined: nobody, nothing here authenticates. */
  readonly origin: Position | undefined;
}

/** What the config can prove. */
export interface AuthMeans {
  readonly default: AccessMode;
  readonly position: Position;
  /** Somebody can be known at all. */
  readonly identifies: boolean;
  /** Somebody's scopes can be known: tokens and API keys have them, certificates don't. */
  readonly knowsScopes: boolean;
  readonly vouchers: Vouchers;
}

/** What the config's `auth` block can prove; undefined without one. */
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

/** What a method's policy says of `auth`, and where. */
export interface DeclaredAuth {
  readonly auth: AuthSettings | undefined;
  readonly origin: Position | undefined;
}

/** `means`: what the config's `auth` block can prove; undefined without one. */
export function accessOf(
  method: MethodDescriptor,
  { auth, origin: declared }: DeclaredAuth,
  means: AuthMeans | undefined,
): FoundAccess {
  const diagnostics: Diagnostic[] = [];
  const position = declared ?? method.position;
  const problem = (rule: string, text: string) =>
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
    const what = scopes.length > 0 ? 'scopes' : 'a require over the caller';
    problem('auth-contradiction', `expected mode required with ${what}, got ${mode}`);
  }
  if (mode === 'required' && means?.identifies !== true) {
    // Where the block's own default demands somebody, the block is wrong and not every method.
    if (origin === undefined || origin !== means?.position)
      problem('auth-impossible', 'its policy demands a caller, and no way to authenticate is configured');
  } else if (mode === 'required' && scopes.length > 0 && means?.knowsScopes !== true) {
    problem('auth-impossible', 'its policy demands scopes, and certificates, the only credential here, carry none');
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
