/**
 * A required step's demands on the caller guard the whole page, even if only a part of it is asked for; and demands that
 * need no call are decided before any call. Each test looks at the calls that the upstream received.
 */
import test from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { explain } from '../../src/gateway/explain/explain.js';
import { protos, step, storeFor, storeWith } from './store.js';

const start = storeFor(test);

const KNOWN = 'auth: { mode: MODE_REQUIRED }';
const NAME = step('name', 'GetName');
const OWN = step('own', 'GetOwn');
const SECRET = step('secret', 'GetSecret');

const owner = { sub: 'ada', customer: 'x' };
const other = { sub: 'ada', customer: 'y' };

interface Guard {
  readonly fact: string;
  readonly steps: string;
  readonly body?: object;
}

const item = (into: string, list: string, value: string) =>
  step(into, 'GetOwn', `for_each: "${list}" with: "owner = ${value}" max_items: 3`);

/** Pages that only their owner may see. The step that decides this may be left out of a request. */
const GUARDS: readonly Guard[] = [
  { fact: 'a require over the request', steps: `${OWN}\n${SECRET}` },
  { fact: 'a require that stands last', steps: `${SECRET}\n${OWN}` },
  {
    fact: 'a claim that a step says',
    steps: `${SECRET}\n${step('name', 'GetName', 'with: "owner = caller.claims.x"')}`,
  },
  { fact: 'a claim that is copied', steps: `${SECRET}\n      steps: { into: "who" copy: "caller.claims.x" }` },
  {
    fact: 'a require over a copy of the request',
    steps: `${SECRET}\n      steps: { into: "copied" copy: "request.owner" }\n${step('own', 'GetOwn', 'with: "owner = copied"')}`,
  },
  {
    fact: 'a require over a list of the request',
    steps: `${SECRET}\n${item('many', 'request.owners', 'each')}`,
    body: { owner: 'x', owners: ['x', 'x'] },
  },
  {
    fact: 'a require over a list that is copied from the request',
    steps: `${SECRET}\n      steps: { into: "lines.owner" copy: "request.owners" }\n${item('lines.note', 'lines', 'each.owner')}`,
    body: { owner: 'x', owners: ['x'] },
  },
  {
    fact: 'a require under a condition that the request meets',
    steps: `${SECRET}\n${step('own', 'GetOwn', 'with: "owner = request.owner" when: "request.free"')}`,
    body: { owner: 'x', free: 'yes' },
  },
  {
    fact: 'a require of a batch, over what is not in its list',
    steps: `${SECRET}\n${step('many', 'BatchGetNames', 'for_each: "request.owners" with: "owners = each" with: "owner = request.owner" take: "notes" key: "owner" max_items: 3')}`,
    body: { owner: 'x', owners: ['a', 'b', 'c'] },
  },
  {
    fact: 'a require of a hidden step',
    steps: `${SECRET}\n      steps: { name: "hidden" call: "acme.v1.Store/GetOwn" with: "owner = request.owner" }`,
  },
  {
    fact: 'scopes',
    steps: `${SECRET}\n${step('ledger', 'GetLedger')}`,
  },
  {
    fact: 'a require over the request alone',
    steps: `${SECRET}\n${step('kept', 'GetKept')}`,
  },
];

/** Returns the callers who may see the page of `x`, and those who may not. */
function callers({ fact }: Guard) {
  if (fact === 'scopes') return { may: { sub: 'ada', scope: 'ledger.read' }, mayNot: { sub: 'ada' } };
  if (fact.startsWith('a claim')) return { may: { sub: 'ada', x: 'x' }, mayNot: { sub: 'ada' } };
  return { may: owner, mayNot: other };
}

/** Policies for methods whose protos have none. */
const POLICIES: ConfigInput['policies'] = [
  { selector: 'acme.v1.Store/GetKept', auth: { mode: 'required', require: ["request.owner = 'x'"] } },
  { selector: 'acme.v1.Store/BatchGetNames', auth: { require: ['request.owner = caller.claims.customer'] } },
];

let guardsAreServed: ReturnType<typeof start>;
test.before(() => {
  guardsAreServed = start(storeWith(GUARDS.map(({ steps }) => ({ steps, policy: KNOWN }))), { policies: POLICIES });
});

