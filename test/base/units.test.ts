import test from 'ava';
import { didYouMean } from '../../src/base/did-you-mean.js';
import { formatDuration, parseDuration } from '../../src/base/duration.js';
import { Resources } from '../../src/base/resources.js';
import { parseSize } from '../../src/base/size.js';

test('durations are exact, and what is none is none', (t) => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['300ms', 300],
    ['2s', 2000],
    ['1.5s', 1500],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['0s', 0],
    ['', undefined],
    ['5', undefined],
    ['5 s', undefined],
    ['-1s', undefined],
    ['1e3s', undefined],
    ['1d', undefined],
    ['999999h', undefined],
  ];
  for (const [text, ms] of rows) t.is(parseDuration(text), ms, text);
  for (const text of ['300ms', '90s', '1m', '2h']) t.is(formatDuration(parseDuration(text)!), text);
});

test('sizes are powers of 1024, and what is none is none', (t) => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['10', 10],
    ['1KiB', 1024],
    ['4MiB', 4_194_304],
    ['1GiB', 1_073_741_824],
    ['4MB', undefined],
    ['', undefined],
    ['1.5MiB', undefined],
  ];
  for (const [text, bytes] of rows) t.is(parseSize(text), bytes, text);
});

test('did you mean: the nearest name, or none that is near', (t) => {
  t.is(didYouMean('prot', ['port', 'host']), 'port');
  t.is(didYouMean('zzz', ['port', 'host']), undefined);
  t.is(didYouMean('x'.repeat(100_000), ['port']), undefined);
});

test('a resource is made once per key and closed by its last holder', async (t) => {
  const resources = new Resources();
  const closed: string[] = [];
  const make = (name: string) => () => ({ close: async () => void closed.push(name) });
  t.is(resources.acquire('a', make('a1')), resources.acquire('a', make('a2')));
  await resources.release('a');
  t.deepEqual(closed, []);
  await resources.release('a');
  t.deepEqual(closed, ['a1']);
  t.is(resources.size, 0);
});
