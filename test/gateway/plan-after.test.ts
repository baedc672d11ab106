/** A plan that takes over parts of the plan before is like one that is made from the beginning. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';
import { type Plan, plan } from '../../src/gateway/plan.js';
import { routeRows } from '../../src/report/route-map.js';
import { compileNearRoute } from '../../src/routing/near-route.js';
import { casesOf, draws } from '../support/draws.js';
import { protoFolder } from '../support/gateway.js';

const FILES = 8;
const PATHS = ['/v1/{id}', '/v1/{id=**}', '/v1/{id=a/*}', '/v1/{id=**}/log', '/v1/a/{id}:act', '/v1/{id}:act'];
const VERBS = ['get', 'post', 'delete'];
const POLICIES = [
  '',
  'auth: { mode: MODE_PUBLIC }',
  'auth: { mode: MODE_REQUIRED scopes: ["s"] }',
  'timeout: { seconds: 3 }',
  'cache: { ttl: { seconds: 5 } scope: SCOPE_PUBLIC }',
  'hedge_after: { nanos: 5000000 }',
];
const STREAMS = ['', '', '', 'stream '];

const COMMON = 'syntax = "proto3"; package common; message M { string id = 1; string error = 2; }';

/** Returns the text of a file that has a service with a few rpcs. Some need the message of another file. */
function textOf(i: number, draw: (n: number) => number): string {
  const other = i + draw(Math.min(3, FILES - i));
  const rpcs = Array.from({ length: draw(5) }, (_, n) => {
    // Few paths are drawn in several files, so that some of them conflict, or are never reached.
    const drawn = PATHS[draw(PATHS.length)]!;
    const path = draw(16) === 0 ? drawn : drawn.replace('/v1', `/f${i}n${n}`);
    const verb = n === 0 ? 'get' : VERBS[draw(3)]!;
    const policy = POLICIES[draw(POLICIES.length)]!;
    // Aggregates call the first rpc. Its message is in a file that never changes, so their messages need no other file.
    const message = n === 0 ? 'common.M' : 'M';
    return `rpc R${n}(${message}) returns (${n === 0 ? '' : STREAMS[draw(4)]}${message}) {
      option (google.api.http) = { ${verb}: "${path}" };
      ${policy === '' ? '' : `option (protogate.v1.policy) = { ${policy} };`}
    }`;
  });
  const aggregate = `rpc All(M) returns (Page) {
    option (google.api.http) = { get: "/all${i}/{id}" };
    option (protogate.v1.aggregate) = { steps: { into: "part" call: "p${other}.S/R0" with: "id = request.id" } };
  }`;
  const hidden = `rpc Wins(M) returns (M) { option (google.api.http) = { get: "/w${i}/{id}/{error=**}" }; }
    rpc Hidden(M) returns (M) { option (google.api.http) = { get: "/w${i}/{id=**}/{error}" }; }`;
  return `syntax = "proto3"; package p${i};
import "google/api/annotations.proto"; import "protogate/v1/annotations.proto"; import "google/protobuf/duration.proto"; import "common.proto";
${other > i ? `import "f${other}.proto";` : ''}
message M { string id = 1; string error = 2; ${other > i && draw(2) === 0 ? `p${other}.M m = 3;` : ''} }
message Page { common.M part = 1; }
service S { ${rpcs.join('\n')} ${draw(2) === 0 ? aggregate : ''} ${draw(2) === 0 ? hidden : ''} }`;
}

const ask = ['/v1/7', '/v1/a/7', '/v1/a/7:act', '/v1/7:act', '/v1/7/8/log', '/v1/log', '/v1', '/v1/x/x:act', '/all1/7'];
for (let i = 0; i < FILES; i++) ask.push(`/f${i}n0/7`, `/f${i}n0/a/7`, `/f${i}n1/7:act`, `/f${i}n2/7/8/log`);

