/** The warnings of `check` that need all routes at once. */
import test, { type ExecutionContext } from 'ava';
import { planOf, startGateway } from '../support/gateway.js';

const HEAD = `import "google/api/annotations.proto"; import "protogate/v1/annotations.proto";
  message M { string name = 1; string id = 2; }`;
const AUTH = { auth: { jwt: [{ issuer: 'i', audiences: ['a'], secret: 's'.repeat(32) }] } };

async function warnings(t: ExecutionContext, text: string, rule: string, config = {}): Promise<readonly string[]> {
  const { diagnostics } = await planOf(t, `package p; ${HEAD} ${text}`, config);
  t.deepEqual(
    diagnostics.filter(({ severity }) => severity === 'error'),
    [],
  );
  return diagnostics.filter((one) => one.rule === rule).map((one) => one.text);
}

/** Returns a service with an rpc for each line such as `GET /a`, named R0, R1, … */
function service(...lines: readonly string[]): string {
  const rpcs = lines.map((line, i) => {
    const [kind = '', path = ''] = line.split(' ');
    const pattern = /^(GET|POST|PUT)$/.test(kind)
      ? `${kind.toLowerCase()}: "${path}"`
      : `custom { kind: "${kind}" path: "${path}" }`;
    return `rpc R${i}(M) returns (M) { option (google.api.http) = { ${pattern} }; }`;
  });
  return `service S { ${rpcs.join('\n')} }`;
}

const unreachable: readonly (readonly [routes: readonly string[], never: readonly number[]])[] = [
  [['GET /v1/{name=**}/{id}', 'GET /v1/{name}/{id=**}'], [0]],
  [['GET /v1/{name=**}', 'GET /v1', 'GET /v1/{name}/{id=**}'], [0]],
  [['GET /v1/{name=**}', 'GET /v1/{name}/{id=**}'], []],
  [['GET /v1/{name=**}', 'GET /v1', 'GET /v1/{name}'], []],
  [['GET /v1/{name=**}:go', 'GET /v1:go', 'GET /v1/{name}/{id=**}:go'], [0]],
  [['GET /v1/{name=**}:go', 'GET /v1:go', 'GET /v1/{name}/{id=**}:went'], []],
  [['GET /{name=**}', 'GET /', 'GET /{name}/{id=**}'], [0]],
  [['POST /v1/{name=**}/{id}', 'GET /v1/{name}/{id=**}'], []],
  [['POST /v1/{name=**}/{id}', '* /v1/{name}/{id=**}'], [0]],
  [['* /v1/{name=**}/{id}', 'GET /v1/{name}/{id=**}', 'POST /v1/{name}/{id=**}'], []],
  [['* /v1/{name=**}/{id}', '* /v1/{name}/{id=**}'], [0]],
  [['GET /v1/{name=x/*}', 'GET /v1/x/y', 'GET /v1/{name}/y', 'GET /v1/{name=**}:y', 'GET /v1/x/{id}:y'], []],
  [['GET /v1/a%3Ab', 'GET /v1/{name}:b', 'GET /v1/a:b'], []],
  [['GET /v1/{name}:b', 'GET /v1/{name}:a:b', 'GET /v1/{name=**}:a:b'], []],
  [['HEAD /v1/{name}', 'GET /v1/{name}'], []],
];
for (const [routes, never] of unreachable) {
  test(`a route that no request reaches is a warning: ${routes.join(', ')}`, async (t) => {
    for (const order of [routes, routes.toReversed()]) {
      const found = await warnings(t, service(...order), 'unreachable-route');
      t.deepEqual(
        found.map((text) => /^p\.S\/R\d: (?:any method|(\S+)) (\S+) is never/.exec(text)?.slice(1).join(' ')),
        never.map((index) => routes[index]!.replace(/^\*/, '')),
      );
    }
  });
}

test('conflicting routes are reported once', async (t) => {
  const { diagnostics } = await planOf(t, `package p; ${HEAD} ${service('GET /v1/{name}', 'GET /v1/{id}')}`);
  t.deepEqual(
    diagnostics.map(({ rule }) => rule),
    ['binding-conflict', 'no-auth'],
  );
});

