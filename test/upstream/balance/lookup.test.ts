import test from 'ava';
import { lookupWith, systemLookup } from '../../../src/upstream/balance/lookup.js';
import { NameWatch } from '../../../src/upstream/balance/name-watch.js';
import { handClock } from '../../support/clock.js';
import { startDnsServer } from '../../support/dns-server.js';
import { until } from '../../support/until.js';

test('the system’s lookup reads /etc/hosts', async (t) => {
  const { addresses } = await systemLookup('localhost');
  t.true(addresses.includes('127.0.0.1'), addresses.join());
  t.is(new Set(addresses).size, addresses.length);
});

test('a name that nobody knows is an error', async (t) => {
  await t.throwsAsync(systemLookup('no-such-name.invalid'), { message: /getaddrinfo .* no-such-name\.invalid/ });
});

test('an answer holds for the shortest TTL of the records, if the name server gives the addresses of the system', async (t) => {
  const records = [
    { address: '127.0.0.1', ttl: 20 },
    { address: '127.0.0.1', ttl: 7 },
  ];
  const { server } = await startDnsServer(t, records);
  const ttlMs = async () => (await lookupWith([server])('localhost')).ttlMs;
  t.is(await ttlMs(), 7000);
  records.push({ address: '127.0.0.9', ttl: 5 });
  t.is(await ttlMs(), undefined);
  records.length = 0;
  t.is(await ttlMs(), undefined);
});

test('a name is looked up again when the TTL has passed, and not before', async (t) => {
  const { server, asked } = await startDnsServer(t, [{ address: '127.0.0.1', ttl: 5 }]);
  const clock = handClock();
  const watch = new NameWatch('localhost', lookupWith([server]), clock, () => 0);
  t.teardown(() => watch.close());
  let found = 0;
  watch.watch({ found: () => found++, failed: (error) => t.fail(String(error)) });
  await until(() => clock.delays.includes(5000));
  clock.advance(4900);
  t.is(asked(), 1);
  clock.advance(100);
  await until(() => asked() === 2);
  t.is(found, 1);
});
