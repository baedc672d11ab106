/** The metadata of an upstream that comes back with any kind of answer: errors return headers and trailers too. */
import test from 'ava';
import { NO_METADATA } from '../../src/call/metadata.js';
import { compileResponseHeaders } from '../../src/transcoding/headers.js';
import { ORDER_PAGE } from '../aggregate/pages.js';
import { afterAll, startGateway } from '../support/gateway.js';
import { http2Client } from '../support/http2.js';
import { startUpstream } from '../support/upstream.js';

const PROTO = `package kinds.v1;
import "google/api/annotations.proto";
message Note { string text = 1; }
service Kinds {
  rpc Unary(Note) returns (Note) { option (google.api.http) = { get: "/unary" }; }
  rpc Server(Note) returns (stream Note) { option (google.api.http) = { get: "/server" }; }
  rpc Client(stream Note) returns (Note) { option (google.api.http) = { post: "/client" body: "*" }; }
  rpc Both(stream Note) returns (stream Note) { option (google.api.http) = { post: "/both" body: "*" }; }
}`;

const FAILS = {
  status: { code: 8, message: 'slow down' },
  headers: { location: '/there', both: 'header', secret: 'x' },
  trailers: { both: 'trailer', 'retry-after': '30', 'raw-bin': Uint8Array.of(1, 2) },
};
const response = [
  'location',
  'both',
  'retry-after',
  'www-authenticate',
  'set-cookie',
  'raw-bin',
  'grpc-metadata-other',
];

const shared = afterAll(test);
const upstream = startUpstream(PROTO).then((one) => {
  shared.teardown(one.close);
  return one;
});

async function gatewayOver(transport: 'lean' | 'http2' | 'grpc-js') {
  const { target } = await upstream;
  const upstreams = { test: { target, transport } };
  return startGateway(shared, PROTO, {}, { upstreams, metadata: { response }, listen: { h2c: true } });
}
const gateways = { lean: gatewayOver('lean'), http2: gatewayOver('http2'), 'grpc-js': gatewayOver('grpc-js') };

for (const transport of ['lean', 'http2', 'grpc-js'] as const) {
  for (const [method, target, name] of [
    ['GET', '/unary', 'Unary'],
    ['GET', '/server', 'Server'],
    ['POST', '/client', 'Client'],
  ] as const) {
    test.serial(`${transport}: listed metadata comes back on an error of ${name}, trailers win`, async (t) => {
      (await upstream).script(name, FAILS);
      const { send } = await gateways[transport];
      const { status, headers, json } = await send(method, target);
      t.is(status, 429);
      t.is(json.message, 'slow down');
      t.is(headers.location, '/there');
      t.is(headers.both, 'trailer');
      t.is(headers['raw-bin'], 'AQI=');
      t.is(headers.secret, undefined);
      t.is(headers['retry-after'], '30');
    });
  }

  test.serial(`${transport}: a status that comes without headers before it is no different`, async (t) => {
    (await upstream).script('Unary', { status: FAILS.status, trailers: FAILS.trailers });
    const { headers } = await (await gateways[transport]).send('GET', '/unary');
    t.is(headers.both, 'trailer');
    t.is(headers['retry-after'], '30');
  });

  test.serial(`${transport}: over HTTP/2 too, also for methods that stream both ways`, async (t) => {
    (await upstream).script('Both', FAILS);
    const { url } = await gateways[transport];
    const { status, headers } = await http2Client(t, url).send('POST', '/both', {
      headers: { 'content-type': 'application/x-ndjson' },
      body: '{}\n',
    });
    t.is(status, 429);
    t.is(headers.both, 'trailer');
  });
}

const detailOf = (retryDelay: string) => [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }];

for (const [value, header, delay] of [
  ['30', '30', '30s'],
  ['0', '0', '0s'],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT', '0s'],
  ['soon', '1', '1s'],
  ['-1', '1', '1s'],
] as const) {
  test.serial(`the upstream's Retry-After ${value} is ${header}, and its RetryInfo ${delay}`, async (t) => {
    (await upstream).script('Unary', { status: { code: 14 }, trailers: { 'retry-after': value } });
    const { headers, json } = await (await gateways.http2).send('GET', '/unary');
    t.is(headers['retry-after'], header);
    t.deepEqual(json.details, detailOf(delay));
  });
}

