/** The suggestion in a 404. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { Binding } from '../../src/routing/binding.js';
import { compileNearRoute } from '../../src/routing/near-route.js';
import { parsePathTemplate } from '../../src/routing/path-template.js';
import { protoFolder, startGateway } from '../support/gateway.js';
import { protogate } from '../support/run.js';
import { refusedWebSocket } from '../support/websocket.js';

/** Returns bindings that have only the properties that the suggestion uses. */
function bindings(...lines: readonly string[]): readonly Binding[] {
  return lines.map((line) => {
    const [httpMethod = '', text = ''] = line.split(' ');
    return { httpMethod, template: parsePathTemplate(text) } as Binding;
  });
}

const near = compileNearRoute([
  bindings(
    'GET /v1/{name=shelves/*}',
    'DELETE /v1/{name=shelves/*}',
    'GET /v1/{parent=shelves/*}/books',
    'POST /v1/{parent=shelves/*}/books',
    'POST /v1/{name=shelves/*/books/*}:burn',
    'GET /v1/authors/{id}',
    'POST /v1/items:batchGet',
    '* /v1/any/{id}',
    'GET /files/{path=**}/x',
    'GET /{all}',
  ),
]);

const ROWS: readonly (readonly [request: string, meant: string | undefined])[] = [
  ['GET /v1/shelvs/7', 'GET /v1/{name=shelves/*}'],
  ['DELETE /v1/Shelves/7', 'DELETE /v1/{name=shelves/*}'],
  ['PUT /v1/shelfes/7', 'GET /v1/{name=shelves/*}'],
  ['GET /v1/shelves/7/', 'GET /v1/{name=shelves/*}'],
  ['GET /v1//shelves/7', 'GET /v1/{name=shelves/*}'],
  ['GET /v1/shelves', 'GET /v1/{name=shelves/*}'],
  ['GET /v1/shelves/7/book', 'GET /v1/{parent=shelves/*}/books'],
  ['POST /v1/shelves/7/boks', 'POST /v1/{parent=shelves/*}/books'],
  ['POST /v1/shelves/7/books/8:bunr', 'POST /v1/{name=shelves/*/books/*}:burn'],
  ['POST /v1/shelves/7/books/8/burn', undefined],
  ['GET /v1/author/7', 'GET /v1/authors/{id}'],
  ['POST /v1/items:batchget', 'POST /v1/items:batchGet'],
  ['PURGE /v1/ayn/7', '/v1/any/{id}'],
  ['GET /v1/x/authors/7', 'GET /v1/authors/{id}'],
  ['GET /v2/shelves/7', undefined],
  ['GET /V1/shelves/7', undefined],
  ['GET /v1/chapters/7', undefined],
  ['GET /v1/shelves/7/books/8/pages/9', undefined],
  ['GET /v1', undefined],
  ['GET /', undefined],
  ['GET /files', undefined],
  [`GET /v1/shelvs/${'7'.repeat(300)}`, undefined],
  ['GET /v1/__proto__', undefined],
];
for (const [request, meant] of ROWS) {
  test(`near ${request.slice(0, 60)}: ${meant ?? 'nothing'}`, (t) => {
    const [method = '', path = ''] = request.split(' ');
    t.is(near(method, path), meant);
  });
}

