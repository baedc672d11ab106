/** google.api.HttpBody passes unchanged in both directions, or is refused where it cannot pass. */
import test from 'ava';
import { afterAll, planOf, startGateway } from '../support/gateway.js';
import { http2Client } from '../support/http2.js';

const PROTO = `package f.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "protogate/v1/annotations.proto";
message Named { string name = 1; }
message Put { string name = 1; oneof up { google.api.HttpBody file = 2; string url = 3; } }
message Page { string title = 1; google.api.HttpBody html = 2; }
service Files {
  rpc Get(Named) returns (google.api.HttpBody) { option (google.api.http) = { get: "/v1/{name=files/*}" }; }
  rpc Read(Named) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/v1/{name=reads/*}" }; }
  rpc Render(Named) returns (Page) { option (google.api.http) = { get: "/v1/{name=pages/*}" response_body: "html" }; }
  rpc Check(Named) returns (Named) {
    option (google.api.http) = { custom { kind: "HEAD" path: "/v1/{name=checked/*}" } additional_bindings { get: "/v1/json/{name}" } };
  }
  rpc Peek(Named) returns (google.api.HttpBody) {
    option (google.api.http) = { custom { kind: "HEAD" path: "/v1/{name=peeked/*}" } additional_bindings { get: "/v1/peek/{name}" } };
  }
  rpc Show(Named) returns (google.api.HttpBody) {
    option (google.api.http) = { get: "/v1/{name=checked/*}" additional_bindings { get: "/v1/{name=peeked/*}" } };
  }
  rpc Write(Put) returns (Named) { option (google.api.http) = { put: "/v1/{name=files/*}" body: "file" }; }
  rpc Collect(stream google.api.HttpBody) returns (Named) { option (google.api.http) = { post: "/v1/files" body: "*" }; }
}`;

const shared = afterAll(test);
const started = startGateway(shared, PROTO, {}, { listen: { h2c: true } });
const NO_HEADER_VALUE = { message: { content_type: 'a\r\nb', data: Buffer.from('x') } };

test.serial('a content type that is not a valid header value is 502, unary and streamed', async (t) => {
  const { send, upstream, url } = await started;
  upstream.script('Get', NO_HEADER_VALUE);
  upstream.script('Read', { messages: [NO_HEADER_VALUE.message] });
  for (const path of ['/v1/files/1', '/v1/reads/1']) {
    const { status, json } = await send('GET', path);
    t.is(status, 502, path);
    t.is(json.code, 13);
    t.is((await http2Client(t, url).send('GET', path)).status, 502);
  }
});

test.serial('a content type that no answer could have is 415, so that no service stores it', async (t) => {
  const { send, upstream } = await started;
  const before = upstream.calls.filter(({ path }) => path.endsWith('/Write')).length;
  for (const [method, path] of [
    ['POST', '/v1/files'],
    ['PUT', '/v1/files/1'],
  ] as const) {
    const { status, json } = await send(method, path, { headers: { 'content-type': 'image/\u00ff' }, body: 'x' });
    t.is(status, 415, path);
    t.is(json.message, 'content-type: expected a media type in ASCII, got other characters');
  }
  t.is(upstream.calls.filter(({ path }) => path.endsWith('/Write')).length, before);
});

test.serial('an HttpBody that response_body names is answered unchanged', async (t) => {
  const { send, upstream } = await started;
  upstream.script('Render', {
    message: { title: 'x', html: { content_type: 'text/html', data: Buffer.from('<p>') } },
  });
  const { headers, text } = await send('GET', '/v1/pages/1');
  t.is(headers['content-type'], 'text/html');
  t.is(text, '<p>');
});

test.serial('an empty HttpBody is answered without bytes as application/octet-stream', async (t) => {
  const { send, upstream } = await started;
  upstream.script('Render', { message: {} });
  upstream.script('Get', { message: {} });
  for (const path of ['/v1/pages/1', '/v1/files/1']) {
    const { status, headers, text } = await send('GET', path);
    t.is(status, 200);
    t.is(headers['content-type'], 'application/octet-stream');
    t.is(text, '');
  }
});

