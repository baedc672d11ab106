import test from 'ava';
import { atOnce } from '../../src/base/slices.js';
import { parsePathTemplate } from '../../src/routing/path-template.js';
import { conflictDiagnostics, RouteTableBuilder } from '../../src/routing/route-table.js';
import { claimOf, show, tableOf } from './route-lines.js';

interface Behaviour {
  readonly fact: string;
  readonly routes: readonly string[];
  /** Requests with their results, as `show` writes them. */
  readonly requests: readonly (readonly [request: string, result: string])[];
}

const DOTS = "400 expected no '.' or '..' segment";

const BEHAVIOURS: readonly Behaviour[] = [
  {
    fact: 'a static branch that lacks the method does not hide a wildcard branch that has it',
    routes: ['POST /v1/items/special', 'GET /v1/items/{id}', 'DELETE /v1/{name=**}', 'PUT /v1/*/special'],
    requests: [
      ['POST /v1/items/special', 'POST /v1/items/special'],
      ['GET /v1/items/special', 'GET /v1/items/{id} ["special"]'],
      ['PUT /v1/items/special', 'PUT /v1/*/special'],
      ['DELETE /v1/items/special', 'DELETE /v1/{name=**} ["items/special"]'],
      ['PATCH /v1/items/special', '405 DELETE, GET, HEAD, OPTIONS, POST, PUT'],
    ],
  },
  {
    fact: 'a search backs out of branches that fail later',
    routes: ['GET /a/b/c/x', 'GET /a/*/c/y', 'GET /*/b/c/z', 'GET /a/b/**/end', 'GET /**/end'],
    requests: [
      ['GET /a/b/c/x', 'GET /a/b/c/x'],
      ['GET /a/b/c/y', 'GET /a/*/c/y'],
      ['GET /a/b/c/z', 'GET /*/b/c/z'],
      ['GET /q/b/c/end', 'GET /**/end'],
      ['GET /a/b/c/end', 'GET /a/b/**/end'],
      ['GET /a/b', '404'],
      ['GET /q/b/c/q', '404'],
    ],
  },
  {
    fact: 'a literal beats *, and * beats **, at the first segment that differs',
    routes: ['GET /v1/{a}/x', 'GET /v1/lit/{b}', 'GET /v1/{c=**}', 'GET /{d=**}'],
    requests: [
      ['GET /v1/lit/x', 'GET /v1/lit/{b} ["x"]'],
      ['GET /v1/other/x', 'GET /v1/{a}/x ["other"]'],
      ['GET /v1/other/y', 'GET /v1/{c=**} ["other/y"]'],
      ['GET /v2/other/y', 'GET /{d=**} ["v2/other/y"]'],
    ],
  },
  {
    fact: '** takes no segment too, and then the shape without it wins',
    routes: [
      'GET /v1/{name=**}',
      'GET /v1/a/{rest=**}',
      'POST /v1/a',
      'GET /v2/**/b',
      'GET /v2/*',
      'GET /v3/b',
      'GET /v3/**/b',
    ],
    requests: [
      ['GET /v1', 'GET /v1/{name=**} [""]'],
      ['GET /v1/a', 'GET /v1/a/{rest=**} [""]'],
      ['POST /v1/a', 'POST /v1/a'],
      ['GET /v2/b', 'GET /v2/**/b'],
      ['GET /v2/c', 'GET /v2/*'],
      ['GET /v3/b', 'GET /v3/b'],
      ['GET /v3/x/b', 'GET /v3/**/b'],
      ['GET /v1/', '404'],
    ],
  },
  {
    fact: 'segments behind ** hold the end of the path; a longer tail is more specific',
    routes: [
      'GET /v1/{parent=docs/**}/{collection}',
      'GET /v1/{name=docs/**}/schema',
      'GET /v1/{name=docs/**}/x/schema',
      'GET /v1/{a=docs/*/**}/{b}/log:tail',
    ],
    requests: [
      ['GET /v1/docs/a', 'GET /v1/{parent=docs/**}/{collection} ["docs","a"]'],
      ['GET /v1/docs/a/b/c', 'GET /v1/{parent=docs/**}/{collection} ["docs/a/b","c"]'],
      ['GET /v1/docs/a/schema', 'GET /v1/{name=docs/**}/schema ["docs/a"]'],
      ['GET /v1/docs/schema', 'GET /v1/{name=docs/**}/schema ["docs"]'],
      ['GET /v1/docs/a/x/schema', 'GET /v1/{name=docs/**}/x/schema ["docs/a"]'],
      ['GET /v1/docs/1/2/3/log:tail', 'GET /v1/{a=docs/*/**}/{b}/log:tail ["docs/1/2","3"]'],
      ['GET /v1/docs/1/3/log:tail', 'GET /v1/{a=docs/*/**}/{b}/log:tail ["docs/1","3"]'],
      ['GET /v1/docs', '404'],
    ],
  },
  {
    fact: 'a verb is looked for behind the last colon; where none is registered the colon is data',
    routes: [
      'GET /v1/{id}',
      'POST /v1/{id}:cancel',
      'GET /v1/{id}/parts/{part}',
      'GET /v2/{name=**}',
      'POST /v2/{name=**}:run',
    ],
    requests: [
      ['POST /v1/7:cancel', 'POST /v1/{id}:cancel ["7"]'],
      ['POST /v1/urn:a:7:cancel', 'POST /v1/{id}:cancel ["urn:a:7"]'],
      ['GET /v1/urn:a:7', 'GET /v1/{id} ["urn:a:7"]'],
      ['GET /v1/7:', 'GET /v1/{id} ["7:"]'],
      ['GET /v1/:7', 'GET /v1/{id} [":7"]'],
      ['POST /v1/:cancel', '405 GET, HEAD, OPTIONS'],
      ['POST /v1/7:other', '405 GET, HEAD, OPTIONS'],
      ['POST /v1/7:Cancel', '405 GET, HEAD, OPTIONS'],
      ['GET /v1/7:cancel', 'GET /v1/{id} ["7:cancel"]'],
      ['GET /v1/7:cancel/parts/8:cancel', 'GET /v1/{id}/parts/{part} ["7:cancel","8:cancel"]'],
      ['POST /v2/a/b:run', 'POST /v2/{name=**}:run ["a/b"]'],
      ['POST /v2/a:run/b:run', 'POST /v2/{name=**}:run ["a:run/b"]'],
      ['GET /v2/a/b:c', 'GET /v2/{name=**} ["a/b:c"]'],
      ['POST /v2:run', 'POST /v2/{name=**}:run [""]'],
    ],
  },
  {
    fact: 'a verb beats a more literal route without one, whatever its own path looks like',
    routes: [
      'GET /v1/{name=users/*}',
      'GET /v1/{resource=**}:getIamPolicy',
      'GET /v1/users/*:getIamPolicy',
      'GET /v1/groups/g',
      'POST /v1/{name=users/*}',
      '* /v1/{any=**}:test',
      'GET /{all=**}:list',
    ],
    requests: [
      ['GET /v1/users/7:getIamPolicy', 'GET /v1/users/*:getIamPolicy'],
      ['GET /v1/users/7/x:getIamPolicy', 'GET /v1/{resource=**}:getIamPolicy ["users/7/x"]'],
      ['GET /v1/groups/g:getIamPolicy', 'GET /v1/{resource=**}:getIamPolicy ["groups/g"]'],
      ['POST /v1/users/7:getIamPolicy', 'POST /v1/{name=users/*} ["users/7:getIamPolicy"]'],
      ['GET /v1/users/7%3AgetIamPolicy', 'GET /v1/{name=users/*} ["users/7:getIamPolicy"]'],
      ['GET /v1/users/7:test', '* /v1/{any=**}:test ["users/7"]'],
      ['POST /v1/users/7:test', '* /v1/{any=**}:test ["users/7"]'],
      ['GET /v1/users/7:list', 'GET /{all=**}:list ["v1/users/7"]'],
      ['GET /v1/users/7:none', 'GET /v1/{name=users/*} ["users/7:none"]'],
      ['HEAD /v1/users/7:list', 'GET /{all=**}:list ["v1/users/7"] (derived)'],
      ['DELETE /v1/users/7:list', '405 GET, HEAD, OPTIONS, POST'],
    ],
  },
  {
    fact: 'a verb may hold colons, and the longest that fits wins',
    routes: [
      'POST /v1/{id}:export:cancel',
      'POST /v1/*/x:cancel',
      'POST /v1/{name=**}:cancel',
      'GET /v1/{id}',
      'POST /v1/items:export:cancel',
      'PUT /v1/{id}:a%3Ab',
      'PUT /v1/{id}:b',
    ],
    requests: [
      ['POST /v1/7:export:cancel', 'POST /v1/{id}:export:cancel ["7"]'],
      ['POST /v1/7:x:export:cancel', 'POST /v1/{id}:export:cancel ["7:x"]'],
      ['POST /v1/7:cancel', 'POST /v1/{name=**}:cancel ["7"]'],
      ['POST /v1/7/x:export:cancel', 'POST /v1/{name=**}:cancel ["7/x:export"]'],
      ['POST /v1/items:export:cancel', 'POST /v1/items:export:cancel'],
      ['POST /v1/7:export%3Acancel', 'POST /v1/{id}:export:cancel ["7"]'],
      ['POST /v1/7%3Aexport:cancel', 'POST /v1/{name=**}:cancel ["7:export"]'],
      ['POST /v1/:export:cancel', 'POST /v1/{name=**}:cancel [":export"]'],
      ['GET /v1/7:export:cancel', 'GET /v1/{id} ["7:export:cancel"]'],
      ['PUT /v1/7:a:b', 'PUT /v1/{id}:a%3Ab ["7"]'],
      ['PUT /v1/7:c:b', 'PUT /v1/{id}:b ["7:c"]'],
      ['POST /v1/7:export', '405 GET, HEAD, OPTIONS'],
    ],
  },
  {
    fact: 'an encoded colon is never a verb',
    routes: ['GET /v1/{id}', 'GET /v1/{id}:cancel', 'GET /v1/a%3Ab', 'GET /v1/{id}:a%3Ab'],
    requests: [
      ['GET /v1/7%3Acancel', 'GET /v1/{id} ["7:cancel"]'],
      ['GET /v1/7%3acancel:cancel', 'GET /v1/{id}:cancel ["7:cancel"]'],
      ['GET /v1/7:%63ancel', 'GET /v1/{id}:cancel ["7"]'],
      ['GET /v1/a%3ab', 'GET /v1/a%3Ab'],
      ['GET /v1/a:b', 'GET /v1/a%3Ab'],
      ['GET /v1/7:a%3ab', 'GET /v1/{id}:a%3Ab ["7"]'],
    ],
  },
  {
    fact: 'a verb on a literal: the literal with its verb, then the wildcard',
    routes: ['GET /v1/items', 'POST /v1/items:batch', 'POST /v1/{id}:batch', 'POST /v1/*', 'POST /v1/items:x/y'],
    requests: [
      ['POST /v1/items:batch', 'POST /v1/items:batch'],
      ['POST /v1/others:batch', 'POST /v1/{id}:batch ["others"]'],
      ['POST /v1/items:none', 'POST /v1/*'],
      ['POST /v1/items:x/y', 'POST /v1/items:x/y'],
      ['POST /v1/items%3Ax/y', 'POST /v1/items:x/y'],
    ],
  },
  {
    fact: 'one segment decodes everything, several segments everything but %2F, once',
    routes: ['GET /one/{id}', 'GET /many/{name=**}', 'GET /two/{name=a/*}', 'GET /lit/{id=a}'],
    requests: [
      ['GET /one/a%2Fb%20c%252F', 'GET /one/{id} ["a/b c%2F"]'],
      ['GET /many/a%2Fb/%2fc%20d/%252F', 'GET /many/{name=**} ["a%2Fb/%2fc d/%2F"]'],
      ['GET /two/a/x%2fy%25', 'GET /two/{name=a/*} ["a/x%2fy%"]'],
      ['GET /two/%61/x', 'GET /two/{name=a/*} ["a/x"]'],
      ['GET /one/%E2%82%AC%00', 'GET /one/{id} ["€\\u0000"]'],
      ['GET /one/a+b&c=d;e', 'GET /one/{id} ["a+b&c=d;e"]'],
      ['GET /one/__proto__', 'GET /one/{id} ["__proto__"]'],
      ['GET /one%2Fx', '404'],
    ],
  },
  {
    fact: 'literals are case-sensitive and match their encoded form',
    routes: ['GET /v1/Items~/$metadata', 'GET /v1/b%C3%BC/x', 'GET /v1/a%2fb/x'],
    requests: [
      ['GET /v1/Items~/$metadata', 'GET /v1/Items~/$metadata'],
      ['GET /%76%31/%49tems%7E/%24metadata', 'GET /v1/Items~/$metadata'],
      ['GET /v1/items~/$metadata', '404'],
      ['GET /V1/Items~/$metadata', '404'],
      ['GET /v1/b%c3%bc/x', 'GET /v1/b%C3%BC/x'],
      ['GET /v1/a%2Fb/x', 'GET /v1/a%2fb/x'],
      ['GET /v1/a/b/x', '404'],
    ],
  },
  {
    fact: 'an empty segment and a trailing slash match nothing',
    routes: ['GET /', 'GET /v1/{name=**}', 'GET /v1/a/*/b', 'GET /**'],
    requests: [
      ['GET /', 'GET /'],
      ['GET //', '404'],
      ['GET /v1/a//b', '404'],
      ['GET /v1/a/', '404'],
      ['GET //v1/a', '404'],
      ['GET /v1/%2F', 'GET /v1/{name=**} ["%2F"]'],
    ],
  },
  {
    fact: 'dot segments, bad escapes and what no path holds are malformed, wherever they stand',
    routes: ['GET /v1/{name=**}', 'GET /v1/{name=**}:run'],
    requests: [
      ['GET /v1/..', DOTS],
      ['GET /v1/a/../b', DOTS],
      ['GET /v1/./b', DOTS],
      ['GET /v1/%2e%2E/b', DOTS],
      ['GET /v1/.%2e', DOTS],
      ['GET /v1/a/..:run', DOTS],
      ['GET /v1/a/..:very:run', DOTS],
      ['GET /v1/a/%2e.:very:run', DOTS],
      ['GET /v1/a/:..:run', 'GET /v1/{name=**}:run ["a/:.."]'],
      ['GET /v1/a/%2e.:run', DOTS],
      ['GET /v1//..', DOTS],
      ['GET /nowhere/..', DOTS],
      ['GET /v1/...', 'GET /v1/{name=**} ["..."]'],
      ['GET /v1/..a/.b', 'GET /v1/{name=**} ["..a/.b"]'],
      ['GET /v1/%252e%252e', 'GET /v1/{name=**} ["%2e%2e"]'],
      ['GET /v1/%', "400 expected two hex digits after '%' at offset 4"],
      ['GET /v1/a%2', "400 expected two hex digits after '%' at offset 5"],
      ['GET /v1/a%zz/b', "400 expected two hex digits after '%' at offset 5"],
      ['GET /v1/a%u0041', "400 expected two hex digits after '%' at offset 5"],
      ['GET /v1/%ff', "400 expected percent-encoded UTF-8, got '%ff'"],
      ['GET /v1/%c0%af', "400 expected percent-encoded UTF-8, got '%c0%af'"],
      ['GET /v1/%ed%a0%80', "400 expected percent-encoded UTF-8, got '%ed%a0%80'"],
      ['GET /v1/%c3/%a9', "400 expected percent-encoded UTF-8, got '%c3'"],
      ['GET /v1/%c3:%a9', "400 expected percent-encoded UTF-8, got '%c3:%a9'"],
      ['GET /v1/é', '400 expected a percent-encoded character, got U+00E9 at offset 4'],
      ['GET /v1/a\u007f', '400 expected a percent-encoded character, got U+007F at offset 5'],
      ['GET /v1/a#b', '400 expected a percent-encoded character, got U+0023 at offset 5'],
      ['GET *', "400 expected '/' at the start of the path"],
      ['GET ', "400 expected '/' at the start of the path"],
    ],
  },
  {
    fact: 'kind * answers every method, behind the exact one of the same shape only',
    routes: ['* /v1/{id}', 'GET /v1/{id}', '* /v1/a/b', 'POST /v1/a/{id}'],
    requests: [
      ['GET /v1/7', 'GET /v1/{id} ["7"]'],
      ['HEAD /v1/7', 'GET /v1/{id} ["7"] (derived)'],
      ['PUT /v1/7', '* /v1/{id} ["7"]'],
      ['OPTIONS /v1/7', '* /v1/{id} ["7"]'],
      ['POST /v1/a/b', '* /v1/a/b'],
    ],
  },
  {
    fact: 'HEAD is its own rule first, else a unary GET',
    routes: ['GET /v1/a', 'HEAD /v1/a', 'GET /v1/b', 'GET /v1/s stream', 'GET /v1/{id}/x stream', 'HEAD /v1/{id}/*'],
    requests: [
      ['HEAD /v1/a', 'HEAD /v1/a'],
      ['HEAD /v1/b', 'GET /v1/b (derived)'],
      ['HEAD /v1/s', '405 GET, OPTIONS'],
      ['HEAD /v1/7/x', 'HEAD /v1/{id}/* ["7"]'],
      ['POST /v1/b', '405 GET, HEAD, OPTIONS'],
      ['OPTIONS /v1/b', '405 GET, HEAD, OPTIONS'],
      ['get /v1/b', '405 GET, HEAD, OPTIONS'],
    ],
  },
  {
    fact: 'names from objects are plain names',
    routes: ['GET /__proto__/constructor', 'GET /toString/{__proto__}:hasOwnProperty'],
    requests: [
      ['GET /__proto__/constructor', 'GET /__proto__/constructor'],
      ['GET /constructor/__proto__', '404'],
      ['GET /toString/x:hasOwnProperty', 'GET /toString/{__proto__}:hasOwnProperty ["x"]'],
      ['GET /toString/x:valueOf', '404'],
    ],
  },
];

