/** Routes that no upstream serves do not count, and conflict with no other route. */
import test from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { planOf, protoFolder, startGateway } from '../support/gateway.js';
import { startUpstream } from '../support/upstream.js';

const HEAD =
  'import "google/api/annotations.proto"; import "protogate/v1/annotations.proto"; message M { string id = 1; }';
const get = (path: string, more = '') => `option (google.api.http) = { get: "${path}" }; ${more}`;
const PROTOS = `package s; ${HEAD}
  service Mine { rpc Get(M) returns (M) { ${get('/v1/{id}')} } }
  service Theirs {
    rpc Get(M) returns (M) { ${get('/v1/{id}')} }
    rpc Again(M) returns (M) { ${get('/v1/{id=*}')} }
  }`;
const upstreams = (...services: string[]) => ({ upstreams: { a: { target: '127.0.0.1:1', services } } });

async function found(t: Parameters<typeof planOf>[0], protos: string, config: Partial<ConfigInput>) {
  const { diagnostics } = await planOf(t, protos, config);
  const of = (wanted: string) => diagnostics.filter(({ severity }) => severity === wanted).map(({ rule }) => rule);
  return { errors: of('error'), warnings: of('warning').filter((rule) => rule !== 'no-auth') };
}

test('routes without an upstream conflict with no other route', async (t) => {
  t.deepEqual(await found(t, PROTOS, upstreams('s.Mine')), { errors: [], warnings: ['no-upstream'] });
});

test('served routes conflict; without any upstream the schema alone is checked', async (t) => {
  for (const config of [upstreams('*'), upstreams('s.*'), {}])
    t.deepEqual((await found(t, PROTOS, config)).errors, ['binding-conflict']);
  t.deepEqual((await found(t, PROTOS, upstreams('s.Theirs'))).errors, ['binding-conflict']);
});

test('a gateway serves its routes although rpcs without an upstream are in conflict', async (t) => {
  const mine = await startUpstream(PROTOS, { Get: { message: { id: 'mine' } } });
  t.teardown(mine.close);
  const config = { upstreams: { mine: { target: mine.target, services: ['s.Mine'] } } };
  const { send } = await startGateway(t, PROTOS, {}, config);
  t.deepEqual((await send('GET', '/v1/7')).json, { id: 'mine' });
  t.is(mine.last().path, '/s.Mine/Get');
});

const wrong: readonly (readonly [fact: string, rpc: string, rule: string])[] = [
  ['a template', get('/v2/{id'), 'path-template'],
  ['a variable', get('/v2/{nope}'), 'path-variable'],
  ['a type that is missing', get('/v2/x'), 'unknown-type'],
  [
    'a policy',
    `${get('/v2/x', 'option (protogate.v1.policy) = { retry: { max_attempts: 3 codes: "NOPE" } };')}`,
    'policy',
  ],
];
for (const [fact, rpc, rule] of wrong) {
  test(`a problem of an rpc that no upstream serves is a warning: ${fact}`, async (t) => {
    const returns = rule === 'unknown-type' ? 'Lost' : 'M';
    const protos = `${PROTOS} service Wrong { rpc Get(M) returns (${returns}) { ${rpc} } }`;
    const served = await found(t, protos, upstreams('s.Mine', 's.Wrong'));
    t.deepEqual(served.errors, [rule]);
    const unserved = await found(t, protos, upstreams('s.Mine'));
    t.deepEqual(unserved.errors, []);
    t.true(
      unserved.warnings.some((one) => one === rule),
      unserved.warnings.join(),
    );
  });
}

test('an aggregate that calls what no upstream serves conflicts with nothing', async (t) => {
  const protos = `${PROTOS} message Page { M one = 1; }
    service Pages { rpc GetPage(M) returns (Page) {
      ${get('/v1/{id=*}')}
      option (protogate.v1.aggregate) = { steps: { into: "one" call: "s.Theirs/Get" with: "id = request.id" } }; } }`;
  t.deepEqual((await found(t, protos, upstreams('s.Mine'))).errors, []);
  t.true((await found(t, protos, upstreams('*'))).errors.includes('binding-conflict'));
});

test('an rpc that autoRoutes selects is served in a service that has no rule at all', async (t) => {
  const protos = 'package a; message M { string id = 1; } service S { rpc Get(M) returns (M); }';
  const folder = await protoFolder(t, protos);
  const schema = { protos: [folder], autoRoutes: ['*'] };
  const { send } = await startGateway(t, protos, { Get: { message: { id: 'x' } } }, { schema });
  t.deepEqual((await send('POST', '/a.S/Get', { body: {} })).json, { id: 'x' });
  t.deepEqual((await found(t, protos, { schema, ...upstreams('b.*') })).warnings, ['no-upstream', 'unused-upstream']);
});
