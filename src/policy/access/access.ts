/**
 * Who may call a method: `auth` of its policy, with what the config's `auth` block says of methods that say nothing,
 * checked against what can be proven here at all. Closed: what demands something demands somebody.
 */
import { type Diagnostic, errorAt, type Position, warningAt } from '../../base/diagnostic.js';
import { compileEquality, type Equality } from '../../paths/equality.js';
import { ExpressionError } from '../../paths/expression.js';
import { isSamePath } from '../../routing/field-path.js';
import type { Binding } from '../../routing/http-rule.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import type { Policy } from '../policy.js';
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

export interface FoundAccess {
  readonly access: Access;
  readonly diagnostics: readonly Diagnostic[];
}

/** `means`: of the config's `auth` block; undefined without one. */
export function accessOf(method: MethodDescriptor, policy: Policy, means: AuthMeans | undefined): FoundAccess {
  const diagnostics: Diagnostic[] = [];
  const { auth } = policy.settings;
  const declared = policy.origins.get('auth');
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