test.serial('a Retry-After that is not listed is not the upstream’s', async (t) => {
  const { target } = await upstream;
  (await upstream).script('Unary', { status: { code: 8 }, trailers: { 'retry-after': '30' } });
  const { send } = await startGateway(t, PROTO, {}, { upstreams: { test: { target } } });
  const { headers, json } = await send('GET', '/unary');
  t.is(headers['retry-after'], '1');
  t.deepEqual(json.details, detailOf('1s'));
});

test.serial('the challenge of a 401 is the upstream’s own where it is listed', async (t) => {
  const challenge = 'Bearer realm="shop", error="invalid_token"';
  (await upstream).script('Unary', { status: { code: 16 }, trailers: { 'www-authenticate': challenge } });
  t.is((await (await gateways.http2).send('GET', '/unary')).headers['www-authenticate'], challenge);
});

test.serial('several values of an error are several lines', async (t) => {
  (await upstream).script('Unary', { status: { code: 5 }, trailers: { 'set-cookie': ['a=1', 'b=2'] } });
  t.deepEqual((await (await gateways.http2).send('GET', '/unary')).headers['set-cookie'], ['a=1', 'b=2']);
});

test.serial('a failure of the transport has nothing of the upstream’s, whatever came before it', async (t) => {
  (await upstream).script('Unary', { message: Uint8Array.of(0xff), headers: { location: '/there' } });
  const { status, headers } = await (await gateways.http2).send('GET', '/unary');
  t.is(status, 502);
  t.is(headers.location, undefined);
});

test('the failure of a required step is the answer of its aggregate, with its headers', async (t) => {
  const handlers = { GetOrder: { status: { code: 8, message: 'slow down' }, trailers: { 'retry-after': '30' } } };
  const { send } = await startGateway(t, ORDER_PAGE, handlers, { metadata: { response } });
  const { status, headers } = await send('GET', '/v1/orders/1/page');
  t.is(status, 429);
  t.is(headers['retry-after'], '30');
});

/** Headers of a connection (RFC 9110 §7.6.1, §11.7 and RFC 9113 §8.2.2). */
const HOP_BY_HOP =
  'connection http2-settings keep-alive proxy-authenticate proxy-authentication-info proxy-authorization proxy-connection te trailer transfer-encoding upgrade';

for (const name of HOP_BY_HOP.split(' ')) {
  test(`${name} never comes back, whatever is listed`, (t) => {
    for (const listed of ['*', name, `grpc-metadata-${name}`, 'grpc-metadata-*']) {
      const headersOf = compileResponseHeaders({ request: [], response: [listed], forwardAuthorization: false });
      t.deepEqual([...headersOf([[name, 'x']], [[name, 'y']])], [], listed);
      t.deepEqual([...headersOf(NO_METADATA, [[name, 'y']])], [], listed);
    }
  });
}

test.serial(
  'what belongs to a connection and comes in metadata reaches no client over HTTP/1.1 and HTTP/2',
  async (t) => {
    const { target } = await upstream;
    const trailers = { trailer: 'x', 'proxy-authenticate': 'Basic', 'proxy-authorization': 'Basic x', fine: 'yes' };
    (await upstream).script('Unary', { status: { code: 5 }, trailers });
    const config = { upstreams: { test: { target } }, metadata: { response: ['*'] }, listen: { h2c: true } };
    const { send, url } = await startGateway(t, PROTO, {}, config);
    const overHttp1 = await send('GET', '/unary', { headers: { connection: 'close' } });
    for (const { status, headers } of [overHttp1, await http2Client(t, url).send('GET', '/unary')]) {
      t.is(status, 404);
      t.is(headers.fine, 'yes');
      for (const name of HOP_BY_HOP.split(' ')) if (name !== 'connection') t.is(headers[name], undefined, name);
    }
  },
);

test('a page may read each listed header, and the answer lists them once', async (t) => {
  const listed = ['ETag', 'etag', 'Retry-After', 'x-served-by', 'X-Served-By', 'grpc-metadata-*'];
  const config = { metadata: { response: listed }, cors: { origins: ['https://app.example.com'] } };
  const { send } = await startGateway(t, PROTO, {}, config);
  const { headers } = await send('GET', '/unary', { headers: { origin: 'https://app.example.com' } });
  const exposed = String(headers['access-control-expose-headers']).split(/\s*,\s*/);
  t.deepEqual(exposed, [...new Set(exposed)]);
  for (const name of ['etag', 'retry-after', 'x-served-by', 'x-request-id']) t.true(exposed.includes(name), name);
});
