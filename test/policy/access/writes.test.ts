/**
 * A page of another site may send a cookie or a certificate of its reader's browser, but may change nothing with it,
 * whatever the verb. Each row is sent over a real socket, and the upstream's record shows whether it arrived.
 */
import test from 'ava';
import { certificates } from '../../support/certificates.js';
import { planOf, startGateway } from '../../support/gateway.js';
import { startIssuer } from '../../support/issuer.js';
import { tlsFiles } from '../../support/tls-files.js';
import { refusedWebSocket } from '../../support/websocket.js';

const LEVELS = { Silent: '', Reads: 'NO_SIDE_EFFECTS', Writes: 'IDEMPOTENT' } as const;
type Level = keyof typeof LEVELS;

/** The rules by the first segment of their path, with the verbs that a test may send there. */
const RULES = {
  get: ['get: "PATH"', 'GET', 'HEAD'],
  any: ['custom { kind: "*" path: "PATH" }', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'],
  head: ['custom { kind: "HEAD" path: "PATH" }', 'HEAD'],
  options: ['custom { kind: "OPTIONS" path: "PATH" }', 'OPTIONS'],
  propfind: ['custom { kind: "PROPFIND" path: "PATH" }', 'PROPFIND'],
  post: ['post: "PATH"', 'POST'],
  more: [
    'post: "/v1/main/more/LEVEL" additional_bindings { custom { kind: "*" path: "PATH" } }',
    'GET',
    'HEAD',
    'OPTIONS',
  ],
  moreGets: ['post: "/v1/main/moreGets/LEVEL" additional_bindings { get: "PATH" }', 'GET', 'HEAD'],
} as const;
type Rule = keyof typeof RULES;

const rpcs = Object.entries(RULES).flatMap(([rule, [text]]) =>
  Object.entries(LEVELS).map(([level, says]) => {
    const http = text.replace('PATH', `/v1/${rule}/${level}`).replace('LEVEL', level);
    const idempotency = says === '' ? '' : `option idempotency_level = ${says};`;
    return `rpc ${level}_${rule}(Q) returns (Q) { option (google.api.http) = { ${http} }; ${idempotency} }`;
  }),
);

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; }
service S {
  ${rpcs.join('\n  ')}
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; option idempotency_level = IDEMPOTENT; }
  rpc Look(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/look" }; option idempotency_level = NO_SIDE_EFFECTS; }
}`;

/** True if a request with this verb may change something, as far as the route declares. */
function mayWrite(rule: Rule, level: Level, verb: string): boolean {
  if (!['GET', 'HEAD', 'OPTIONS'].includes(verb)) return true;
  return rule === 'get' || rule === 'moreGets' ? level === 'Writes' : level !== 'Reads';
}

function* rows() {
  for (const [rule, [, ...verbs]] of Object.entries(RULES)) {
    for (const level of Object.keys(LEVELS) as Level[]) {
      for (const verb of verbs)
        yield { path: `/v1/${rule}/${level}`, verb, writes: mayWrite(rule as Rule, level, verb) };
    }
  }
}

const FOREIGN = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
const OWN = { 'sec-fetch-site': 'same-origin' };

test("a foreign page's cookie reaches the upstream where the route only reads, whatever the verb", async (t) => {
  const issuer = await startIssuer(t, 'writes');
  const { issuer: iss, jwksUri } = issuer;
  const jwt = { issuer: iss, jwksUri, audiences: ['api'], from: [{ header: 'authorization' }, { cookie: 'session' }] };
  const config = { auth: { jwt: [jwt] }, cors: { origins: ['https://app.example.com'] } };
  const { send, upstream, url } = await startGateway(t, PROTO, { Watch: {}, Look: {} }, config);
  const token = issuer.sign({ sub: 'ada' });
  const cookie = `session=${token}`;
  let asked = 0;
  const ask = async (verb: string, path: string, headers: Record<string, string>) => {
    const before = upstream.calls.length;
    const { status } = await send(verb, path, { headers });
    asked++;
    return [status, upstream.calls.length - before];
  };
  for (const { path, verb, writes } of rows()) {
    const what = `${verb} ${path}`;
    t.deepEqual(await ask(verb, path, { cookie, ...FOREIGN }), writes ? [403, 0] : [200, 1], what);
    t.deepEqual(await ask(verb, path, { cookie, 'sec-fetch-site': 'none' }), writes ? [403, 0] : [200, 1], what);
    t.deepEqual(await ask(verb, path, { cookie, ...OWN }), [200, 1], `${what} of an own page`);
    t.deepEqual(
      await ask(verb, path, { authorization: `Bearer ${token}`, ...FOREIGN }),
      [200, 1],
      `${what} with a token`,
    );
  }
  t.deepEqual(await ask('GET', '/v1/watch', { cookie, ...FOREIGN }), [403, 0], 'a stream that may write');
  t.deepEqual(await ask('GET', '/v1/look', { cookie, ...FOREIGN }), [200, 1], 'a stream that reads');
  for (const path of ['/v1/watch', '/v1/look']) {
    const refusal = await refusedWebSocket(url, path, { headers: { cookie, 'sec-fetch-site': 'cross-site' } });
    t.is(refusal.status, 403, `a handshake always counts as writing: ${path}`);
  }
  t.log(`${asked} requests`);
});

test("a foreign page's certificate reaches the upstream where the route only reads, whatever the verb", async (t) => {
  const made = certificates();
  const { send, upstream } = await startGateway(
    t,
    PROTO,
    {},
    { listen: { tls: await tlsFiles(t, made) }, auth: { mtls: {} } },
  );
  const tls = { ca: made.ca, ...made.client };
  for (const { path, verb, writes } of rows()) {
    const before = upstream.calls.length;
    const foreign = await send(verb, path, { tls, headers: FOREIGN });
    t.deepEqual([foreign.status, upstream.calls.length - before], writes ? [403, 0] : [200, 1], `${verb} ${path}`);
    t.is((await send(verb, path, { tls })).status, 200, `${verb} ${path} of a program`);
  }
});

test('check warns of a GET that may write, and of public rules for every method', async (t) => {
  const { diagnostics } = await planOf(t, PROTO);
  t.deepEqual(
    diagnostics.filter(({ rule }) => rule === 'get-writes').map(({ severity, text }) => `${severity}: ${text}`),
    ['/v1/get/Writes', '/v1/moreGets/Writes', '/v1/watch'].map((path) => {
      const rpc = { '/v1/get/Writes': 'Writes_get', '/v1/moreGets/Writes': 'Writes_moreGets', '/v1/watch': 'Watch' }[
        path
      ];
      return `warning: p.v1.S/${rpc}: GET ${path}: expected idempotency_level NO_SIDE_EFFECTS or none, got IDEMPOTENT, which allows writes`;
    }),
  );
  const secret = 'a secret of thirty-two bytes, or more';
  const auth = { default: 'public' as const, jwt: [{ issuer: 'i', audiences: ['a'], secret }] };
  const open = (await planOf(t, PROTO, { auth })).diagnostics.filter(({ rule }) => rule === 'public-write');
  const told = new Set(open.map(({ text }) => text.slice('p.v1.S/'.length, text.indexOf(':'))));
  for (const rpc of ['Silent_any', 'Writes_any', 'Silent_head', 'Writes_get', 'Silent_post'])
    t.true(told.has(rpc), rpc);
  for (const rpc of ['Reads_any', 'Reads_head', 'Silent_get', 'Reads_get']) t.false(told.has(rpc), rpc);
});

test('a step of an aggregate calls no rpc that says it may write, though it has a GET', async (t) => {
  const { diagnostics } = await planOf(
    t,
    `package a.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; }
message Page { Q part = 1; }
service S {
  rpc GetPart(Q) returns (Q) { option (google.api.http) = { get: "/v1/part" }; option idempotency_level = IDEMPOTENT; }
}
service Pages {
  rpc GetPage(Q) returns (Page) {
    option (google.api.http) = { get: "/v1/page" };
    option (protogate.v1.aggregate) = { steps: { into: "part" call: "a.v1.S/GetPart" with: "id = request.id" } };
  }
}`,
  );
  const [error] = diagnostics.filter(({ severity }) => severity === 'error');
  t.is(error?.rule, 'aggregate-write');
  t.regex(error?.text ?? '', /got a\.v1\.S\/GetPart, whose idempotency_level is IDEMPOTENT$/);
});
