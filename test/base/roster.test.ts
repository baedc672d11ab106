import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { type Place, Roster } from '../../src/base/roster.js';
import type { Stream } from '../../src/upstream/lean/stream.js';
import { StreamTable } from '../../src/upstream/lean/stream-table.js';
import { draws } from '../support/draws.js';

test('a roster has the objects of a set to which the same was added and from which the same was removed', (t) => {
  const draw = draws(5);
  const roster = new Roster<object>();
  const plain = new Map<object, Place<object>>();
  for (let step = 0; step < 2000; step++) {
    if (draw(2) === 0) {
      const item = { step };
      plain.set(item, roster.enter(item));
    } else if (plain.size > 0) {
      const [item, place] = [...plain][draw(plain.size)]!;
      roster.leave(place);
      roster.leave(place);
      plain.delete(item);
    }
    if (draw(10) === 0) t.deepEqual([...roster], [...plain.keys()]);
    t.is(roster.size, plain.size);
  }
});

test('a loop through a roster skips objects that leave during the loop, and those that come', (t) => {
  const roster = new Roster<{ name: string }>();
  const places = ['a', 'b', 'c', 'd'].map((name) => roster.enter({ name }));
  const met: string[] = [];
  for (const { name } of roster) {
    met.push(name);
    if (name === 'a') roster.leave(places[0]);
    if (name === 'b') roster.leave(places[2]);
    roster.enter({ name: 'late' });
  }
  t.deepEqual(met, ['a', 'b', 'd']);
});

test('a table of streams has the entries of a map to which the same was done', (t) => {
  const draw = draws(6);
  const table = new StreamTable();
  const plain = new Map<number, Stream>();
  let id = 1;
  for (let step = 0; step < 4000; step++) {
    if (draw(2) === 0) {
      const stream = {} as Stream;
      table.set(id, stream);
      plain.set(id, stream);
      id += 2;
    } else {
      // Streams that were removed already are removed again.
      const gone = 1 + 2 * draw((id + 1) >> 1);
      table.delete(gone);
      plain.delete(gone);
    }
    const asked = 1 + 2 * draw((id + 1) >> 1);
    t.is(table.get(asked), plain.get(asked));
  }
  t.deepEqual([...table], [...plain]);
});

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void;

const RUNNING = 32;
const ALL = 20_000;
/** The bytes of an object that comes and goes. */
const BYTES = 1600;

/** Lets objects come and go, and returns the bytes that the old generation has more before it is collected. */
function grownBytes(come: (item: object, index: number) => () => void): number {
  const oldBytes = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')!.space_used_size;
  let before = 0;
  const running: (() => void)[] = [];
  for (let i = 0; i < ALL; i++) {
    running.push(come({ numbers: new Array(BYTES / 8).fill(i + 0.5) }, i));
    if (running.length > RUNNING) running.shift()!();
    if (i % 200 === 199) gc({ type: 'minor' });
    if (i === 1000) {
      // What runs now gets into the old generation.
      gc({ type: 'major' });
      before = oldBytes();
    }
  }
  return oldBytes() - before;
}

test('objects that have left a roster or a table of streams are garbage that a collection of young objects removes', (t) => {
  const roster = new Roster<object>();
  const ofRoster = grownBytes((item) => {
    const place = roster.enter(item);
    return () => roster.leave(place);
  });
  const table = new StreamTable();
  const ofTable = grownBytes((item, index) => {
    table.set(index * 2 + 1, item as Stream);
    return () => table.delete(index * 2 + 1);
  });
  const tenth = (ALL * BYTES) / 10;
  t.true(ofRoster < tenth, `a roster keeps ${ofRoster} bytes`);
  t.true(ofTable < tenth, `a table of streams keeps ${ofTable} bytes`);
});