for (const { fact, routes, requests } of BEHAVIOURS) {
  test(fact, (t) => {
    for (const lines of [routes, routes.toReversed()]) {
      const { table, conflicts } = tableOf(lines);
      t.deepEqual(conflicts, []);
      for (const [request, result] of requests) {
        const space = request.indexOf(' ');
        t.is(show(table.match(request.slice(0, space), request.slice(space + 1))), result, request);
      }
    }
  });
}

test('an empty table finds no route', (t) => {
  const { table } = tableOf([]);
  t.is(show(table.match('GET', '/')), '404');
  t.is(show(table.match('GET', '/a')), '404');
});

test('a second route with the same method and shape is a conflict that names each place; the first route is served', (t) => {
  const claims = [
    ['GET', '/v1/{b}', 'b.proto', 3],
    ['GET', '/v1/*', 'a.proto', 20],
    ['GET', '/v1/{id=*}', 'a.proto', 9],
    ['POST', '/v1/{id}', 'a.proto', 1],
    ['*', '/v1/{id}', 'a.proto', 2],
    ['GET', '/v1/{id}:x', 'a.proto', 3],
    ['*', '/v2/%61', 'c.proto', 1],
    ['*', '/v2/a', 'c.proto', 2],
  ] as const;
  for (const order of [claims, claims.toReversed()]) {
    const builder = new RouteTableBuilder<string>();
    for (const [httpMethod, text, file, line] of order) {
      const origin = { name: `pkg.S/M${line}`, position: { file, line, column: 5 }, derivesHead: true };
      builder.add({ httpMethod, template: parsePathTemplate(text), value: `${file}:${line}`, origin });
    }
    const { table, conflicts } = builder.build();
    t.deepEqual(conflictDiagnostics(conflicts), [
      {
        severity: 'error',
        rule: 'binding-conflict',
        text: 'GET /v1/*: expected one rpc for this path, got 3: pkg.S/M9 (a.proto:9:5), pkg.S/M20 (a.proto:20:5), pkg.S/M3 (b.proto:3:5)',
        position: { file: 'a.proto', line: 20, column: 5 },
      },
      {
        severity: 'error',
        rule: 'binding-conflict',
        text: 'any method /v2/a: expected one rpc for this path, got 2: pkg.S/M1 (c.proto:1:5), pkg.S/M2 (c.proto:2:5)',
        position: { file: 'c.proto', line: 2, column: 5 },
      },
    ]);
    t.is(show(table.match('GET', '/v1/7')), 'a.proto:9 ["7"]');
  }
});

