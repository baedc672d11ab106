/** A small store whose methods have all kinds of access rules, one page over them, and callers with claims. */
import type { TestFn } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import type { StartOptions } from '../../src/gateway/gateway.js';
import { afterAll, type SendOptions, startGateway } from '../support/gateway.js';
import { signWithSecret } from '../support/issuer.js';
import { keepSecret } from '../support/secrets.js';
import type { Handlers, RecordedCall } from '../support/upstream.js';

/**
 * The services and their access: only the owner may read notes, only the customer may read a customer's data, ledgers need
 * a scope, and names are open to all. A secret has no route and no rule of its own.
 */
const SERVICES = `syntax = "proto3";
package acme.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string owner = 1; repeated string owners = 2; repeated Line lines = 3; string free = 4; }
message Line { string owner = 1; Note note = 2; }
message Note { string owner = 1; string text = 2; }
message Notes { repeated Note notes = 1; }
service Store {
  rpc GetName(Ask) returns (Note) { option (google.api.http) = { get: "/v1/names/{owner}" }; }
  rpc GetNote(Ask) returns (Note) {
    option (google.api.http) = { get: "/v1/notes/{owner}" };
    option (protogate.v1.policy) = { auth: { require: "request.owner = caller.subject" } };
  }
  rpc GetLedger(Ask) returns (Note) {
    option (google.api.http) = { get: "/v1/ledgers/{owner}" };
    option (protogate.v1.policy) = { auth: { scopes: "ledger.read" } };
  }
  rpc GetMine(Ask) returns (Note) {
    option (google.api.http) = { get: "/v1/mine" };
    option (protogate.v1.policy) = { auth: { mode: MODE_REQUIRED } };
  }
  rpc GetOwn(Ask) returns (Note) {
    option (google.api.http) = { get: "/v1/own/{owner}" };
    option (protogate.v1.policy) = { auth: { require: "request.owner = caller.claims.customer" } };
  }
  rpc GetSecret(Ask) returns (Note);
  rpc BatchGetNames(Ask) returns (Notes);
  rpc GetKept(Ask) returns (Note) {
    option (google.api.http) = { get: "/v1/kept/{owner}" };
    option (protogate.v1.policy) = { cache: { ttl: { seconds: 60 } } };
  }
}
message Page {
  Note name = 1; Note note = 2; Note ledger = 3; repeated Line lines = 4; string who = 5; Note mine = 6; Note kept = 7;
  repeated Note many = 8; Note own = 10; Note secret = 11; string copied = 12; repeated protogate.v1.PartFailure failures = 9;
}
`;

export interface StorePage {
  readonly steps: string;
  /** The content of the page's own policy. */
  readonly policy?: string;
}

/** Returns the store with pages over it: the first at `/v1/pages`, the second at `/v1/pages1`. */
export function storeWith(pages: readonly StorePage[]): Readonly<Record<string, string>> {
  const methods = pages.map(({ steps, policy = '' }, index) => {
    const path = `/v1/pages${index === 0 ? '' : index}`;
    return `  rpc GetPage${index === 0 ? '' : index}(Ask) returns (Page) {
    option (google.api.http) = { get: "${path}/{owner}" additional_bindings: { post: "${path}" body: "*" } };
    ${policy === '' ? '' : `option (protogate.v1.policy) = { ${policy} };`}
    option (protogate.v1.aggregate) = {
${steps}
    };
  }`;
  });
  return { 'a.proto': `${SERVICES}service Pages {\n${methods.join('\n')}\n}\n` };
}

export const protos = (steps: string, policy = '') => storeWith([{ steps, policy }]);

export const step = (into: string, method: string, more = '') =>
  `      steps: { into: "${into}" call: "acme.v1.Store/${method}" ${more === '' ? 'with: "owner = request.owner"' : more} }`;

const echo = (call: RecordedCall) => ({
  message: {
    owner: (call.request as { owner?: string }).owner ?? '',
    text: `${methodOf(call)} for ${call.metadata.get('x-user-id')}`,
  },
});

export const methodOf = ({ path }: RecordedCall) => path.split('/').at(-1)!;

const HANDLERS: Handlers = {
  GetName: echo,
  GetNote: echo,
  GetLedger: echo,
  GetMine: echo,
  GetKept: echo,
  GetOwn: echo,
  GetSecret: echo,
  BatchGetNames: (call) => ({
    message: { notes: ((call.request as { owners?: string[] }).owners ?? []).map((one) => ({ owner: one })) },
  }),
};

export type Claims = Readonly<Record<string, unknown>> | undefined;

const SECRET = keepSecret('of-the-callers-of-the-store-0123456789abcdef');
const ISSUERS = ['https://store.test', 'https://other.test'];

/** Two issuers whose keys are in the config, so that none need be fetched. */
export const AUTH: NonNullable<ConfigInput['auth']> = {
  default: 'public',
  jwt: ISSUERS.map((issuer) => ({
    issuer,
    audiences: ['api'],
    secret: SECRET,
    claimsToMetadata: { sub: 'x-user-id' },
  })),
};

/** Returns the headers of a caller with these claims. */
export function as(claims: Claims): Record<string, string> {
  if (claims === undefined) return {};
  const exp = Math.floor(Date.now() / 1000) + 300;
  const token = signWithSecret({ alg: 'HS256' }, { iss: ISSUERS[0], aud: 'api', exp, ...claims }, SECRET);
  return { authorization: `Bearer ${keepSecret(token)}` };
}

/** Starts gateways over the store for the tests of a file. */
export function storeFor(test: TestFn) {
  const shared = afterAll(test);

  async function start(
    files: Readonly<Record<string, string>>,
    more: Partial<ConfigInput> = {},
    options: StartOptions & { readonly handlers?: Handlers } = {},
  ) {
    const handlers = { ...HANDLERS, ...options.handlers };
    const running = await startGateway(shared, files, handlers, { auth: AUTH, ...more }, options);
    const { upstream, send } = running;

    async function ask(claims: Claims, target: string, body?: object, sent: Record<string, string> = {}) {
      upstream.calls.length = 0;
      const options: SendOptions = { headers: { ...sent, ...as(claims) }, ...(body === undefined ? {} : { body }) };
      const answer = await send(body === undefined ? 'GET' : 'POST', target, options);
      const failures = (answer.json?.failures ?? []) as { path: string; code: number }[];
      return {
        ...answer,
        called: upstream.calls.map(methodOf).sort(),
        failures: failures.map(({ path, code }) => [path, code]),
      };
    }

    return { ...running, ask };
  }

  return start;
}
