/**
 * The client's address behind proxies: it comes from what `trustedProxies` have written, never from what the client has
 * written.
 */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { HANG_MS } from '../support/until.js';

const shared = afterAll(test);
const trustedProxies = ['127.0.0.0/8', '10.0.0.0/8', '2001:db8:ffff::/48'];
const started = startGateway(shared, LIBRARY, {}, { trustedProxies });
const rfc7239 = startGateway(shared, LIBRARY, {}, { trustedProxies, forwardedHeader: 'forwarded' });

/** The address of the proxy itself: the header names no address that could have called it. */
const PROXY = '127.0.0.1';

async function addressFor(gateway: typeof started, headers: Record<string, string | string[]>): Promise<unknown> {
  const { send, upstream } = await gateway;
  await send('GET', '/v1/shelves/1', { headers });
  return upstream.last().metadata.get('x-forwarded-for')[0];
}

for (const [value, address] of [
  ['203.0.113.4', '203.0.113.4'],
  ['203.0.113.4:50124', '203.0.113.4'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['[::ffff:203.0.113.4]:443', '203.0.113.4'],
  ['::FFFF:cb00:7104', '203.0.113.4'],
  ['6.6.6.6, 203.0.113.4:50124, 10.1.2.3:80, [2001:db8:ffff::1]:443', '203.0.113.4'],
  ['203.0.113.4:50124 ,', '203.0.113.4'],
  ['[203.0.113.4]:443', PROXY],
  ['203.0.113.4:', PROXY],
  ['203.0.113.4:123456', PROXY],
  ['[2001:db8::1', PROXY],
  ['2001:db8::1]:443', PROXY],
  ['203.0.113.4, unknown', PROXY],
  ['"203.0.113.4"', PROXY],
] as const) {
  test.serial(`X-Forwarded-For: ${value} is ${address === PROXY ? 'the proxy' : address}`, async (t) => {
    t.is(await addressFor(started, { 'x-forwarded-for': value }), address);
  });
}

for (const [value, address] of [
  ['for=203.0.113.4', '203.0.113.4'],
  ['For="203.0.113.4:50124";proto=https;by=10.0.0.1', '203.0.113.4'],
  ['proto=https;for=203.0.113.4:50124', '203.0.113.4'],
  ['for="[2001:db8::1]:443"', '2001:db8::1'],
  ['for="203.0.113.4:_hidden"', '203.0.113.4'],
  ['for="203.0.113\\.4"', '203.0.113.4'],
  [';;for=203.0.113.4; ;', '203.0.113.4'],
  ['for=6.6.6.6, for="203.0.113.4:1", for=10.1.2.3;host="a,b", for="[2001:db8:ffff::1]"', '203.0.113.4'],
  ['for=203.0.113.4; proto=https , for=10.1.2.3,', '203.0.113.4'],
  ['for="6.6.6.6, for=203.0.113.4', '203.0.113.4'],
  ['for="\\", for=203.0.113.4', '203.0.113.4'],
  ['for=203.0.113.4;host="\\",for=6.6.6.6"', '203.0.113.4'],
  ['for=203.0.113.4, for=unknown', PROXY],
  ['for=203.0.113.4, for=_hidden', PROXY],
  ['for=203.0.113.4, proto=https', PROXY],
  ['for=203.0.113.4;for=6.6.6.6', PROXY],
  ['for=203.0.113.4 for=6.6.6.6', PROXY],
  ['for=203.0.113.4 6.6.6.6', PROXY],
  ['203.0.113.4', PROXY],
] as const) {
  test.serial(`Forwarded: ${value} is ${address === PROXY ? 'the proxy' : address}`, async (t) => {
    t.is(await addressFor(rfc7239, { forwarded: value }), address);
  });
}

test.serial('one of the two headers is read, never both', async (t) => {
  const both = { 'x-forwarded-for': '203.0.113.4', forwarded: 'for=198.51.100.7' };
  t.is(await addressFor(started, both), '203.0.113.4');
  t.is(await addressFor(rfc7239, both), '198.51.100.7');
  t.is(await addressFor(started, { forwarded: both.forwarded }), PROXY);
  t.is(await addressFor(rfc7239, { 'x-forwarded-for': both['x-forwarded-for'] }), PROXY);
});

test.serial('a header that comes in several lines is one list', async (t) => {
  t.is(await addressFor(started, { 'x-forwarded-for': ['6.6.6.6', '203.0.113.4:1'] }), '203.0.113.4');
  t.is(await addressFor(rfc7239, { forwarded: ['for="6.6.6.6', 'for="203.0.113.4:1"'] }), '203.0.113.4');
});

test('headers do not set the client address if the peer is no trusted proxy', async (t) => {
  const stranger = startGateway(t, LIBRARY, {}, { trustedProxies: ['192.0.2.0/24'], forwardedHeader: 'forwarded' });
  t.is(await addressFor(stranger, { forwarded: 'for=203.0.113.4', 'x-forwarded-for': '203.0.113.4' }), PROXY);
});

test('a long header of quotes, backslashes and commas is read in the time of its bytes', async (t) => {
  const limits = { headerBytes: '1MiB' };
  const roomy = startGateway(t, LIBRARY, {}, { trustedProxies, forwardedHeader: 'forwarded', limits });
  for (const filler of [',', '"', '\\', '\\"', '",', 'for=1,', 'for=1;', ';']) {
    const value = `for=${filler.repeat(200_000 / filler.length)}`;
    for (const header of [value, `${value}, for=203.0.113.4`]) {
      const startedAt = performance.now();
      await addressFor(roomy, { forwarded: header });
      // Time that grows with the square of the length would be minutes.
      t.true(performance.now() - startedAt < HANG_MS, filler);
    }
  }
});
