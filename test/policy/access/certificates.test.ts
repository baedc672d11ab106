/** Client certificates over TLS: the listener asks for them, and routes require them. */
import test from 'ava';
import { certificates } from '../../support/certificates.js';
import { startGateway } from '../../support/gateway.js';
import { tlsFiles } from '../../support/tls-files.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Closed(Q) returns (Q) { option (google.api.http) = { get: "/v1/closed/{id}" }; }
  rpc Open(Q) returns (Q) {
    option (google.api.http) = { get: "/v1/open/{id}" };
    option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC } };
  }
  rpc Write(Q) returns (Q) { option (google.api.http) = { post: "/v1/closed" body: "*" }; }
}`;

test('a certificate of a known authority names the caller; none, or another’s, does not', async (t) => {
  const made = certificates();
  const { ca, client, stranger } = made;
  // The certificate is from a CA with the known one's name. OpenSSL may end such a connection before it is answered.
  const forged = certificates().client;
  const tls = await tlsFiles(t, made);
  const auth = { mtls: { identity: ['uri' as const, 'dns' as const], consumerToMetadata: 'x-user-id' } };
  const { send, upstream, url } = await startGateway(t, PROTO, {}, { listen: { tls }, auth });
  t.regex(url, /^https:/);
  const known = await send('GET', '/v1/closed/1', { tls: { ca, ...client } });
  t.is(known.status, 200);
  t.deepEqual(upstream.last().metadata.get('x-user-id'), ['gateway.test']);
  const nobody = await send('GET', '/v1/closed/1', { tls: { ca } });
  t.is(nobody.status, 401);
  t.is(nobody.json.message, 'expected a client certificate, got none');
  const foreign = await send('GET', '/v1/closed/1', { tls: { ca, ...stranger } });
  t.is(foreign.status, 401);
  t.is(foreign.json.message, 'client certificate: expected one that a trusted authority signed, got another one');
  t.is(upstream.calls.length, 1);
  const open = await send('GET', '/v1/open/1', { tls: { ca, ...stranger } });
  t.is(open.status, 200, `public looks at none: ${open.text}`);
  t.deepEqual(upstream.last().metadata.get('x-user-id'), []);
  const calls = upstream.calls.length;
  const forgery = await send('GET', '/v1/closed/1', { tls: { ca, ...forged } }).catch(() => undefined);
  t.not(forgery?.status, 200);
  t.is(upstream.calls.length, calls);
});

test('with a client certificate a page of another site can neither read nor write, and a program can do both', async (t) => {
  const made = certificates();
  const listen = { tls: await tlsFiles(t, made) };
  const config = { listen, auth: { mtls: {} }, cors: { origins: ['https://app.example.com'] } };
  const { send, upstream } = await startGateway(t, PROTO, {}, config);
  const tls = { ca: made.ca, ...made.client };
  const rows: readonly [headers: Record<string, string>, status: number][] = [
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
    [{}, 200],
    [{ host: 'upstream.test', origin: 'https://upstream.test' }, 200],
    [{ origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' }, 200],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
  ];
  for (const [headers, status] of rows) {
    const before = upstream.calls.length;
    const answer = await send('POST', '/v1/closed', { tls, headers, body: '{}' });
    t.is(answer.status, status, JSON.stringify(headers));
    t.is(upstream.calls.length - before, status === 200 ? 1 : 0);
  }
  const read = await send('GET', '/v1/closed/1', { tls, headers: { origin: 'https://evil.example' } });
  t.is(read.status, 200);
  t.is(read.headers['access-control-allow-origin'], undefined, 'the page cannot see it');
});
