/** The headers of every answer, the access log, trusted proxies, swaps of the snapshot, and the drain. */
import test from 'ava';
import { startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { NEVER_MS, until } from '../support/until.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test('every answer has its own x-request-id, and that of an untrusted client is not used', async (t) => {
  const { send } = await startGateway(t, LIBRARY);
  for (const target of ['/v1/shelves/1', '/nowhere', '/files/../x']) {
    const { headers } = await send('GET', target, { headers: { 'x-request-id': 'mine' } });
    t.regex(String(headers['x-request-id']), UUID);
  }
});

test('a trusted proxy sets x-request-id and the client address, counted from the right', async (t) => {
  const { send, upstream } = await startGateway(t, LIBRARY, {}, { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] });
  const headers = { 'x-request-id': 'abc-1', 'x-forwarded-for': '6.6.6.6, 198.51.100.7, 10.1.2.3' };
  t.is((await send('GET', '/v1/shelves/1', { headers })).headers['x-request-id'], 'abc-1');
  t.deepEqual(upstream.last().metadata.get('x-forwarded-for'), ['198.51.100.7']);
  const bad = await send('GET', '/v1/shelves/1', { headers: { 'x-request-id': 'no spaces allowed' } });
  t.regex(String(bad.headers['x-request-id']), UUID);
});

test('the access log has one line per request: template, rpc, status; never the query', async (t) => {
  const { send, logged } = await startGateway(t, LIBRARY);
  await send('GET', '/v1/shelves/1?access_token=hunter2', {
    headers: { authorization: 'Bearer hunter2', cookie: 'a=hunter2' },
  });
  await send('GET', '/v1/shelves/1');
  await new Promise((resolve) => setTimeout(resolve, 50));
  const lines = logged();
  t.is(lines.length, 2);
  t.like(lines[1], {
    method: 'GET',
    path: '/v1/shelves/1',
    route: '/v1/{name=shelves/*}',
    rpc: 'library.v1.Library/GetShelf',
    status: 200,
    code: 'OK',
    upstream: 'test',
    client: '127.0.0.1',
  });
  t.notRegex(JSON.stringify(lines), /hunter2/);
});

test('log.sample 0 writes failures and nothing else', async (t) => {
  const { send, logged } = await startGateway(t, LIBRARY, {}, { log: { sample: 0 } });
  await send('GET', '/v1/shelves/1');
  await send('GET', '/nowhere');
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.deepEqual(
    logged().map(({ status }) => status),
    [404],
  );
});

test('a reload keeps the connections of an unchanged upstream, and requests in flight end as they began', async (t) => {
  const { send, upstream, gateway } = await startGateway(t, LIBRARY, {
    GetShelf: { delayMs: 300, message: { theme: 'old' } },
  });
  await send('GET', '/v1/books/x');
  const running = send('GET', '/v1/shelves/1');
  await gateway.reload();
  await send('GET', '/v1/books/x');
  t.is((await running).json.theme, 'old');
  t.is(upstream.connections().total, 1);
});

test('100 reloads leave one snapshot and one connection', async (t) => {
  const { send, upstream, gateway } = await startGateway(t, LIBRARY);
  for (let i = 0; i < 100; i++) await gateway.reload();
  t.is((await send('GET', '/v1/books/x')).status, 200);
  t.deepEqual(upstream.connections(), { open: 1, total: 1 });
});

test('a reload with a bad config is refused and the old snapshot serves on', async (t) => {
  const { send, gateway } = await startGateway(t, LIBRARY);
  await t.throwsAsync(gateway.reload({ version: 1, schema: { protos: ['/nowhere'] } }));
  t.is((await send('GET', '/v1/books/x')).status, 200);
});

test('a drain lets running requests finish, with Connection: close', async (t) => {
  const handlers = { GetShelf: { delayMs: 300, message: { theme: 'done' } } };
  const { send, drain, upstream } = await startGateway(t, LIBRARY, handlers);
  const running = send('GET', '/v1/shelves/1');
  await until(() => upstream.calls.length === 1);
  const drained = drain({ graceMs: 0, timeoutMs: NEVER_MS });
  const { json, headers } = await running;
  t.is(json.theme, 'done');
  t.is(headers.connection, 'close');
  await drained;
  await t.throwsAsync(send('GET', '/v1/shelves/1'));
});
