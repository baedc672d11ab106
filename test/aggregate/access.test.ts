/** An aggregate never answers with data that its caller could not have fetched step by step. */
import test from 'ava';
import { parseConfig } from '../../src/config/parse.js';
import { plan } from '../../src/gateway/plan.js';
import { protoFolder } from '../support/gateway.js';
import { AUTH, protos, step, storeFor } from './store.js';

const start = storeFor(test);
const NAME = step('name', 'GetName');
const OPTIONAL = 'with: "owner = request.owner" optional: true';

async function findings(t: Parameters<typeof protoFolder>[0], files: Readonly<Record<string, string>>, closed = true) {
  const folder = await protoFolder(t, files);
  const { config } = parseConfig({ version: 1, schema: { protos: [folder] }, ...(closed ? { auth: AUTH } : {}) });
  const { diagnostics } = await plan(config!);
  return diagnostics
    .map(({ severity, rule, text }) => `${severity} ${rule} ${text}`)
    .filter((text) => text.includes('GetPage'));
}

test('an aggregate takes over the demands of its required steps, and calls nothing for other callers', async (t) => {
  const { ask } = await start(protos(`${NAME}\n${step('ledger', 'GetLedger')}`));
  const anybody = await ask(undefined, '/v1/pages/ada');
  t.deepEqual([anybody.status, anybody.called], [401, []]);
  const known = await ask({ sub: 'ada' }, '/v1/pages/ada');
  t.deepEqual([known.status, known.called], [403, []]);
  const clerk = await ask({ sub: 'ada', scope: 'ledger.read' }, '/v1/pages/ada');
  t.deepEqual([clerk.status, clerk.called], [200, ['GetLedger', 'GetName']]);
});

test('an optional step that the caller may not call is a PERMISSION_DENIED part, and is not called', async (t) => {
  const { ask } = await start(
    protos(`${NAME}\n${step('ledger', 'GetLedger', OPTIONAL)}`, 'auth: { mode: MODE_OPTIONAL }'),
  );
  for (const claims of [undefined, { sub: 'ada' }]) {
    const answer = await ask(claims, '/v1/pages/ada');
    t.deepEqual([answer.status, answer.called, answer.failures], [200, ['GetName'], [['ledger', 7]]]);
    t.is(answer.headers['x-protogate-partial'], 'ledger');
  }
  t.deepEqual((await ask({ sub: 'ada', scope: 'ledger.read' }, '/v1/pages/ada')).called, ['GetLedger', 'GetName']);
});

test('without any authorized part, the answer is 403', async (t) => {
  const { ask } = await start(
    protos(
      `${step('ledger', 'GetLedger', OPTIONAL)}\n${step('note', 'GetNote', OPTIONAL)}`,
      'auth: { mode: MODE_OPTIONAL }',
    ),
  );
  const answer = await ask({ sub: 'bob' }, '/v1/pages/ada');
  t.deepEqual([answer.status, answer.json.code, answer.called], [403, 7, []]);
});

test('a require of a called method holds for each of its calls', async (t) => {
  const { ask } = await start(
    protos(
      `${NAME}
      steps: { into: "lines.owner" copy: "request.owners" }
${step('lines.note', 'GetNote', 'for_each: "lines" with: "owner = each.owner" max_items: 9 optional: true')}`,
      'auth: { mode: MODE_REQUIRED }',
    ),
  );
  const answer = await ask({ sub: 'ada' }, '/v1/pages', { owner: 'ada', owners: ['bob', 'ada', 'eve', 'ada/', 'ADA'] });
  t.is(answer.status, 200);
  t.deepEqual(answer.called, ['GetName', 'GetNote']);
  t.deepEqual(
    answer.failures.map(([path]) => path),
    ['lines[0].note', 'lines[2].note', 'lines[3].note', 'lines[4].note'],
  );
  const required = await start(protos(step('note', 'GetNote')));
  t.deepEqual(
    [
      (await required.ask({ sub: 'ada' }, '/v1/pages/bob')).status,
      (await required.ask({ sub: 'ada' }, '/v1/pages/ada')).status,
    ],
    [403, 200],
  );
});

