/**
 * `errors.expose` lets an upstream's own text pass for chosen codes, in every kind of answer. A transport's text never
 * passes.
 */
import { createServer } from 'node:net';
import test from 'ava';
import { WebSocket } from 'ws';
import { page } from '../aggregate/pages.js';
import { afterAll, planOf, startGateway } from '../support/gateway.js';
import { startUpstream } from '../support/upstream.js';

const PROTO = `package e.v1;
import "google/api/annotations.proto";
import "google/rpc/status.proto";
message Note { string text = 1; }
message Carrier { google.rpc.Status status = 1; }
service Notes {
  rpc Get(Note) returns (Note) { option (google.api.http) = { get: "/note" }; }
  rpc Watch(Note) returns (stream Note) { option (google.api.http) = { get: "/notes" }; }
}`;
const SAID = 'no rows in result set: é';
const fails = (code: number, message = SAID) => ({ status: { code, message } });
const errors = { expose: ['UNKNOWN', 'UNAVAILABLE', 'DEADLINE_EXCEEDED'] };

const shared = afterAll(test);
const upstream = startUpstream(PROTO).then((one) => {
  shared.teardown(one.close);
  return one;
});
async function over(transport: 'lean' | 'http2' | 'grpc-js') {
  const { target } = await upstream;
  return startGateway(shared, PROTO, {}, { errors, upstreams: { test: { target, transport } } });
}
const gateways = { lean: over('lean'), http2: over('http2'), 'grpc-js': over('grpc-js') };

for (const transport of ['lean', 'http2', 'grpc-js'] as const) {
  test.serial(`${transport}: the text of an exposed code passes, of no other`, async (t) => {
    const { send } = await gateways[transport];
    for (const [code, status, exposed] of [
      [2, 500, true],
      [14, 503, true],
      [4, 504, true],
      [13, 500, false],
      [15, 500, false],
      [12, 501, false],
      [1, 499, false],
    ] as const) {
      (await upstream).script('Get', fails(code));
      const answer = await send('GET', '/note');
      t.is(answer.status, status);
      t.is(answer.json.code, code);
      if (exposed) t.is(answer.json.message, SAID, String(code));
      else t.notRegex(answer.text, /rows/, String(code));
    }
  });

  test.serial(`${transport}: a code that gRPC does not know is UNKNOWN, with its text`, async (t) => {
    (await upstream).script('Get', fails(77));
    t.like((await (await gateways[transport]).send('GET', '/note')).json, { code: 2, message: SAID });
  });

  test.serial(`${transport}: a failure of the transport keeps its generic text`, async (t) => {
    const { send } = await gateways[transport];
    (await upstream).script('Get', { hang: true });
    const late = await send('GET', '/note', { headers: { 'x-request-timeout': '0.3' } });
    t.is(late.status, 504);
    t.regex(late.json.message, /^the service did not answer in time \(request id /);
    const nobody = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => void nobody.once('listening', resolve));
    const { port } = nobody.address() as { port: number };
    await new Promise((resolve) => void nobody.close(resolve));
    const upstreams = { test: { target: `127.0.0.1:${port}`, transport } };
    const unreachable = await startGateway(t, PROTO, {}, { errors, upstreams });
    const { status, json, text } = await unreachable.send('GET', '/note');
    t.is(status, 503);
    t.regex(json.message, /^the service is unavailable \(request id /);
    t.notRegex(text, /127\.0\.0\.1|ECONN/);
  });
}

test.serial('an exposed error without a text gets a text with the request id', async (t) => {
  (await upstream).script('Get', fails(2, ''));
  const { json } = await (await gateways.http2).send('GET', '/note');
  t.regex(json.message, /^the service failed \(request id /);
});

test.serial('the details of an exposed error pass, but for DebugInfo', async (t) => {
  const one = await upstream;
  // ErrorInfo { reason: "R" }, DebugInfo { detail: "x" }
  const details = [
    { type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value: Buffer.from([0x0a, 1, 0x52]) },
    { type_url: 'type.googleapis.com/google.rpc.DebugInfo', value: Buffer.from([0x12, 1, 0x78]) },
  ];
  const status = Buffer.from(one.encode('google.rpc.Status', { code: 2, message: SAID, details }));
  one.script('Get', { status: { code: 2, message: SAID, details: status } });
  const exposed = await (await gateways.http2).send('GET', '/note');
  t.deepEqual(exposed.json.details, [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'R' }]);
  one.script('Get', { status: { code: 13, message: SAID, details: status } });
  t.deepEqual((await (await gateways.http2).send('GET', '/note')).json.details, []);
});

test.serial('in mid-stream, and as the reason of a WebSocket', async (t) => {
  const { send, url } = await gateways.http2;
  const watch = async (code: number) => {
    (await upstream).script('Watch', { messages: [{ text: 'a' }], ...fails(code) });
    const lines = await send('GET', '/notes', { headers: { accept: 'application/x-ndjson' } });
    const socket = new WebSocket(`${url.replace('http', 'ws')}/notes`);
    const reason = await new Promise<string>(
      (resolve) => void socket.once('close', (_, text) => resolve(String(text))),
    );
    return [lines.text, reason] as const;
  };
  const [lines, reason] = await watch(2);
  t.is(lines, `{"text":"a"}\n{"error":{"code":2,"message":"${SAID}","details":[]}}\n`);
  t.is(reason, SAID);
  for (const hidden of await watch(13)) t.notRegex(hidden, /rows/);
});

test('in the failure of a part', async (t) => {
  const proto = page(
    `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" optional: true }
     steps: { into: "order" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/1'" optional: true }
     steps: { into: "product" call: "shop.v1.Catalog/GetProduct" with: "name = 'products/1'" }`,
    'Customer customer = 1; Order order = 2; Product product = 3; repeated protogate.v1.PartFailure failures = 4;',
  );
  const handlers = { GetCustomer: fails(2), GetOrder: fails(13), GetProduct: { message: { name: 'products/1' } } };
  const { send } = await startGateway(t, proto, handlers, { errors });
  const { json } = await send('GET', '/v1/customers/1/page');
  const [customer, order] = json.failures;
  t.deepEqual(customer, { path: 'customer', code: 2, message: SAID });
  t.regex(order.message, /^the service failed \(request id /);
});

test('the log has the text either way', async (t) => {
  const { send, logged } = await startGateway(t, PROTO, { Get: fails(2) }, { errors });
  await send('GET', '/note');
  t.true(JSON.stringify(logged()).includes(SAID));
});

test('check warns of INTERNAL, and of no other code', async (t) => {
  const risks = async (expose: string[]) =>
    (await planOf(t, PROTO, { errors: { expose } })).diagnostics.filter(({ rule }) => rule === 'exposed-internal');
  t.deepEqual(await risks(['UNKNOWN', 'DATA_LOSS']), []);
  t.like(await risks(['UNKNOWN', 'INTERNAL']), [{ severity: 'warning', position: { file: 'options' } }]);
});
