/** `addresses`: the networks from which a client may call. The header of a trusted proxy names the client. */
import test from 'ava';
import { explain } from '../../../src/gateway/explain/explain.js';
import { routeRows } from '../../../src/report/route-map.js';
import { planOf, startGateway } from '../../support/gateway.js';

const PROTO = `package a.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; }
message Page { Q open = 1; Q office = 2; repeated protogate.v1.PartFailure failures = 9; }
service S {
  rpc Open(Q) returns (Q) { option (google.api.http) = { get: "/v1/open/{id}" }; }
  rpc Office(Q) returns (Q) {
    option (google.api.http) = { get: "/v1/office/{id}" };
    option (protogate.v1.policy) = { addresses: { allow: "10.0.0.0/8" allow: "2001:db8::/32" deny: "10.9.0.0/16" } };
  }
  rpc Banned(Q) returns (Q) {
    option (google.api.http) = { get: "/v1/banned/{id}" };
    option (protogate.v1.policy) = { addresses: { deny: "::ffff:203.0.113.0/120" } };
  }
  rpc Closed(Q) returns (Q) {
    option (google.api.http) = { get: "/v1/closed/{id}" };
    option (protogate.v1.policy) = {
      addresses: { allow: "10.0.0.1" }
      rate_limits: { limit: 1 period: { seconds: 60 } per: PER_IP }
    };
  }
  rpc Watch(Q) returns (stream Q) {
    option (google.api.http) = { get: "/v1/watch/{id}" };
    option (protogate.v1.policy) = { addresses: { allow: "10.0.0.0/8" } };
  }
  rpc Required(Q) returns (Page) {
    option (google.api.http) = { get: "/v1/required/{id}" };
    option (protogate.v1.aggregate) = {
      steps: { into: "open" call: "a.v1.S/Open" with: "id = request.id" }
      steps: { into: "office" call: "a.v1.S/Office" with: "id = request.id" }
    };
  }
  rpc Optional(Q) returns (Page) {
    option (google.api.http) = { get: "/v1/optional/{id}" };
    option (protogate.v1.aggregate) = {
      steps: { into: "open" call: "a.v1.S/Open" with: "id = request.id" }
      steps: { into: "office" call: "a.v1.S/Office" with: "id = request.id" optional: true }
    };
  }
}`;

const OPEN = { trustedProxies: ['127.0.0.0/8'] };

async function start(t: Parameters<typeof startGateway>[0], proto = PROTO) {
  const echo = ({ id }: { id: string }) => ({ message: { id } });
  const gateway = await startGateway(t, proto, { Open: echo, Office: echo, Watch: { messages: [{}] } } as never, OPEN);
  const from = (address: string, target: string) =>
    gateway.send('GET', target, { headers: { 'x-forwarded-for': address } });
  return { ...gateway, from };
}

test('a client outside of allow is 403, and the upstream hears nothing', async (t) => {
  const { from, upstream } = await start(t);
  const { status, json } = await from('192.0.2.1', '/v1/office/x');
  t.is(status, 403);
  t.like(json, { code: 7, message: 'the caller is not allowed to do this' });
  t.is(upstream.calls.length, 0);
  t.is((await from('10.1.2.3', '/v1/office/x')).status, 200);
  t.is((await from('2001:db8::7', '/v1/office/x')).status, 200);
  t.is((await from('2001:db9::7', '/v1/office/x')).status, 403);
});

test('deny wins over allow', async (t) => {
  const { from } = await start(t);
  t.is((await from('10.9.0.1', '/v1/office/x')).status, 403);
  t.is((await from('10.8.255.255', '/v1/office/x')).status, 200);
});

test('without allow everybody may call but those that deny names', async (t) => {
  const { from } = await start(t);
  t.is((await from('198.51.100.1', '/v1/banned/x')).status, 200);
  t.is((await from('2001:db8::1', '/v1/banned/x')).status, 200);
  t.is((await from('203.0.113.9', '/v1/banned/x')).status, 403);
});

test('an IPv4-mapped address is the IPv4 address, however it is written', async (t) => {
  const { from } = await start(t);
  for (const address of ['::ffff:10.1.2.3', '::ffff:a01:203', '[::FFFF:10.1.2.3]:443']) {
    t.is((await from(address, '/v1/office/x')).status, 200, address);
  }
  for (const address of ['::ffff:203.0.113.9', '::ffff:cb00:7109']) {
    t.is((await from(address, '/v1/banned/x')).status, 403, address);
  }
});

test('the address is judged before anything else of the route: a refused request counts for no limit', async (t) => {
  const { from } = await start(t);
  for (let i = 0; i < 3; i++) {
    const { status, headers } = await from('192.0.2.1', '/v1/closed/x');
    t.is(status, 403);
    t.is(headers['ratelimit-limit'], undefined);
  }
  t.is((await from('10.0.0.1', '/v1/closed/x')).headers['ratelimit-remaining'], '0');
});

test('a stream is refused as any call', async (t) => {
  const { from } = await start(t);
  t.is((await from('192.0.2.1', '/v1/watch/x')).status, 403);
  t.is((await from('10.0.0.1', '/v1/watch/x')).status, 200);
});

test('an aggregate takes over the addresses of its required steps', async (t) => {
  const { from, upstream } = await start(t);
  t.is((await from('192.0.2.1', '/v1/required/x')).status, 403);
  t.is((await from('192.0.2.1', '/v1/required/x?$fields=open')).status, 403);
  t.is(upstream.calls.length, 0);
  t.is((await from('10.0.0.1', '/v1/required/x')).status, 200);
});

