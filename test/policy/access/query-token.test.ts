/** A token in the query is accepted for a GET that streams, and for no other request. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ConfigInput } from '../../../src/config/config.js';
import { afterAll, protoFolder, startGateway } from '../../support/gateway.js';
import { startIssuer } from '../../support/issuer.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';
import { openWebSocket } from '../../support/websocket.js';

const shared = afterAll(test);

const PROTO = `package q.v1;
import "google/api/annotations.proto";
message Ask { string name = 1; string note = 2; }
message Item { string text = 1; }
service S {
  rpc Watch(Ask) returns (stream Item) {
    option (google.api.http) = { get: "/v1/{name=feeds/*}" additional_bindings: { post: "/v1/feeds" body: "*" } };
  }
  rpc Get(Ask) returns (Item) { option (google.api.http) = { get: "/v1/{name=items/*}" }; }
}`;

test('a token in the query counts on a GET that streams, goes nowhere and is not kept', async (t) => {
  const issuer = await startIssuer(shared, 'query');
  const jwt = {
    issuer: issuer.issuer,
    jwksUri: issuer.jwksUri,
    audiences: ['api'],
    from: [{ header: 'authorization' }, { query: 'access_token' }],
    claimsToMetadata: { sub: 'x-user-id' },
  };
  const { send, upstream, logged } = await startGateway(
    shared,
    PROTO,
    { Watch: { messages: [{ text: 'a' }] }, Get: { message: {} } },
    { auth: { jwt: [jwt] } },
  );
  const token = issuer.sign({ sub: 'ada' });
  const events = { accept: 'text/event-stream' };

  const known = await send('GET', `/v1/feeds/1?note=x&access_token=${token}`, { headers: events });
  t.is(known.status, 200, known.text);
  t.deepEqual(upstream.last().request, { name: 'feeds/1', note: 'x' });
  t.deepEqual(upstream.last().metadata.get('x-user-id'), ['ada']);
  t.is(known.headers['cache-control'], 'private, no-store');
  t.false(JSON.stringify(logged()).includes(token));
  t.false(JSON.stringify(upstream.last().metadata.toJSON()).includes(token));

  const calls = upstream.calls.length;
  const refused: readonly (readonly [
    what: string,
    method: string,
    target: string,
    headers: Record<string, string>,
    status: number,
  ])[] = [
    ['a unary GET', 'GET', `/v1/items/1?access_token=${token}`, {}, 401],
    ['a POST that streams', 'POST', `/v1/feeds?access_token=${token}`, {}, 401],
    ['no token', 'GET', '/v1/feeds/1', events, 401],
    ['an empty one', 'GET', '/v1/feeds/1?access_token=', events, 401],
    ['a bad one', 'GET', `/v1/feeds/1?access_token=${token}x`, events, 401],
    ['two', 'GET', `/v1/feeds/1?access_token=${token}&access_token=${token}`, events, 401],
    ['one in the header too', 'GET', `/v1/feeds/1?access_token=${token}`, { authorization: `Bearer ${token}` }, 401],
    ['another name', 'GET', `/v1/feeds/1?token=${token}`, events, 401],
  ];
  for (const [what, method, target, headers, status] of refused) {
    const answer = await send(method, target, { headers, ...(method === 'POST' ? { body: {} } : {}) });
    t.is(answer.status, status, what);
    t.false(answer.text.includes(token), what);
  }
  t.is(upstream.calls.length, calls);
  t.is((await send('GET', '/v1/feeds/1', { headers: { authorization: `Bearer ${token}` } })).status, 200);
});

test('a stream that a token in the query opened is judged by it after a reload', async (t) => {
  const issuer = await startIssuer(t, 'query-reload');
  const jwt = (from: { header: string } | { query: string }) => ({
    issuer: issuer.issuer,
    jwksUri: issuer.jwksUri,
    audiences: ['api'],
    from: [from],
  });
  const folder = await protoFolder(t, PROTO);
  const upstream = await startUpstream(PROTO, { Watch: { messages: [{ text: 'a' }], hang: true } });
  t.teardown(upstream.close);
  const config = (from: { header: string } | { query: string }): ConfigInput => ({
    version: 1,
    schema: { protos: [folder] },
    upstreams: { test: { target: upstream.target } },
    auth: { jwt: [jwt(from)] },
  });
  const { version: _, ...first } = config({ query: 'access_token' });
  const { send, gateway, url } = await startGateway(t, {}, {}, first);
  const query = `access_token=${issuer.sign({ sub: 'ada' })}&note=x`;
  const events = send('GET', `/v1/feeds/1?${query}`, { headers: { accept: 'text/event-stream' } });
  const socket = await openWebSocket(t, url, `/v1/feeds/1?${query}`);
  await until(() => upstream.calls.length === 2, 'the calls');
  await gateway.reload(config({ query: 'access_token' }));
  await gateway.reload({ ...config({ query: 'access_token' }), limits: { bodyBytes: '1MiB' } });
  await sleep(200);
  t.false(
    upstream.calls.some(({ cancelled }) => cancelled),
    'the same token is good again',
  );
  await gateway.reload(config({ header: 'authorization' }));
  t.regex((await events).text, /event: end\nid: end\ndata: \{"code":16,/);
  t.is((await socket.closed).code, 4016);
  t.true(upstream.calls.every(({ request }) => (request as { note: string }).note === 'x'));
});
