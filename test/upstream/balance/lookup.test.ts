import test from 'ava';
import { systemLookup } from '../../../src/upstream/balance/lookup.js';

test('the system’s lookup reads /etc/hosts', async (t) => {
  const { addresses } = await systemLookup('localhost');
  t.true(addresses.includes('127.0.0.1'), addresses.join());
  t.is(new Set(addresses).size, addresses.length);
});

test('a name that nobody knows is an error', async (t) => {
  await t.throwsAsync(systemLookup('no-such-name.invalid'), { message: /getaddrinfo .* no-such-name\.invalid/ });
});