const seen = ({ routes, surfaces, diagnostics }: Plan) => ({
  diagnostics,
  routes: routeRows(routes),
  surfaces: surfaces.map(({ built: { table, conflicts }, services, offered, registry }) => {
    const near = compileNearRoute([...services.values()].map(({ open }) => open));
    return {
      conflicts,
      offered: offered.map(
        ({ binding: { method }, access: { mode, scopes, origin }, timeoutMs, hedgeAfterMs, aggregate }) => [
          [method.fullName, mode, scopes, origin, timeoutMs, hedgeAfterMs],
          aggregate?.calls.map((call) => call && [call.access.mode, call.access.scopes, call.timeoutMs, call.upstream]),
          registry.method(method.fullName) === method,
        ],
      ),
      found: ask.map((path) => {
        const result = table.match('GET', path);
        return result.kind === 'found' ? [result.captures, result.value.binding.method.fullName] : result;
      }),
      near: ask.map((path) => near('GET', `${path}/`)),
    };
  }),
});

test('after each of many changes, some of them refused, a plan equals that of a first load', async (t) => {
  const draw = draws(11);
  const folder = await protoFolder(t, { 'common.proto': COMMON });
  for (let i = 0; i < FILES; i++) writeFileSync(join(folder, `f${i}.proto`), textOf(i, draw));
  const upstreams = {
    all: { target: '127.0.0.1:1', timeout: '2s' },
    one: { target: '127.0.0.1:2', services: ['p1.S'] },
  };
  const jwt = [{ issuer: 'https://id.test', jwksUri: 'https://id.test/keys', audiences: ['a'] }];
  const configs: ConfigInput[] = [
    { version: 1, schema: { protos: [folder] }, upstreams },
    { version: 1, schema: { protos: [folder], exclude: ['p3.S/R1'] }, upstreams: { one: upstreams.one } },
    { version: 1, schema: { protos: [folder], autoRoutes: ['*'] }, upstreams, auth: { jwt } },
    {
      version: 1,
      schema: { protos: [folder] },
      upstreams,
      policies: [{ selector: 'p2.*', timeout: '1s' }],
      surfaces: [
        { name: 'one', basePath: '/one', exclude: ['p2.*'], auth: { jwt } },
        { name: 'two', basePath: '/two', omitFields: ['p4.M.id'] },
      ],
    },
  ];
  const configOf = (input: ConfigInput) => parseConfig(input).config!;
  let input = configs[0]!;
  let served = await plan(configOf(input));
  const kinds = new Set<string>();
  let [kept, changed] = [0, 0];
  for (let round = 0; round < casesOf(280); round++) {
    if (draw(10) === 0) input = configs[draw(configs.length)]!;
    for (let changes = draw(3); changes > 0; changes--) {
      const i = draw(FILES);
      if (draw(15) === 0) rmSync(join(folder, `f${i}.proto`), { force: true });
      else writeFileSync(join(folder, `f${i}.proto`), textOf(i, draw));
    }
    const before = seen(served);
    const next = await plan(configOf(input), { previous: served });
    const fresh = await plan(configOf(input));
    t.deepEqual(seen(next), seen(fresh), `round ${round}`);
    t.deepEqual(seen(served), before, `round ${round}: the one before`);
    const plans = new Set(served.surfaces.flatMap(({ services }) => [...services.values()]));
    kept += next.surfaces.flatMap(({ services }) => [...services.values()]).filter((one) => plans.has(one)).length;
    if (next.config === served.config && served.surfaces.every(({ built }) => built.conflicts.length === 0)) changed++;
    for (const { rule } of next.diagnostics) kinds.add(rule);
    if (draw(3) > 0) served = next;
  }
  t.log(`${kept} services, ${changed} tables taken over; ${[...kinds].toSorted().join(' ')}`);
  t.true(kept > casesOf(240) && changed > casesOf(60));
  for (const rule of ['binding-conflict', 'unreachable-route', 'public-write', 'cache-unused', 'hedge-unused'])
    t.true(kinds.has(rule), rule);
});
