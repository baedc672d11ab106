/**
 * This module has the schemas of `auth` in a policy, which defines who may call, and of the config's `auth` block,
 * which defines how callers prove their identity. With that block, a method without `auth` demands a known caller.
 */
import { z } from 'zod';
import type { Position } from '../../base/diagnostic.js';
import { duration, headerName } from '../../base/values.js';
import { isMetadataKey, isReservedMetadataKey } from '../../call/metadata.js';
import { API_KEY_ISSUER, CERTIFICATE_ISSUER } from '../../call/principal.js';
import { parseClaimPath } from '../../paths/claim-path.js';
import { ExpressionError } from '../../paths/expression.js';
import { mayCarryIdentity } from '../../transcoding/headers.js';
import { lastMessage, policyKind } from '../kind.js';
import type { TokenSource } from './credentials.js';
import { secretProblem, TOKEN_ALGORITHMS } from './jwk-set.js';
import { jwksUriProblem } from './jwks-fetch.js';

const OWN_ISSUERS: ReadonlySet<string> = new Set([API_KEY_ISSUER, CERTIFICATE_ISSUER]);

const algorithm = z.enum(TOKEN_ALGORITHMS, {
  error: ({ input }) =>
    input === 'EdDSA' || input === 'none'
      ? `${input} cannot be served: expected RS256, PS256, ES256 or HS256 and their longer forms`
      : 'expected RS256, PS256, ES256, HS256 or one of their longer forms',
});

/** The metadata key under which the caller's identity is sent to the upstreams. */
const metadataKey = z
  .string()
  .transform((name) => name.toLowerCase())
  .refine((key) => isMetadataKey(key) && !isReservedMetadataKey(key) && mayCarryIdentity(key), {
    error: 'expected a metadata key that the gateway does not set itself, such as x-user-id',
  });

const cookieName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of a cookie' });

const parameterName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/, { error: 'expected the name of a query parameter' });

const tokenSource = z
  .strictObject({ header: headerName.optional(), cookie: cookieName.optional(), query: parameterName.optional() })
  .transform(({ header, cookie, query }, { addIssue }): TokenSource => {
    const sources: TokenSource[] = [
      ...(header === undefined ? [] : [{ header }]),
      ...(cookie === undefined ? [] : [{ cookie }]),
      ...(query === undefined ? [] : [{ query }]),
    ];
    if (sources.length === 1) return sources[0]!;
    addIssue({ code: 'custom', message: 'expected { header: NAME }, { cookie: NAME } or { query: NAME }' });
    return z.NEVER;
  });

/** An issuer of tokens must not have the name that callers with an API key or a certificate have as their issuer. */
const issuerName = z
  .string()
  .min(1)
  .refine((name) => !OWN_ISSUERS.has(name.trim().toLowerCase()), {
    error: `expected another name than ${[...OWN_ISSUERS].join(' and ')}, which stand for API keys and client certificates`,
  });

/** A path to a claim, for example `realm_access.roles` or `"https://x.example/jwt".roles`. */
const claimPath = z.string().refine((text) => claimPathProblem(text) === undefined, {
  error: ({ input }) => claimPathProblem(String(input)) ?? '',
});

function claimPathProblem(text: string): string | undefined {
  try {
    parseClaimPath(text);
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return error.message;
    throw error;
  }
}

const issuer = z
  .strictObject({
    issuer: issuerName.describe('The iss of its tokens, exactly.'),
    audiences: z.array(z.string().min(1)).min(1).describe('A token must be meant for one of them.'),
    jwksUri: z
      .string()
      .refine((uri) => jwksUriProblem(uri) === undefined, { error: ({ input }) => jwksUriProblem(String(input)) ?? '' })
      .optional()
      .describe('Where its keys are: https, or http on this machine.'),
    jwksFile: z.string().optional().describe('Or a file of its keys.'),
    secret: z
      .string()
      .refine((text) => secretProblem(text) === undefined, { error: ({ input }) => secretProblem(String(input)) ?? '' })
      .optional()
      .describe('Or the secret that it shares with the gateway (HS256): "${NAME}".'),
    algorithms: z.array(algorithm).min(1).optional().describe('Default: RS256; with a secret HS256.'),
    from: z
      .array(tokenSource)
      .min(1)
      .prefault([{ header: 'authorization' }])
      .describe('Where its tokens stand; authorization means Bearer.'),
    scopesClaim: claimPath.default('scope').describe('A text with spaces, or a list: scope, scp, realm_access.roles.'),
    consumerClaim: claimPath.default('sub').describe('For whom is counted; no text there: by address.'),
    planClaim: claimPath.default('plan').describe('Which plan counts.'),
    claimsToMetadata: z
      .record(claimPath, metadataKey)
      .default({})
      .transform((record) => new Map(Object.entries(record)))
      .describe('Claims that reach the upstreams, and their names there.'),
  })
  .superRefine(({ jwksUri, jwksFile, secret, algorithms }, { addIssue }) => {
    const sources = [jwksUri, jwksFile, secret].filter((source) => source !== undefined).length;
    if (sources !== 1) addIssue({ code: 'custom', message: 'expected one of jwksUri, jwksFile and secret' });
    for (const [index, name] of (algorithms ?? []).entries()) {
      const symmetric = name.startsWith('HS');
      if (symmetric === (secret !== undefined)) continue;
      const text = symmetric ? `${name} needs a secret` : `${name} needs jwksUri or jwksFile, not a secret`;
      addIssue({ code: 'custom', path: ['algorithms', index], message: text });
    }
  })
  .transform(({ jwksUri, jwksFile, secret, algorithms, ...rest }) => ({
    ...rest,
    keys: keysOf(jwksUri, jwksFile, secret),
    algorithms: algorithms ?? [secret === undefined ? ('RS256' as const) : ('HS256' as const)],
  }));

