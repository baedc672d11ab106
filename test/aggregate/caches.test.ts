/**
 * A cached page is answered only to callers who would get the same page without the cache. Each test compares the calls
 * that the upstream received with the answers that came from the cache.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { handClock } from '../support/clock.js';
import { protoFolder } from '../support/gateway.js';
import { keepSecret } from '../support/secrets.js';
import { until } from '../support/until.js';
import type { Handlers } from '../support/upstream.js';
import { AUTH, as, type Claims, protos, step, storeFor, storeWith } from './store.js';

const start = storeFor(test);

const CACHE = 'cache: { ttl: { seconds: 60 } }';
const KNOWN = 'auth: { mode: MODE_REQUIRED }';
const NAME = step('name', 'GetName');
const OPTIONAL = 'with: "owner = request.owner" optional: true';

interface Way {
  readonly way: string;
  readonly steps: string;
  /** The claims of the caller whose request fills the cache. */
  readonly first: Claims;
  /** Other claims of the same subject. */
  readonly others: readonly Claims[];
  /** The result for each of the others: a status, or a part of the page. */
  readonly expected: readonly unknown[];
}

const own = (customer: unknown) => ({ sub: 'ada', customer });
const PARTIAL = ['name', 'failures'];

/** All ways in which the answer to one subject depends on more than its name. */
const WAYS: readonly Way[] = [
  {
    way: 'a required step whose require reads a claim',
    steps: `${NAME}\n${step('own', 'GetOwn')}`,
    first: own('x'),
    others: [own('y'), { sub: 'ada' }, own(['x']), own('')],
    expected: [403, 403, 403, 403],
  },
  {
    way: 'an optional step whose require reads a claim',
    steps: `${NAME}\n${step('own', 'GetOwn', OPTIONAL)}`,
    first: own('x'),
    others: [own('y'), { sub: 'ada' }],
    expected: [PARTIAL, PARTIAL],
  },
  {
    way: 'an optional step with scopes',
    steps: `${NAME}\n${step('ledger', 'GetLedger', OPTIONAL)}`,
    first: { sub: 'ada', scope: 'ledger.read' },
    others: [{ sub: 'ada' }, { sub: 'ada', scope: 'ledger.write' }],
    expected: [PARTIAL, PARTIAL],
  },
  {
    way: 'a claim in a request',
    steps: step('name', 'GetName', 'with: "owner = caller.claims.customer"'),
    first: own('x'),
    others: [own('y'), { sub: 'ada' }],
    expected: ['y', 403],
  },
  {
    way: 'a claim in a text of a request, of an object of claims',
    steps: step('name', 'GetName', `with: "owner = 'o/{caller.claims['https://x.test/org'].name}'"`),
    first: { sub: 'ada', 'https://x.test/org': { name: 'x' } },
    others: [{ sub: 'ada', 'https://x.test/org': { name: 'y' } }, { sub: 'ada' }],
    expected: ['o/y', 403],
  },
  {
    way: 'a claim as a condition',
    steps: `${NAME}\n${step('secret', 'GetSecret', 'with: "owner = request.owner" when: "caller.claims.admin"')}`,
    first: { sub: 'ada', admin: true },
    others: [{ sub: 'ada', admin: false }, { sub: 'ada' }],
    expected: [['name'], ['name']],
  },
  {
    way: 'a claim that is copied',
    steps: `${NAME}\n      steps: { into: "who" copy: "caller.claims.customer" }`,
    first: own('x'),
    others: [own('y'), { sub: 'ada' }],
    expected: [['name', 'who'], 403],
  },
  {
    way: 'a require over what another step brought',
    steps: `${NAME}\n${step('own', 'GetOwn', 'with: "owner = name.owner" optional: true')}`,
    first: own('x'),
    others: [own('y'), { sub: 'ada' }],
    expected: [PARTIAL, PARTIAL],
  },
  {
    way: 'a require over the elements of a list',
    steps: `${NAME}
      steps: { into: "lines.owner" copy: "request.owners" }
${step('lines.note', 'GetOwn', 'for_each: "lines" with: "owner = each.owner" max_items: 9 optional: true')}`,
    first: own('x'),
    others: [own('y')],
    expected: [['name', 'lines', 'failures']],
  },
  {
    way: 'another issuer of the same subject',
    steps: `${NAME}\n${step('mine', 'GetMine')}`,
    first: own('x'),
    others: [{ ...own('x'), iss: 'https://other.test' }],
    expected: [304],
  },
];