test('a last segment of nothing but colons and verbs costs what an honest one costs', (t) => {
  const verbs = ['a', 'a:a', 'a:a:a', 'b'].map((verb) => `GET /v1/{id}:${verb}`);
  const { table } = tableOf([...verbs, 'POST /v1/{id}']);
  const path = `/v1/x${':a'.repeat(4000)}`;
  const start = process.cpuUsage();
  for (let i = 0; i < 100; i++) t.is(table.match('GET', path).kind, 'found');
  for (let i = 0; i < 100; i++) t.is(table.match('POST', path).kind, 'found');
  const { user, system } = process.cpuUsage(start);
  t.true(user + system < 200_000, `${user + system} µs of CPU for 200 matches`);
});

test('hostile paths cost what honest ones cost', (t) => {
  const templates: string[] = [];
  for (let bits = 0; bits < 1024; bits++) {
    const segments = Array.from({ length: 10 }, (_, i) => ((bits >> i) & 1 ? 'a' : '*')).join('/');
    templates.push(`GET /${segments}/end`, `GET /${segments}/**/end`, `POST /**/${segments}/end`);
  }
  const { table } = tableOf([...templates, 'GET /**/a/a/a/b']);
  const path = '/a'.repeat(4096);
  table.match('GET', path);
  const start = process.cpuUsage();
  t.is(show(table.match('GET', path)), '404');
  t.is(show(table.match('GET', `${path}/a/a/a/b`)), 'GET /**/a/a/a/b');
  const { user, system } = process.cpuUsage(start);
  t.true(user + system < 100_000, `${user + system} µs of CPU for two matches`);
});

