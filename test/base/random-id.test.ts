import test from 'ava';
import { randomDigits, randomId } from '../../src/base/random-id.js';

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('random ids are UUIDs of version 4, no two are equal, and every free digit takes every value', (t) => {
  const ids = Array.from({ length: 2000 }, randomId);
  t.is(
    ids.find((id) => !UUID_4.test(id)),
    undefined,
  );
  t.is(new Set(ids).size, ids.length);
  const seen = Array.from({ length: 36 }, (_, at) => new Set(ids.map((id) => id[at])).size);
  const fixed = new Map([8, 13, 14, 18, 23].map((at) => [at, 1])).set(19, 4);
  t.deepEqual(
    seen,
    Array.from({ length: 36 }, (_, at) => fixed.get(at) ?? 16),
  );
});

test('random digits are as many as asked, no two ids are equal, and none has bytes of another one', (t) => {
  const ids = Array.from({ length: 2000 }, (_, i) => randomDigits(i % 3 === 0 ? 16 : 8));
  t.true(ids.every((id, i) => /^[0-9a-f]+$/.test(id) && id.length === (i % 3 === 0 ? 32 : 16)));
  const parts = ids.flatMap((id) => id.match(/.{16}/g)!);
  t.is(new Set(parts).size, parts.length);
});