test('a similar route among thousands is found, or not, within 50 µs', (t) => {
  const name = (i: number) => `resource${'abcdefghij'.repeat(3)}${i}`;
  const many = compileNearRoute([
    bindings(...Array.from({ length: 5000 }, (_, i) => `GET /v1/${name(i)}/{id}/parts/{part}/${name(i)}:verb${i}`)),
    bindings(...Array.from({ length: 500 }, (_, i) => `GET /v1/{a}/${name(i)}/{b}/${name(i + 1)}`)),
  ]);
  t.is(
    many('GET', `/v1/${name(7)}/1/part/2/${name(7)}:verb7`),
    `GET /v1/${name(7)}/{id}/parts/{part}/${name(7)}:verb7`,
  );
  const hostile = [
    `/v1/${name(9999)}/1/parts/2/${name(1)}:verb`,
    `/v1/x/${name(9999)}/1/${name(9999)}`,
    `/v1${'/a'.repeat(14)}`,
    `/v1/${'a'.repeat(250)}`,
    `/v1/${':'.repeat(250)}`,
    `/v1/${name(1)}`,
  ];
  for (const path of hostile) {
    for (let i = 0; i < 200; i++) many('GET', path);
    // The best of a few rounds counts, because other processes share the processor and its caches.
    const rounds = Array.from({ length: 5 }, () => {
      const start = process.cpuUsage();
      for (let i = 0; i < 200; i++) many('GET', path);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 200;
    });
    t.true(Math.min(...rounds) < 50, `${Math.min(...rounds)} µs for ${path.slice(0, 80)}`);
  }
});

const AUTH = { jwt: [{ issuer: 'i', audiences: ['a'], secret: 's'.repeat(32) }] };
const PROTO = `package p; import "google/api/annotations.proto"; import "protogate/v1/annotations.proto"; message M { string id = 1; }
  service Open {
    option (protogate.v1.default_policy) = { auth: { mode: MODE_PUBLIC } };
    rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/things/{id}" }; }
    rpc Watch(M) returns (stream M) { option (google.api.http) = { post: "/v1/watches/{id}" body: "*" }; }
  }
  service Guarded { rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/secrets/{id}" }; } }
  service Optional {
    option (protogate.v1.default_policy) = { auth: { mode: MODE_OPTIONAL } };
    rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/options/{id}" }; }
  }`;

test('a 404 names a near public route, and no guarded one', async (t) => {
  const { send } = await startGateway(t, PROTO, {}, { auth: AUTH });
  const message = async (path: string) => (await send('GET', path)).json.message;
  t.is(await message('/v1/thngs/7'), "no route for GET /v1/thngs/7, did you mean 'GET /v1/things/{id}'?");
  t.is(await message('/v1/secets/7'), 'no route for GET /v1/secets/7');
  t.is(await message('/v1/optons/7'), 'no route for GET /v1/optons/7');
});

test('routes that no upstream serves are named by no 404', async (t) => {
  const protos = `${PROTO} service Other { rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/chests/{id}" }; } }`;
  const upstream = { target: '127.0.0.1:1', services: ['p.Open'] };
  for (const [config, named] of [
    [{}, true],
    [{ upstreams: { a: upstream } }, false],
  ] as const) {
    const { send } = await startGateway(t, protos, {}, config);
    t.is((await send('GET', '/v1/chests/7/')).json.message.includes('did you mean'), named);
  }
});

test('the hint for a WebSocket names routes that accept one', async (t) => {
  const { url } = await startGateway(t, PROTO);
  const refused = async (path: string) => (await refusedWebSocket(url, path)).json.message;
  t.is(await refused('/v1/watchs/7'), "no route for a WebSocket at /v1/watchs/7, did you mean 'GET /v1/watches/{id}'?");
  t.is(await refused('/v1/thngs/7'), 'no route for a WebSocket at /v1/thngs/7');
});

test('errors.hints: false names nothing, and explain says what serve says', async (t) => {
  const folder = await protoFolder(t, { 'p/a.proto': PROTO });
  for (const hints of [true, false]) {
    const { send } = await startGateway(t, PROTO, {}, { errors: { hints } });
    const { message } = (await send('GET', '/v1/thngs/7')).json;
    t.is(message.includes('did you mean'), hints);
    await writeFile(join(folder, 'c.yaml'), `version: 1\nschema: { protos: [p] }\nerrors: { hints: ${hints} }\n`);
    const { stdout } = await protogate(['explain', 'GET', '/v1/thngs/7', '-c', join(folder, 'c.yaml')]);
    t.true(stdout.includes(`error     404 ${message}\n`), stdout);
  }
});