test('a claim that is missing, empty, a list or an object fails its step; a name of a prototype is none', async (t) => {
  const claim = (name: string, more = '') =>
    protos(
      `${NAME}\n      steps: { into: "who" copy: "caller.claims.${name}" ${more} }`,
      'auth: { mode: MODE_REQUIRED }',
    );
  const { ask } = await start(claim('tenant'));
  for (const tenant of [undefined, '', ['a'], { a: 1 }, null])
    t.is((await ask({ sub: 'ada', tenant }, '/v1/pages/ada')).status, 403);
  t.is((await ask({ sub: 'ada', tenant: 'acme' }, '/v1/pages/ada')).json.who, 'acme');
  const optional = await start(claim('tenant', 'optional: true'));
  t.deepEqual((await optional.ask({ sub: 'ada' }, '/v1/pages/ada')).failures, [['who', 7]]);
  for (const name of ['__proto__', 'constructor', 'constructor.name', 'toString']) {
    const hostile = await start(claim(name));
    t.is((await hostile.ask({ sub: 'ada' }, '/v1/pages/ada')).status, 403, name);
  }
});

test('a step that reads the caller gets the authenticated one, whatever the client sends', async (t) => {
  const { ask, upstream } = await start(
    protos(
      `${step('note', 'GetNote', 'with: "owner = caller.subject"')}\n${step('mine', 'GetMine', 'with: "owner = \'x/{caller.subject}\'"')}`,
    ),
    { metadata: { request: ['*'] } },
  );
  const answer = await ask({ sub: 'ada' }, '/v1/pages/bob', undefined, { 'x-user-id': 'bob', x_user_id: 'bob' });
  t.is(answer.json.note.owner, 'ada');
  t.is(answer.json.mine.owner, 'x/ada');
  t.is(upstream.calls.length, 2);
  for (const { metadata } of upstream.calls) {
    t.deepEqual([metadata.get('x-user-id'), metadata.get('x_user_id')], [['ada'], []]);
  }
});

test('check: what a step demands and the aggregate does not say', async (t) => {
  const cases: readonly (readonly [
    fact: string,
    files: ReturnType<typeof protos>,
    expected: string | undefined,
    closed?: boolean,
  ])[] = [
    [
      'a step without a route and no auth',
      protos(step('many', 'BatchGetNames', 'take: "notes" with: "owners = request.owners"')),
      "error aggregate-auth acme.v1.Pages/GetPage: many: acme.v1.Store/BatchGetNames has no route of its own: expected auth in the aggregate's policy, such as { mode: MODE_REQUIRED }, got none",
    ],
    [
      '… with auth',
      protos(
        step('many', 'BatchGetNames', 'take: "notes" with: "owners = request.owners"'),
        'auth: { mode: MODE_PUBLIC }',
      ),
      undefined,
    ],
    ['… where nothing authenticates', protos(`${NAME}`), undefined, false],
    [
      'public, and a required step demands somebody',
      protos(`${NAME}\n${step('mine', 'GetMine')}`, 'auth: { mode: MODE_PUBLIC }'),
      'warning aggregate-auth acme.v1.Pages/GetPage: mine: acme.v1.Store/GetMine requires a caller, so the aggregate does too, although its own mode is public; set it to required',
    ],
    [
      'public, and an optional step demands somebody',
      protos(`${NAME}\n${step('mine', 'GetMine', OPTIONAL)}`, 'auth: { mode: MODE_PUBLIC }'),
      'warning aggregate-auth acme.v1.Pages/GetPage: mine: this step needs a caller, but the aggregate is public and knows none, so the step always fails; require a caller for the aggregate',
    ],
    [
      'a required step reads a caller that nobody demands',
      protos(`${NAME}\n      steps: { into: "who" copy: "caller.subject" }`, 'auth: { mode: MODE_OPTIONAL }'),
      'error auth-contradiction acme.v1.Pages/GetPage: who: expected auth mode required, because the step reads the caller, got optional',
    ],
    [
      'a public cache over what depends on the caller',
      protos(
        `${NAME}\n      steps: { into: "who" copy: "caller.subject" }`,
        'auth: { mode: MODE_REQUIRED } cache: { ttl: { seconds: 9 } scope: SCOPE_PUBLIC }',
      ),
      'error cache-public acme.v1.Pages/GetPage: who: expected cache scope consumer, because the step depends on the caller, got public',
    ],
    [
      '… over an optional step with scopes',
      protos(
        `${NAME}\n${step('ledger', 'GetLedger', OPTIONAL)}`,
        'auth: { mode: MODE_REQUIRED } cache: { ttl: { seconds: 9 } scope: SCOPE_PUBLIC }',
      ),
      'error cache-public acme.v1.Pages/GetPage: ledger: expected cache scope consumer, because the step depends on the caller, got public',
    ],
    [
      'a limit below what one request counts',
      protos(`${NAME}\n${step('kept', 'GetKept')}`, 'rate_limits: { limit: 1 period: { seconds: 60 } }'),
      'error aggregate-limit acme.v1.Pages/GetPage: expected a limit of at least 2, because one request counts as 2 (one per step), got 1',
    ],
  ];
  for (const [fact, files, expected, closed] of cases) {
    const found = (await findings(t, files, closed)).filter(
      (text) => !/public-write|cache-anonymous|subject-alone/.test(text),
    );
    t.deepEqual(found, expected === undefined ? [] : [expected], fact);
  }
});