test('a refused optional step is a PERMISSION_DENIED part, and is not called', async (t) => {
  const { from, upstream } = await start(t);
  const { status, json, headers } = await from('192.0.2.1', '/v1/optional/x');
  t.is(status, 200);
  t.is(headers['x-protogate-partial'], 'office');
  t.like(json.failures[0], { path: 'office', code: 7 });
  t.deepEqual(
    upstream.calls.map(({ path }) => path),
    ['/a.v1.S/Open'],
  );
  t.is((await from('10.0.0.1', '/v1/optional/x')).json.failures, undefined);
});

test('a cached page shows no part of a step to an address that may not call the step', async (t) => {
  const rule = 'option (google.api.http) = { get: "/v1/optional/{id}" };';
  const cache = 'option (protogate.v1.policy) = { cache: { ttl: { seconds: 60 } } };';
  const { from, upstream } = await start(t, PROTO.replace(rule, `${rule}\n${cache}`));
  const pageFor = async (address: string) => {
    const { json } = await from(address, '/v1/optional/x');
    return [json.office !== undefined, json.failures?.[0]?.code];
  };
  t.deepEqual(await pageFor('10.0.0.1'), [true, undefined]);
  t.deepEqual(await pageFor('192.0.2.1'), [false, 7]);
  const { length } = upstream.calls;
  t.deepEqual(await pageFor('10.0.0.1'), [true, undefined]);
  t.is(upstream.calls.length, length);
});

test('an operator’s rule replaces the proto’s networks whole', async (t) => {
  const policies = [{ selector: 'a.v1.S/Office', addresses: { deny: ['192.0.2.0/24'] } }];
  const { send } = await startGateway(t, PROTO, {}, { ...OPEN, policies });
  const status = async (address: string) =>
    (await send('GET', '/v1/office/x', { headers: { 'x-forwarded-for': address } })).status;
  t.deepEqual([await status('198.51.100.1'), await status('192.0.2.1'), await status('10.9.0.1')], [200, 403, 200]);
});

test('check names what is no network, and warns where no proxy is trusted', async (t) => {
  const found = async (addresses: string, config = {}) => {
    const proto = PROTO.replace('addresses: { allow: "10.0.0.1" }', `addresses: { ${addresses} }`);
    const { diagnostics } = await planOf(t, proto, config);
    return diagnostics
      .filter(({ rule }) => rule === 'policy' || rule === 'addresses-of-proxy')
      .map(({ severity, text, position }) => `${position.line} ${severity}: ${text}`);
  };
  t.deepEqual(await found('allow: "10.0.0.0/33" deny: "10.0.0.256"', OPEN), [
    '20 error: policy: addresses.allow[0]: expected an address or a network such as 10.0.0.0/8, got "10.0.0.0/33"',
    '20 error: policy: addresses.deny[0]: expected an address or a network such as 10.0.0.0/8, got "10.0.0.256"',
  ]);
  t.deepEqual(await found('', OPEN), [
    '20 error: policy: addresses: expected at least one network in allow or deny, got none',
  ]);
  t.deepEqual(await found('alow: "10.0.0.1"', OPEN), ["20 error: policy: unknown field 'alow', did you mean 'allow'?"]);
  t.deepEqual(await found('allow: "10.0.0.1"'), [
    '11 warning: addresses: without trustedProxies, every request behind a proxy has the address of the proxy; set trustedProxies to the networks of the proxies',
  ]);
});

test('check refuses a public cache over an optional step that some addresses may not call', async (t) => {
  const proto = PROTO.replace(
    'option (google.api.http) = { get: "/v1/optional/{id}" };',
    'option (google.api.http) = { get: "/v1/optional/{id}" };\n    option (protogate.v1.policy) = { cache: { ttl: { seconds: 9 } scope: SCOPE_PUBLIC } };',
  );
  const { diagnostics } = await planOf(t, proto, OPEN);
  t.deepEqual(
    diagnostics.filter(({ severity }) => severity === 'error').map(({ rule }) => rule),
    ['cache-public'],
  );
});

test('explain judges the address that a proxy would name, and says where nothing names one', async (t) => {
  const plan = await planOf(t, PROTO, OPEN);
  const tell = async (...rawHeaders: string[]) =>
    (await explain(plan, { method: 'GET', target: '/v1/office/x', body: Buffer.alloc(0), rawHeaders })).text;
  t.regex(await tell(), /\naccess .*\n +addresses: not checked, because the address of the client is not known\n/);
  t.regex(await tell('x-forwarded-for', '10.1.2.3'), /\n +addresses: checked for 10\.1\.2\.3\n/);
  t.regex(await tell('x-forwarded-for', '192.0.2.1'), /\nerror +403 the caller is not allowed to do this\n/);
  t.regex(
    await tell(),
    /\npolicies +addresses: only clients in 10\.0\.0\.0\/8, 2001:db8::\/32 .*\n +addresses: no clients in 10\.9\.0\.0\/16 /,
  );
});

test('routes prints the networks', async (t) => {
  const plan = await planOf(t, PROTO, OPEN);
  const row = routeRows(plan.routes).find(({ rpc }) => rpc === 'a.v1.S/Office');
  t.deepEqual(row?.policy.addresses, { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.9.0.0/16'] });
});