for (const [index, guard] of GUARDS.entries()) {
  const { fact, body } = guard;

  test.serial(`a page is refused before anything is called, whatever of it is asked for: ${fact}`, async (t) => {
    const { may, mayNot } = callers(guard);
    const isOfRequest = fact === 'a require over the request alone';
    const { ask } = await guardsAreServed;
    const page = `/v1/pages${index === 0 ? '' : index}`;
    const path = (id: string) => (body === undefined ? `${page}/${id}` : page);
    for (const query of ['', '?$fields=secret', '?$fields=secret.text', '?$fields=secret,name', '?$fields=failures']) {
      const refused = isOfRequest ? await ask(may, path('y') + query) : await ask(mayNot, path('x') + query, body);
      t.deepEqual([refused.status, refused.called], [403, []], query);
      const answered = await ask(may, path('x') + query, body);
      t.is(answered.status, 200, `${query} ${answered.text}`);
      if (query !== '?$fields=failures') t.true(answered.called.includes('GetSecret'));
    }
    const { called } = await ask(may, `${path('x')}?$fields=secret`, body);
    t.deepEqual(called, ['GetSecret'], 'who may see the page pays for what is asked for alone');
  });
}

test('a binding’s response_body prunes no guard either', async (t) => {
  const files = protos(`${OWN}\n${SECRET}`, KNOWN);
  const [name, text] = Object.entries(files)[0]!;
  const binding = 'additional_bindings: { get: "/v1/secrets/{owner}" response_body: "secret" }';
  const { ask } = await start({ [name]: text.replace('additional_bindings', `${binding} additional_bindings`) });
  for (const query of ['', '?$fields=text']) {
    const refused = await ask(other, `/v1/secrets/x${query}`);
    t.deepEqual([refused.status, refused.called], [403, []]);
    t.deepEqual((await ask(owner, `/v1/secrets/x${query}`)).called, ['GetSecret']);
  }
});

test('a cached page is refused to callers who may not see it, also to its first caller after the claim is gone', async (t) => {
  const { ask } = await start(protos(`${OWN}\n${SECRET}`, `${KNOWN} cache: { ttl: { seconds: 60 } }`));
  for (const query of ['', '?$fields=secret']) {
    t.is((await ask(owner, `/v1/pages/x${query}`)).status, 200);
    const refused = await ask(other, `/v1/pages/x${query}`);
    t.deepEqual([refused.status, refused.called, refused.headers['cache-status']], [403, [], undefined]);
    t.deepEqual((await ask(owner, `/v1/pages/x${query}`)).called, []);
  }
});

test('a require over what another step brings is asked whatever is asked for; its step is not called for that', async (t) => {
  const { ask } = await start(
    protos(`${SECRET}\n${NAME}\n${step('own', 'GetOwn', 'with: "owner = name.owner"')}`, KNOWN),
  );
  for (const [query, called] of [
    ['', ['GetName', 'GetOwn', 'GetSecret']],
    ['?$fields=secret', ['GetName', 'GetSecret']],
    ['?$fields=failures', ['GetName']],
  ] as const) {
    const refused = await ask(other, `/v1/pages/x${query}`);
    t.is(refused.status, 403, query);
    t.false(refused.called.includes('GetOwn'));
    const answered = await ask(owner, `/v1/pages/x${query}`);
    t.deepEqual([answered.status, answered.called], [200, [...called]], query);
  }
});

test('… over the elements of a list that another step brings too', async (t) => {
  const names = `      steps: { name: "batch" call: "acme.v1.Store/BatchGetNames" take: "notes" with: "owners = request.owners" }`;
  const { ask } = await start(protos(`${SECRET}\n${names}\n${item('many', 'batch', 'each.owner')}`, KNOWN));
  for (const [owners, status] of [
    [['x', 'x'], 200],
    [[], 200],
    [['x', 'y'], 403],
  ] as const) {
    const { status: found, called } = await ask(owner, '/v1/pages?$fields=secret', { owner: 'x', owners });
    t.is(found, status);
    t.false(called.includes('GetOwn'));
  }
});