let waysAreServed: ReturnType<typeof start>;
test.before(() => {
  waysAreServed = start(storeWith(WAYS.map(({ steps }) => ({ steps, policy: `${KNOWN} ${CACHE}` }))));
});

for (const [index, { way, first, others, expected }] of WAYS.entries()) {
  const target = `/v1/pages${index === 0 ? '' : index}/x?owners=x`;
  const got = ({ status, json }: { status: number; json: Record<string, unknown> }, want: unknown) => {
    if (typeof want === 'string') return (json.name as { owner?: string } | undefined)?.owner;
    return status === 200 ? Object.keys(json) : status;
  };

  test.serial(`a kept page is not for the same subject otherwise: ${way}`, async (t) => {
    const { ask } = await waysAreServed;
    const filled = await ask(first, target);
    t.is(filled.status, 200);
    t.true(filled.called.length > 0);
    for (const [at, claims] of others.entries()) {
      const want = expected[at];
      const answer = await ask(claims, target, undefined, { 'if-none-match': filled.headers.etag! });
      t.deepEqual(got(answer, want), want, JSON.stringify(claims));
      t.not(answer.headers['cache-status'], 'protogate; hit');
      t.is(answer.called.length > 0, want !== 403, 'nothing is called for a caller who may not see it');
    }
    // This is a new token of the same caller, with the same claims.
    const again = await ask({ ...first, jti: 'another' }, target);
    t.deepEqual([again.text, again.called, again.headers['cache-status']], [filled.text, [], 'protogate; hit']);
  });
}

type Rule = NonNullable<NonNullable<ConfigInput['policies']>[number]['auth']>;

/** A page whose only step reports the customer that it was called for. */
const TENANT = step('name', 'GetName', 'with: "owner = caller.claims.customer"');

test('requests at once for one page share a call only where all that decides it is the same', async (t) => {
  const held: (() => void)[] = [];
  const handlers: Handlers = {
    GetName: async (call) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return { message: { owner: (call.request as { owner: string }).owner } };
    },
  };
  const { send, upstream } = await start(protos(TENANT, `${KNOWN} ${CACHE}`), {}, { handlers });
  const customers = ['x', 'y', 'x', 'z', 'y', 'x'];
  const asked = customers.map((customer) => send('GET', '/v1/pages/x', { headers: as(own(customer)) }));
  await until(() => held.length === 3);
  for (const release of held) release();
  const answers = await Promise.all(asked);
  t.deepEqual(
    answers.map(({ json }) => json.name.owner),
    customers,
  );
  t.deepEqual(upstream.calls.map((call) => (call.request as { owner: string }).owner).sort(), ['x', 'y', 'z']);
});

test('a stale page is stale for its own caller alone, while it is fetched anew and while the upstream fails', async (t) => {
  const clock = handClock();
  const policy = `${KNOWN} cache: { ttl: { seconds: 10 } stale_while_revalidate: { seconds: 10 } stale_if_error: { seconds: 1000 } }`;
  const { ask, upstream } = await start(protos(TENANT, policy), {}, { clock });
  t.is((await ask(own('x'), '/v1/pages/x')).json.name.owner, 'x');
  clock.advance(15_000);
  const other = await ask(own('y'), '/v1/pages/x');
  t.deepEqual([other.json.name.owner, other.headers['cache-status']], ['y', 'protogate; fwd=miss']);
  const stale = await ask(own('x'), '/v1/pages/x');
  t.deepEqual([stale.json.name.owner, stale.headers['cache-status']], ['x', 'protogate; hit; detail=stale']);
  await until(() => upstream.calls.length === 1);
  t.is((upstream.last().request as { owner: string }).owner, 'x', 'it is fetched anew for the caller it is for');

  upstream.script('GetName', { status: { code: 14 } });
  clock.advance(100_000);
  t.is((await ask(own('x'), '/v1/pages/x')).json.name.owner, 'x');
  t.is((await ask(own('z'), '/v1/pages/x')).status, 503);
});

