/**
 * This module has the schemas of `auth` in a policy, which defines who may call, and of the config's `auth` block,
 * which defines how callers prove their identity. With that block, a method without `auth` demands a known caller.
 */
import * as z from 'zod';
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
      ? `expected RS256, PS256, ES256, HS256 or one of their longer forms (384, 512), got ${input}, which is not supported`
      : 'expected RS256, PS256, ES256, HS256 or one of their longer forms (384, 512)',
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
  .strictObject({
    header: headerName.optional().describe('The name of a header.'),
    cookie: cookieName.optional().describe('The name of a cookie.'),
    query: parameterName
      .optional()
      .describe('The name of a query parameter, which only GETs that stream and handshakes of WebSockets may use.'),
  })
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
    error: `expected a name other than ${[...OWN_ISSUERS].join(' and ')}, which are reserved for API keys and client certificates`,
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
    issuer: issuerName.describe('The exact text of the `iss` claim in the tokens of this issuer.'),
    audiences: z.array(z.string().min(1)).min(1).describe('A token must have one of them in its `aud` claim.'),
    jwksUri: z
      .string()
      .refine((uri) => jwksUriProblem(uri) === undefined, { error: ({ input }) => jwksUriProblem(String(input)) ?? '' })
      .optional()
      .describe('Where the issuer publishes its keys: https, or http on this machine.'),
    jwksFile: z.string().optional().describe('A file with the keys, instead of `jwksUri`.'),
    secret: z
      .string()
      .refine((text) => secretProblem(text) === undefined, { error: ({ input }) => secretProblem(String(input)) ?? '' })
      .optional()
      .describe('The secret that the issuer shares with the gateway (HS256), instead of `jwksUri`.'),
    algorithms: z
      .array(algorithm)
      .min(1)
      .optional()
      .describe(
        'The algorithms with which tokens may be signed. The default is RS256, or HS256 if there is a `secret`.',
      ),
    from: z
      .array(tokenSource)
      .min(1)
      .prefault([{ header: 'authorization' }])
      .describe(
        'The places where requests may carry a token. In the header `authorization` the token follows the word `Bearer`.',
      ),
    scopesClaim: claimPath
      .default('scope')
      .describe('The path of the claim with the scopes: a text with spaces, or a list.'),
    consumerClaim: claimPath
      .default('sub')
      .describe(
        'The path of the claim with the consumer, for whom rate limits count. A token without it counts by address.',
      ),
    planClaim: claimPath.default('plan').describe('The path of the claim with the name of the plan.'),
    claimsToMetadata: z
      .record(claimPath, metadataKey)
      .default({})
      .transform((record) => new Map(Object.entries(record)))
      .describe('Claims that services get, each with the name of its metadata key.'),
  })
  .superRefine(({ jwksUri, jwksFile, secret, algorithms }, { addIssue }) => {
    const sources = [jwksUri, jwksFile, secret].filter((source) => source !== undefined).length;
    if (sources !== 1) addIssue({ code: 'custom', message: 'expected one of jwksUri, jwksFile and secret' });
    for (const [index, name] of (algorithms ?? []).entries()) {
      const symmetric = name.startsWith('HS');
      if (symmetric === (secret !== undefined)) continue;
      const text = symmetric
        ? `expected secret with ${name}, got jwksUri or jwksFile`
        : `expected jwksUri or jwksFile with ${name}, got secret`;
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
    file: z
      .string()
      .describe('The file of the keys. `protogate keygen` makes its entries. It is read again when it changes.'),
    from: z
      .array(z.strictObject({ header: headerName.describe('The name of a header.') }))
      .min(1)
      .prefault([{ header: 'x-api-key' }])
      .describe('The headers in which requests carry their key.'),
    consumerToMetadata: metadataKey.optional().describe('The metadata key under which services get the consumer.'),
    issuerToMetadata: metadataKey
      .optional()
      .describe(`The metadata key under which services get the issuer, which is \`${API_KEY_ISSUER}\`.`),
  })
  .optional()
  .describe('API keys, whose digests the gateway has in a file.');

const mtls = z
  .strictObject({
    identity: z
      .array(z.enum(['uri', 'dns', 'cn']))
      .min(1)
      .default(['uri', 'dns', 'cn'])
      .describe(
        'The kinds of names in a certificate that identify the caller. The first kind that the certificate has is used.',
      ),
    consumerToMetadata: metadataKey.optional().describe('The metadata key under which services get the name.'),
    issuerToMetadata: metadataKey
      .optional()
      .describe(`The metadata key under which services get the issuer, which is \`${CERTIFICATE_ISSUER}\`.`),
  })
  .optional()
  .describe('Client certificates that an authority of `listen.tls.clientCa` has signed.');

export const authBlock = z
  .strictObject({
    default: z
      .enum(['required', 'optional', 'public'])
      .default('required')
      .describe('What a method demands if it does not declare a mode.'),
    streamGrace: duration
      .prefault('0s')
      .describe(
        'How long an open stream may go on after its token has expired, or its key or scope has been withdrawn.',
      ),
    jwt: z.array(issuer).default([]).describe('The issuers whose tokens are accepted.'),
    apiKeys,
    mtls,
  })
  .superRefine(({ jwt, apiKeys }, { addIssue }) => {
    for (const [index, { issuer }] of jwt.entries()) {
      if (jwt.findIndex((other) => other.issuer === issuer) === index) continue;
      addIssue({ code: 'custom', path: ['jwt', index, 'issuer'], message: 'expected each issuer once, got one twice' });
    }
    const tokenHeaders = new Set(jwt.flatMap(({ from }) => from.map((source) => 'header' in source && source.header)));
    for (const [index, { header }] of (apiKeys?.from ?? []).entries()) {
      if (!tokenHeaders.has(header)) continue;
      const message = 'expected a header other than that of the tokens';
      addIssue({ code: 'custom', path: ['apiKeys', 'from', index], message });
    }
  })
  .transform(({ streamGrace, ...block }) => ({
    ...block,
    streamGraceMs: streamGrace,
    position: { file: 'options' } as Position,
  }))
  .optional()
  .describe('How callers prove who they are. Without it every route is public.');

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
    mode: z
      .enum(['required', 'optional', 'public'])
      .optional()
      .describe(
        'Whether a caller is demanded. The default is `required` if there are scopes or a `require` about the caller. Otherwise it is `auth.default`.',
      ),
    scopes: z
      .array(z.string().regex(/^[^\s"\\]+$/, { error: 'expected a scope without spaces, or alternatives such as a|b' }))
      .default([])
      .describe('The scopes that a caller must have, all of them. `a|b` demands one of the two.'),
    require: z
      .array(z.string())
      .default([])
      .describe(
        'Equations between fields of the request, properties of the caller, and literals. All of them must be true.',
      ),
  })
  .transform(({ mode, ...rest }): AuthSettings => (mode === undefined ? rest : { mode, ...rest }))
  .describe('Who may call.');

export const auth = policyKind({
  key: 'auth',
  schema: policy,
  fromOption: (option) =>
    lastMessage(option, 'auth', (one) => ({
      mode: one.enums('mode', MODES).at(-1),
      scopes: one.strings('scopes'),
      require: one.strings('require'),
    })),
  // `protogate routes` shows the access that results, even if no `auth` is declared.
  notes: () => [],
  describe: ({ mode, scopes, require }) => [
    [
      ...(mode === undefined ? [] : [mode]),
      ...scopes.map((scope) => `scope ${scope.replaceAll('|', ' or ')}`),
      ...require.map((text) => `require ${text}`),
    ].join(', ') || 'nothing',
  ],
});

/** The config's `auth` block. */
export type AuthBlock = NonNullable<z.output<typeof authBlock>>;