const contentOf = ({ headers }: { headers: Record<string, unknown> }) => [
  headers['content-type'],
  headers['content-length'],
];

test.serial('HEAD has the same headers as GET for an HttpBody', async (t) => {
  const { send, upstream, url } = await started;
  const http2 = http2Client(t, url);
  for (const file of [{}, { content_type: 'text/html', data: Buffer.from('<p>') }, { data: Buffer.alloc(200_000) }]) {
    upstream.script('Get', { message: file });
    for (const client of [{ send }, http2]) {
      const [get, head] = [await client.send('GET', '/v1/files/1'), await client.send('HEAD', '/v1/files/1')];
      t.is(head.text, '');
      t.is(head.status, 200);
      t.deepEqual(contentOf(head), contentOf(get));
    }
  }
});

test.serial('a HEAD rule of its own sends neither the type nor the length of a message', async (t) => {
  const { send, upstream, url } = await started;
  const file = { content_type: 'image/png', data: Buffer.alloc(70_000) };
  upstream.script('Check', { message: { name: 'x' }, headers: { 'x-http-status': '203' } });
  upstream.script('Show', { message: file });
  const http2 = http2Client(t, url);
  for (const client of [{ send }, http2]) {
    t.deepEqual(contentOf(await client.send('GET', '/v1/checked/1')), ['image/png', '70000']);
    const head = await client.send('HEAD', '/v1/checked/1');
    t.is(head.status, 203);
    t.deepEqual(contentOf(head), [undefined, undefined]);
    for (const [message, told] of [
      [{}, [undefined, undefined]],
      [file, ['image/png', '70000']],
    ] as const) {
      upstream.script('Peek', { message });
      t.deepEqual(contentOf(await client.send('HEAD', '/v1/peeked/1')), told);
    }
    t.deepEqual(contentOf(await client.send('HEAD', '/v1/json/1')), ['application/json', '12'], 'derived from GET');
  }
});

test.serial('the last value of each field counts in an HttpBody with repeated fields out of order', async (t) => {
  const { send, upstream } = await started;
  const piece = (type: string, text: string) =>
    upstream.encode('google.api.HttpBody', { content_type: type, data: Buffer.from(text) });
  upstream.script('Get', { message: Buffer.concat([piece('text/a', 'one'), piece('text/b', 'two')]) });
  const { headers, text } = await send('GET', '/v1/files/1');
  t.is(headers['content-type'], 'text/b');
  t.is(text, 'two');
});

test.serial('a oneof with one member in the body and another in the query is 400', async (t) => {
  const { send, upstream } = await started;
  const before = upstream.calls.length;
  const { status, json } = await send('PUT', '/v1/files/1?url=http', { body: 'bytes' });
  t.is(status, 400);
  t.is(json.details[0].fieldViolations[0].description, 'expected at most one member of oneof up, found url and file');
  t.is(upstream.calls.length, before);
});

test.serial('an empty upload reaches the upstream with its content type', async (t) => {
  const { send, upstream } = await started;
  t.is((await send('POST', '/v1/files', { headers: { 'content-type': 'image/png' }, body: '' })).status, 200);
  t.deepEqual(upstream.last().requests, [{ content_type: 'image/png' }]);
});

test('a path variable inside the HttpBody that is the body is an error', async (t) => {
  const rpc =
    'rpc W(google.api.HttpBody) returns (Named) { option (google.api.http) = { post: "/b/{content_type}" body: "*" }; }';
  const { diagnostics } = await planOf(t, `${PROTO.slice(0, PROTO.lastIndexOf('}'))} ${rpc} }`);
  const found = diagnostics.filter(({ severity }) => severity === 'error');
  t.like(found, [{ rule: 'path-variable' }]);
  t.regex(found[0]!.text, /\{content_type\}: expected a field outside of the google.api.HttpBody that is the body/);
});