test('rules that a reload changes hold for pages that were kept before it', async (t) => {
  const files = protos(`${NAME}\n${step('kept', 'GetKept', OPTIONAL)}`, `${KNOWN} ${CACHE}`);
  const rules: readonly [auth: Rule, called: string[], failures: unknown[]][] = [
    [{ mode: 'required' }, ['GetKept', 'GetName'], []],
    [{ mode: 'required', scopes: ['kept'] }, ['GetName'], [['kept', 7]]],
    [{ mode: 'required', require: ["request.owner = 'y'"] }, ['GetName'], [['kept', 7]]],
    [{ mode: 'required', require: ['request.owner = caller.claims.customer'] }, ['GetName'], [['kept', 7]]],
  ];
  const { ask, gateway, plan, upstream } = await start(files);
  for (const [rule, called, failures] of rules) {
    await gateway.reload({
      version: 1,
      schema: { protos: [...plan.config.schema.protos] },
      upstreams: { test: { target: upstream.target, services: ['*'] } },
      auth: AUTH,
      policies: [{ selector: 'acme.v1.Store/GetKept', auth: rule }],
    });
    const answer = await ask({ sub: 'ada' }, '/v1/pages/x');
    t.deepEqual([answer.called, answer.failures], [called, failures], JSON.stringify(rule));
  }
});

test('a called method’s own cache keeps apart what claims ask for, and its require is asked each time', async (t) => {
  const cached = { policies: [{ selector: 'acme.v1.Store.*', cache: { ttl: '60s' } }] };
  const tenant = await start(protos(TENANT, KNOWN), cached);
  for (const [customer, called] of [
    ['x', ['GetName']],
    ['y', ['GetName']],
    ['x', []],
    ['y', []],
  ] as const) {
    const answer = await tenant.ask(own(customer), '/v1/pages/x');
    t.deepEqual([answer.json.name.owner, answer.called], [customer, [...called]]);
  }
  const guarded = await start(protos(`${NAME}\n${step('own', 'GetOwn', OPTIONAL)}`, KNOWN), cached);
  t.deepEqual((await guarded.ask(own('x'), '/v1/pages/x')).failures, []);
  t.deepEqual((await guarded.ask(own('x'), '/v1/pages/x')).called, [], 'both are kept');
  t.deepEqual((await guarded.ask(own('y'), '/v1/pages/x')).failures, [['own', 7]]);
  t.is((await guarded.ask(own('y'), '/v1/own/x')).status, 403, 'by its own route too');
});

test('an aggregate’s page is another one for each header and address that goes upstream', async (t) => {
  const { ask } = await start(protos(NAME, `${KNOWN} ${CACHE}`), {
    metadata: { request: ['accept-language'], forwardAuthorization: false },
    trustedProxies: ['127.0.0.1'],
  });
  const variants = [{}, { 'accept-language': 'nl' }, { 'x-forwarded-for': '192.0.2.1' }];
  for (const sent of variants)
    t.deepEqual((await ask({ sub: 'ada' }, '/v1/pages/x', undefined, sent)).called, ['GetName']);
  for (const sent of variants) t.deepEqual((await ask({ sub: 'ada' }, '/v1/pages/x', undefined, sent)).called, []);
});

test('with interceptors, every cache key has all that they may read of the caller', async (t) => {
  const read = (claims: Claims) => (claims as { customer?: string } | undefined)?.customer;
  for (const steps of [NAME, step('kept', 'GetKept')]) {
    const cache = steps === NAME ? CACHE : '';
    const { ask, upstream } = await start(
      protos(steps, `${KNOWN} ${cache}`),
      {},
      {
        interceptors: [
          (next) => (request) => {
            const { claims, scopes } = request.context.principal!;
            const told = `${claims.customer}:${[...scopes]}`;
            return next({ ...request, metadata: [...request.metadata, ['x-told', told]] });
          },
        ],
      },
    );
    const told = () => upstream.calls.flatMap(({ metadata }) => metadata.get('x-told'));
    const exp = Math.floor(Date.now() / 1000) + 250;
    const callers = [own('x'), own('y'), { ...own('x'), scope: 'a' }].map((claims) => ({ ...claims, exp }));
    for (const claims of callers) {
      await ask(claims, '/v1/pages/x');
      t.deepEqual(told(), [`${read(claims)}:${'scope' in claims ? claims.scope : ''}`]);
    }
    for (const claims of callers) t.deepEqual((await ask(claims, '/v1/pages/x')).called, [], 'one token is one caller');
  }
});

