/** An operator's rule replaces the whole auth of a proto. `check` and `explain` report the protection that is lost. */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../../src/config/config.js';
import { explain } from '../../../src/gateway/explain/explain.js';
import { planOf } from '../../support/gateway.js';

const JWT = { jwt: [{ issuer: 'i', audiences: ['a'], secret: 'a secret of thirty-two bytes, or more' }] };

const proto = (service: string, method: string) => `package p.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; }
service S {
  ${service === '' ? '' : `option (protogate.v1.default_policy) = { ${service} };`}
  rpc Get(Q) returns (Q) {
    option (google.api.http) = { get: "/v1/{id}" };
    ${method === '' ? '' : `option (protogate.v1.policy) = { ${method} };`}
  }
}`;

type Auth = NonNullable<NonNullable<ConfigInput['policies']>[number]['auth']>;

/** Returns the texts of check and explain for a rule over the auth that a proto declares. */
async function said(t: ExecutionContext, declared: { service?: string; method?: string }, rule: Auth, more = {}) {
  const text = proto(declared.service ?? '', declared.method ?? '');
  const plan = await planOf(t, text, { auth: { ...JWT, ...more }, policies: [{ selector: '*', auth: rule }] });
  const { text: explained } = await explain(plan, {
    method: 'GET',
    target: '/v1/1',
    body: new Uint8Array(0),
    rawHeaders: [],
  });
  const place = /\S+test\.proto:\d+:\d+/.exec(
    plan.diagnostics.find(({ rule }) => rule === 'auth-overruled')?.text ?? '',
  )?.[0];
  return {
    check: plan.diagnostics
      .filter(({ rule }) => rule === 'auth-overruled')
      .map(({ severity, text, position }) => `${position.file}: ${severity}: ${text.replace(place ?? '-', 'PLACE')}`),
    explain: explained
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('without '))
      .map((line) => line.replace(place ?? '-', 'PLACE')),
  };
}

const OWNER = 'require: "request.id = caller.subject"';

test('check names each requirement that a rule removes from a proto', async (t) => {
  const rows: readonly [
    fact: string,
    declared: { service?: string; method?: string },
    rule: Auth,
    taken: readonly string[],
  ][] = [
    ['a require', { method: `auth: { ${OWNER} }` }, { scopes: ['read'] }, ["require 'request.id = caller.subject'"]],
    ['a scope', { method: 'auth: { scopes: "read" scopes: "write" }' }, { scopes: ['write'] }, ['scope read']],
    ['the mode', { method: 'auth: { mode: MODE_REQUIRED }' }, { mode: 'optional' }, ['mode required']],
    [
      'all of it',
      { method: `auth: { mode: MODE_REQUIRED scopes: "read" ${OWNER} }` },
      { mode: 'public' },
      ['mode required', 'scope read', "require 'request.id = caller.subject'"],
    ],
    [
      'of a service',
      { service: `auth: { ${OWNER} }` },
      { mode: 'required' },
      ["require 'request.id = caller.subject'"],
    ],
    ['a weaker scope in its place', { method: 'auth: { scopes: "read" }' }, { scopes: ['read|admin'] }, ['scope read']],
    [
      'another require in its place',
      { method: `auth: { ${OWNER} }` },
      { require: ["request.id = '1'"] },
      ["require 'request.id = caller.subject'"],
    ],
    [
      'a text with other spaces',
      { method: `auth: { require: "request.id = '1 '" }` },
      { require: ["request.id = '1'"] },
      ["require 'request.id = '1 ''"],
    ],
    [
      'nothing: all is repeated',
      { method: `auth: { scopes: "read" ${OWNER} }` },
      { scopes: ['read', 'more'], require: ['request.id=caller.subject'] },
      [],
    ],
    ['nothing: a stronger scope', { method: 'auth: { scopes: "read|admin" }' }, { scopes: ['admin'] }, []],
    ['nothing: there was nothing', { method: 'timeout { seconds: 1 }' }, { mode: 'public' }, []],
    ['nothing: a stronger mode', { method: 'auth: { mode: MODE_OPTIONAL }' }, { mode: 'required' }, []],
    [
      'nothing of a service that its method overruled',
      { service: `auth: { ${OWNER} }`, method: 'auth: { scopes: "read" }' },
      { scopes: ['read'] },
      [],
    ],
  ];
  for (const [fact, declared, rule, taken] of rows) {
    const { check, explain } = await said(t, declared, rule);
    const told = `options: warning: p.v1.S/Get: the auth of this rule replaces the auth at PLACE and removes ${taken.join(', ')}; repeat it here to keep it`;
    t.deepEqual(check, taken.length === 0 ? [] : [told], fact);
    t.deepEqual(
      explain,
      taken.map((what) => `without ${what} of PLACE, which options replaces`),
      fact,
    );
  }
});

test('a mode that the config’s default weakens is taken away too', async (t) => {
  const { check } = await said(t, { method: 'auth: { mode: MODE_REQUIRED }' }, {}, { default: 'public' });
  t.regex(check[0] ?? '', /removes mode required; repeat it here to keep it$/);
});

test('the proto’s own order is no operator’s rule', async (t) => {
  const text = proto(`auth: { ${OWNER} }`, 'auth: { mode: MODE_PUBLIC }');
  const { diagnostics } = await planOf(t, text, { auth: JWT, policies: [{ selector: '*', timeout: '1s' }] });
  t.deepEqual(
    diagnostics.filter(({ rule }) => rule === 'auth-overruled'),
    [],
  );
});
