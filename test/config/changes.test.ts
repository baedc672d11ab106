/** The settings that a reload has changed are named, and their values are not. */
import test from 'ava';
import { changedSettings } from '../../src/config/changes.js';
import type { ConfigInput } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';

function changed(before: Partial<ConfigInput>, after: Partial<ConfigInput>): readonly string[] {
  const [a, b] = [before, after].map((input) => parseConfig({ version: 1, ...input }).config!);
  return changedSettings(a!, b!);
}

test('settings that differ are named down to their key', (t) => {
  const upstreams = { orders: { target: 'a:1' }, shop: { target: 'b:1' } };
  t.deepEqual(changed({ upstreams }, { upstreams }), []);
  t.deepEqual(changed({ limits: { bodyBytes: '1MiB' } }, { limits: { bodyBytes: '2MiB' } }), ['limits.bodyBytes']);
  t.deepEqual(changed({ upstreams }, { upstreams: { ...upstreams, shop: { target: 'b:1', timeout: '3s' } } }), [
    'upstreams.shop.timeoutMs',
  ]);
  t.deepEqual(changed({ upstreams }, { upstreams: { orders: { target: 'a:1' } } }), ['upstreams.shop']);
  t.deepEqual(changed({}, { cors: { origins: ['https://a.example'] } }), ['cors']);
});

test('no value of a setting is reported', (t) => {
  const tracing = (token: string) => ({ tracing: { otlp: 'http://a', headers: { authorization: token } } });
  const names = changed(tracing('sesame-1'), tracing('sesame-2'));
  t.deepEqual(names, ['tracing.headers.authorization']);
});