test('an answer that an upstream marks as private is not cached, shared or made cacheable by an aggregate', async (t) => {
  for (const [name, value] of [
    ['set-cookie', 'session=1'],
    ['cache-control', 'private'],
    ['cache-control', 'no-store'],
  ] as const) {
    let count = 0;
    const held: (() => void)[] = [];
    const handlers: Handlers = {
      GetName: async () => {
        await new Promise<void>((resolve) => held.push(resolve));
        return { message: { text: `${++count}` }, headers: { [name]: value } };
      },
    };
    for (const scope of ['', 'scope: SCOPE_PUBLIC']) {
      held.length = 0;
      const cache = `cache: { ttl: { seconds: 60 } ${scope} }`;
      const { send, upstream } = await start(protos(NAME, cache), { metadata: { response: ['*'] } }, { handlers });
      const asked = [1, 2, 3].map(() => send('GET', '/v1/pages/x'));
      for (let released = 0; released < 3; released++) {
        await until(() => held.length > released);
        held[released]!();
      }
      const answers = await Promise.all(asked);
      t.is(new Set(answers.map(({ text }) => text)).size, 3, `${name} ${scope}`);
      for (const { headers } of answers) t.deepEqual([headers['cache-control'], headers.etag], ['no-store', undefined]);
      t.is(upstream.calls.length, 3);
    }
  }
});

test('pages of the same caller with other parts asked for are other pages', async (t) => {
  const { ask } = await start(protos(`${NAME}\n${step('mine', 'GetMine')}`, `${KNOWN} ${CACHE}`));
  for (const [target, keys] of [
    ['/v1/pages/x?$fields=name', ['name']],
    ['/v1/pages/x', ['name', 'mine']],
    ['/v1/pages/x?$fields=mine', ['mine']],
    ['/v1/pages/x?$fields=mine,name', ['name', 'mine']],
  ] as const) {
    for (const hit of [false, true]) {
      const { json, called } = await ask({ sub: 'ada' }, target);
      t.deepEqual([Object.keys(json), called.length === 0], [[...keys], hit], target);
    }
  }
});

test('a page that one key of a consumer filled is not for its other keys, which lack a scope', async (t) => {
  const keys = ['pg_clerk-key-clerk-key-clerk-key-clerk', 'pg_plain-key-plain-key-plain-key-plain'].map(keepSecret);
  const entries = keys.map((key, index) => {
    const sha256 = createHash('sha256').update(key).digest('hex');
    return `{ sha256: "${sha256}", consumer: acme, scopes: [${index === 0 ? 'ledger.read' : ''}] }`;
  });
  const folder = await protoFolder(t, {});
  await writeFile(join(folder, 'keys.yaml'), `keys: [${entries.join(', ')}]`);
  const { ask } = await start(protos(`${NAME}\n${step('ledger', 'GetLedger', OPTIONAL)}`, `${KNOWN} ${CACHE}`), {
    auth: { default: 'public', apiKeys: { file: join(folder, 'keys.yaml') } },
  });
  const got = async (key: string) => {
    const { json, called, failures } = await ask(undefined, '/v1/pages/x', undefined, { 'x-api-key': key });
    return [json.ledger === undefined, called, failures];
  };
  t.deepEqual(await got(keys[0]!), [false, ['GetLedger', 'GetName'], []]);
  t.deepEqual(await got(keys[0]!), [false, [], []]);
  t.deepEqual(await got(keys[1]!), [true, ['GetName'], [['ledger', 7]]]);
  t.deepEqual(await got(keys[0]!), [false, [], []]);
});