const auth = (mode: string, more = '') => `option (protogate.v1.policy) = { auth: { mode: MODE_${mode} ${more} } };`;
const get = (name: string, path: string, policy: string) =>
  `rpc ${name}(M) returns (M) { option (google.api.http) = { get: "${path}" }; ${policy} }`;
const users = (policy: string, path = '/v1/{name=users/*}') => `service Users { ${get('GetUser', path, policy)} }`;
const iam = (policy: string, path = '/v1/{name=**}:get') => `service Iam { ${get('Get', path, policy)} }`;

const overlaps: readonly (readonly [fact: string, text: string, warned: boolean])[] = [
  ['public over required', users(auth('REQUIRED')) + iam(auth('PUBLIC')), true],
  ['optional over required', users(auth('REQUIRED')) + iam(auth('OPTIONAL')), true],
  ['public over optional', users(auth('OPTIONAL')) + iam(auth('PUBLIC')), true],
  ['without a scope', users(auth('REQUIRED', 'scopes: "read"')) + iam(auth('REQUIRED')), true],
  ['without a demand', users(auth('REQUIRED', 'require: "request.name = caller.subject"')) + iam(''), true],
  ['a longer verb', users(auth('REQUIRED'), '/v1/{name}:get') + iam(auth('PUBLIC'), '/v1/{name}:now:get'), true],
  ['a deeper path', users(auth('REQUIRED'), '/v1/a/{name=**}') + iam(auth('PUBLIC'), '/v1/{name=**}/{id}:get'), true],
  ['as guarded', users(auth('REQUIRED')) + iam(auth('REQUIRED')), false],
  ['more guarded', users(auth('OPTIONAL')) + iam(auth('REQUIRED')), false],
  ['other paths', users(auth('REQUIRED')) + iam(auth('PUBLIC'), '/v1/groups/{name}:get'), false],
  ['a literal at the end', users(auth('REQUIRED'), '/v1/users/me') + iam(auth('PUBLIC')), false],
  [
    'the same service',
    `service Users { ${get('GetUser', '/v1/{name=users/*}', '')} ${get('Get', '/v1/{name=**}:get', auth('PUBLIC'))} }`,
    false,
  ],
  [
    'another method',
    `${users(auth('REQUIRED'))} service Iam { rpc Post(M) returns (M) { option (google.api.http) = { post: "/v1/{name=**}:get" }; ${auth('PUBLIC')} } }`,
    false,
  ],
];
for (const [fact, text, warned] of overlaps) {
  test(`a verb that opens another service's guarded paths is a warning: ${fact}`, async (t) => {
    const found = await warnings(t, text, 'verb-overlap', AUTH);
    t.is(found.length, warned ? 1 : 0, found.join());
  });
}

test('the warning names both routes, their guards and a path', async (t) => {
  t.deepEqual(await warnings(t, users(auth('REQUIRED')) + iam(auth('PUBLIC')), 'verb-overlap', AUTH), [
    'p.Iam/Get: GET /v1/{name=**}:get also matches paths of GET /v1/{name=users/*} of p.Users/GetUser, such as /v1/users/x:get, and is less protected (public) than that route (required)',
  ]);
});

test('a verb reaches its own rpc, beside a more literal route', async (t) => {
  const { send, upstream } = await startGateway(t, `package p; ${HEAD} ${users('')} ${iam('')}`);
  for (const [target, rpc, name] of [
    ['/v1/users/7', 'Users/GetUser', 'users/7'],
    ['/v1/users/7:get', 'Iam/Get', 'users/7'],
    ['/v1/users/7%3Aget', 'Users/GetUser', 'users/7:get'],
    ['/v1/users/7:got', 'Users/GetUser', 'users/7:got'],
  ] as const) {
    t.is((await send('GET', target)).status, 200);
    t.is(upstream.last().path, `/p.${rpc}`);
    t.deepEqual(upstream.last().request, { name });
  }
});