test('an aggregate that says public and needs a caller demands one', async (t) => {
  const { ask } = await start(protos(`${NAME}\n${step('mine', 'GetMine')}`, 'auth: { mode: MODE_PUBLIC }'));
  t.is((await ask(undefined, '/v1/pages/ada')).status, 401);
  t.is((await ask({ sub: 'ada' }, '/v1/pages/ada')).status, 200);
});

test('a request of an aggregate counts once for each step with a call', async (t) => {
  const { ask } = await start(
    protos(
      `${NAME}\n${step('kept', 'GetKept')}\n      steps: { into: "who" copy: "request.free" }`,
      'rate_limits: { limit: 5 period: { seconds: 60 } }',
    ),
  );
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await ask(undefined, '/v1/pages/ada')).status);
  t.deepEqual(statuses, [200, 200, 429]);
});

test('the aggregate’s own cache: per caller, per mask, never partial', async (t) => {
  const { ask } = await start(
    protos(
      `${NAME}\n${step('mine', 'GetMine')}\n${step('ledger', 'GetLedger', OPTIONAL)}`,
      'cache: { ttl: { seconds: 60 } }',
    ),
  );
  const clerk = (sub: string) => ({ sub, scope: 'ledger.read' });
  const first = await ask(clerk('ada'), '/v1/pages/x');
  t.is(first.called.length, 3);
  const again = await ask(clerk('ada'), '/v1/pages/x');
  t.deepEqual([again.called, again.text, again.headers['cache-status']], [[], first.text, 'protogate; hit']);
  const bob = await ask(clerk('bob'), '/v1/pages/x');
  t.is(bob.called.length, 3);
  t.true(bob.json.mine.text.endsWith('bob'));
  const masked = await ask(clerk('ada'), '/v1/pages/x?$fields=name');
  t.deepEqual([masked.called, Object.keys(masked.json)], [['GetName'], ['name']]);
  t.is((await ask(clerk('ada'), '/v1/pages/x')).text, first.text);
  for (let i = 0; i < 2; i++) {
    const partial = await ask({ sub: 'eve' }, '/v1/pages/x');
    t.deepEqual([partial.called.length, partial.headers['cache-control']], [2, 'no-store']);
    t.is(partial.headers.etag, undefined);
  }
});

test('a called method’s own cache answers its steps, per caller', async (t) => {
  const { ask } = await start(protos(`${NAME}\n${step('kept', 'GetKept')}`, 'auth: { mode: MODE_REQUIRED }'));
  t.deepEqual((await ask({ sub: 'ada' }, '/v1/pages/x')).called, ['GetKept', 'GetName']);
  t.deepEqual((await ask({ sub: 'ada' }, '/v1/pages/x')).called, ['GetName']);
  const bob = await ask({ sub: 'bob' }, '/v1/pages/x');
  t.deepEqual(bob.called, ['GetKept', 'GetName']);
  t.true(bob.json.kept.text.endsWith('bob'));
});

test('operators overrule: a policy that closes a called method closes the step', async (t) => {
  const { ask } = await start(
    protos(`${NAME}\n${step('kept', 'GetKept', OPTIONAL)}`, 'auth: { mode: MODE_OPTIONAL }'),
    {
      policies: [{ selector: 'acme.v1.Store/GetKept', auth: { mode: 'required', scopes: ['kept'] } }],
    },
  );
  t.deepEqual((await ask({ sub: 'ada' }, '/v1/pages/x')).failures, [['kept', 7]]);
  t.deepEqual((await ask({ sub: 'ada', scope: 'kept' }, '/v1/pages/x')).failures, []);
});