export type IssuerKeys =
  | { readonly kind: 'uri'; readonly uri: string }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'secret'; readonly secret: string };

function keysOf(uri: string | undefined, file: string | undefined, secret: string | undefined): IssuerKeys {
  if (uri !== undefined) return { kind: 'uri', uri };
  return file === undefined ? { kind: 'secret', secret: secret ?? '' } : { kind: 'file', file };
}

const apiKeys = z
  .strictObject({
    file: z.string().describe('keys.yaml; reloaded when it changes. protogate keygen makes entries.'),
    from: z
      .array(z.strictObject({ header: headerName }))
      .min(1)
      .prefault([{ header: 'x-api-key' }])
      .describe('Where a key stands.'),
    consumerToMetadata: metadataKey.optional().describe('The consumer reaches the upstreams under this name.'),
    issuerToMetadata: metadataKey.optional().describe(`The issuer, ${API_KEY_ISSUER}, reaches them under this name.`),
  })
  .optional()
  .describe('Keys that the gateway itself knows.');

const mtls = z
  .strictObject({
    identity: z
      .array(z.enum(['uri', 'dns', 'cn']))
      .min(1)
      .default(['uri', 'dns', 'cn'])
      .describe('What of a certificate names the caller; the first one that is there.'),
    consumerToMetadata: metadataKey.optional().describe('The name reaches the upstreams under this name.'),
    issuerToMetadata: metadataKey
      .optional()
      .describe(`The issuer, ${CERTIFICATE_ISSUER}, reaches them under this name.`),
  })
  .optional()
  .describe('Client certificates that listen.tls.clientCa has signed.');

export const authBlock = z
  .strictObject({
    default: z.enum(['required', 'optional', 'public']).default('required').describe('Of a method that says nothing.'),
    streamGrace: duration.prefault('0s').describe('How long an open stream may outlive its token, key or scope.'),
    jwt: z.array(issuer).default([]).describe('Issuers of tokens.'),
    apiKeys,
    mtls,
  })
  .superRefine(({ jwt, apiKeys }, { addIssue }) => {
    for (const [index, { issuer }] of jwt.entries()) {
      if (jwt.findIndex((other) => other.issuer === issuer) === index) continue;
      addIssue({ code: 'custom', path: ['jwt', index, 'issuer'], message: 'expected each issuer once' });
    }
    const tokenHeaders = new Set(jwt.flatMap(({ from }) => from.map((source) => 'header' in source && source.header)));
    for (const [index, { header }] of (apiKeys?.from ?? []).entries()) {
      if (!tokenHeaders.has(header)) continue;
      const message = 'expected another header than that of the tokens';
      addIssue({ code: 'custom', path: ['apiKeys', 'from', index], message });
    }
  })
  .transform(({ streamGrace, ...block }) => ({
    ...block,
    streamGraceMs: streamGrace,
    position: { file: 'options' } as Position,
  }))
  .optional()
  .describe('Who somebody is. Absent: every route is public.');

const MODES = [
  ['MODE_UNSPECIFIED', undefined],
  ['MODE_REQUIRED', 'required'],
  ['MODE_OPTIONAL', 'optional'],
  ['MODE_PUBLIC', 'public'],
] as const;

export interface AuthSettings {
  readonly mode?: 'required' | 'optional' | 'public';
  readonly scopes: readonly string[];
  readonly require: readonly string[];
}

const policy = z
  .strictObject({
    mode: z.enum(['required', 'optional', 'public']).optional(),
    scopes: z
      .array(z.string().regex(/^[^\s"\\]+$/, { error: 'expected a scope without spaces; a|b is either' }))
      .default([])
      .describe('All of them; a|b is either.'),
    require: z
      .array(z.string())
      .default([])
      .describe('Equalities over the request and its caller: request.customer = caller.claims.customer.'),
  })
  .transform(({ mode, ...rest }): AuthSettings => (mode === undefined ? rest : { mode, ...rest }));

export const auth = policyKind({
  key: 'auth',
  schema: policy,
  fromOption: (option) =>
    lastMessage(option, 'auth', (one) => ({
      mode: one.enums('mode', MODES).at(-1),
      scopes: one.strings('scopes'),
      require: one.strings('require'),
    })),
  // The route map shows the access that results, even if no `auth` is declared.
  notes: () => [],
});

/** The config's `auth` block. */
export type AuthBlock = NonNullable<z.output<typeof authBlock>>;