test('a step that would not be called demands nothing', async (t) => {
  const conditional = await start(
    protos(`${SECRET}\n${step('own', 'GetOwn', 'with: "owner = request.owner" when: "caller.claims.picky"')}`, KNOWN),
  );
  t.is((await conditional.ask(other, '/v1/pages/x')).status, 200);
  t.is((await conditional.ask({ ...other, picky: true }, '/v1/pages/x?$fields=secret')).status, 403);
  const listed = await start(protos(`${SECRET}\n${item('many', 'request.owners', 'each')}`, KNOWN));
  t.is((await listed.ask(other, '/v1/pages', { owner: 'x', owners: [] })).status, 200);
  t.is((await listed.ask(other, '/v1/pages', { owner: 'x', owners: ['x'] })).status, 403);
});

test('more elements than max_items are no way around a demand', async (t) => {
  const { ask } = await start(protos(`${SECRET}\n${item('many', 'request.owners', 'each')}`, KNOWN));
  for (const query of ['', '?$fields=secret']) {
    const answer = await ask(other, `/v1/pages${query}`, { owner: 'x', owners: ['x', 'x', 'x', 'x'] });
    t.true(answer.status >= 400);
    t.deepEqual(answer.called, []);
  }
});

test('an optional step that is not asked for demands nothing, and of one that is asked for its part is missing', async (t) => {
  const { ask } = await start(
    protos(`${SECRET}\n${step('own', 'GetOwn', 'with: "owner = request.owner" optional: true')}`, KNOWN),
  );
  const pruned = await ask(other, '/v1/pages/x?$fields=secret');
  t.deepEqual([pruned.status, pruned.called, pruned.failures], [200, ['GetSecret'], []]);
  t.deepEqual((await ask(other, '/v1/pages/x')).failures, [['own', 7]]);
});

test('any one of several rules refuses the request, and the answer does not say which', async (t) => {
  const { ask } = await start(protos(`${SECRET}\n${OWN}\n${step('note', 'GetNote')}`, KNOWN));
  const texts = new Set<string>();
  for (const claims of [
    { sub: 'ada', customer: 'x' },
    { sub: 'x', customer: 'y' },
    { sub: 'ada', customer: 'y' },
  ]) {
    const { status, called, json } = await ask(claims, '/v1/pages/x');
    t.deepEqual([status, called], [403, []]);
    texts.add(json.message);
  }
  t.is(texts.size, 1);
  t.is((await ask({ sub: 'x', customer: 'x' }, '/v1/pages/x')).status, 200);
});

test('a demand is refused before a call that would fail', async (t) => {
  const { ask, upstream } = await start(protos(`${SECRET}\n${OWN}`, KNOWN));
  upstream.script('GetSecret', { status: { code: 14 } });
  t.is((await ask(other, '/v1/pages/x')).status, 403);
  t.is((await ask(owner, '/v1/pages/x')).status, 503);
});

test('explain checks the rules that need neither a caller nor a call, and names the others', async (t) => {
  const late = step('note', 'GetNote', 'with: "owner = secret.owner"');
  const { plan } = await start(protos(`${SECRET}\n${step('kept', 'GetKept')}\n${OWN}\n${late}`, KNOWN), {
    policies: [{ selector: 'acme.v1.Store/GetKept', auth: { mode: 'required', require: ["request.owner = 'x'"] } }],
  });
  const tell = (target: string) => explain(plan, { method: 'GET', target, body: Buffer.alloc(0), rawHeaders: [] });
  for (const query of ['', '?$fields=secret', '?$fields=failures']) {
    t.regex((await tell(`/v1/pages/y${query}`)).text, /\nerror +403 the caller is not allowed to do this\n/, query);
  }
  const { ok, text } = await tell('/v1/pages/x?$fields=secret');
  t.true(ok);
  t.regex(
    text,
    /\nskipped +kept, own: not in \$fields, so not called\n +note: not in \$fields, so not called; its require conditions are still checked\n/,
  );
  t.regex(
    text,
    /\naccess .*\n +kept: request\.owner = 'x'\n +own: request\.owner = caller\.claims\.customer\n +note: request\.owner = caller\.subject\n/,
  );
});
