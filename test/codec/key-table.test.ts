import test from 'ava';
import { KeyTable } from '../../src/codec/key-table.js';
import { draws } from '../support/draws.js';

const bytesOf = (key: string) => Buffer.from(`..${key}.`);

function sameAsMap(
  t: { is(actual: unknown, expected: unknown, message?: string): void },
  table: KeyTable,
  keys: number,
) {
  const draw = draws(11);
  const map = new Map<string, number>();
  for (let i = 0; i < keys * 3; i++) {
    const key = 'k'.repeat(draw(3)) + draw(keys);
    const bytes = bytesOf(key);
    t.is(table.get(bytes, 2, bytes.length - 1), map.get(key), key);
    t.is(table.put(bytes, 2, bytes.length - 1, i), !map.has(key), key);
    map.set(key, i);
  }
  for (const [key, number] of map) {
    const bytes = bytesOf(key);
    t.is(table.get(bytes, 2, bytes.length - 1), number, key);
  }
}

for (const keys of [3, 8, 9, 40, 5000]) {
  test(`a table of about ${keys} keys has the keys and numbers that a Map has, also after clear()`, (t) => {
    const table = new KeyTable();
    for (let round = 0; round < 2; round++) {
      sameAsMap(t, table, keys);
      table.clear();
    }
  });
}

for (const [name, hash] of [
  ['one hash for all keys', () => 7],
  ['a hash of two values', (bytes: Uint8Array, start: number) => bytes[start]! & 1],
] as const) {
  test(`keys that collide are found all the same: ${name}`, (t) => {
    sameAsMap(t, new KeyTable(hash), 500);
  });
}

test('a hundred thousand colliding keys cost about what others cost', (t) => {
  const fill = (table: KeyTable) => {
    const start = process.cpuUsage();
    for (let i = 0; i < 100_000; i++) {
      const bytes = bytesOf(String(i));
      table.put(bytes, 2, bytes.length - 1);
    }
    return process.cpuUsage(start).user;
  };
  const usual = fill(new KeyTable());
  // A search through all keys would cost a thousand times as much.
  t.true(fill(new KeyTable(() => 7)) < 50 * usual + 200_000);
});

test('a table that was taken keeps its keys, whatever is put into the other one', (t) => {
  const table = new KeyTable();
  const key = (n: number) => Buffer.from(`key ${n}`);
  for (let n = 0; n < 100; n++) table.put(key(n), 0, key(n).length, n);
  const taken = table.take();
  for (let n = 50; n < 200; n++) t.true(table.put(key(n), 0, key(n).length, -n));
  for (let n = 0; n < 200; n++) {
    t.is(taken.get(key(n), 0, key(n).length), n < 100 ? n : undefined);
    t.is(table.get(key(n), 0, key(n).length), n < 50 ? undefined : -n);
  }
});