test('a table that was changed many times has what a new one has, and is built anew at last', (t) => {
  const line = (i: number) => `GET /v1/{name=things/*}/part${i}:act${i % 3}`;
  const all = Array.from({ length: 200 }, (_, i) => line(i));
  let { table } = tableOf(all);
  for (let round = 1; ; round++) {
    const [gone, come] = [line(round - 1), line(199 + round)];
    const changed = atOnce(table.changed([claimOf(gone)], [claimOf(come)]));
    if (changed === undefined) {
      t.true(round > 3, `it was built anew in round ${round}`);
      break;
    }
    table = changed;
    t.is(show(table.match('GET', `/v1/things/7/part${round - 1}:act${(round - 1) % 3}`)), '404');
    t.is(show(table.match('GET', `/v1/things/7/part${199 + round}:act${(199 + round) % 3}`)), `${come} ["things/7"]`);
  }
});

test('a change of a table can pause at each removed and at each added route', (t) => {
  const lines = Array.from({ length: 200 }, (_, i) => `GET /v1/part${i}/{id}`);
  const steps = tableOf(lines).table.changed(lines.slice(0, 90).map(claimOf), [claimOf('GET /v1/other')]);
  let pauses = 0;
  while (steps.next().done !== true) pauses++;
  t.true(pauses >= 91, `${pauses} pauses`);
});

test('a route that conflicts with another one does not change a table', (t) => {
  const { table } = tableOf(['GET /v1/{a}', 'GET /v1/{a=**}']);
  for (const line of ['GET /v1/{b}', 'GET /v1/{b=**}']) {
    t.is(atOnce(table.changed([], [claimOf(line)])), undefined);
    t.not(atOnce(table.changed([claimOf(line)], [claimOf(line)])), undefined);
  }
});

test('the values of another table are made when a request first finds them', (t) => {
  const { table } = tableOf(['GET /v1/{a}', 'GET /v1/{a=**}']);
  const made: string[] = [];
  const other = table.withValues((line) => made.push(line));
  for (const path of ['/v1/1', '/v1/2', '/v1/2/3', '/v1', '/v2']) other.match('GET', path);
  t.deepEqual(made, ['GET /v1/{a}', 'GET /v1/{a=**}', 'GET /v1/{a=**}']);
});
