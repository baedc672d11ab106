/** A copied map and its copies behave like plain maps that were copied. */
import test from 'ava';
import { LayeredMap } from '../../src/base/layered-map.js';
import { draws } from '../support/draws.js';

test('maps that are copied and changed in any order have the entries of plain maps', (t) => {
  const draw = draws(3);
  let pairs = [{ layered: new LayeredMap<number, { value: number }>(), plain: new Map<number, { value: number }>() }];
  for (let step = 0; step < 5000; step++) {
    const { layered, plain } = pairs[draw(pairs.length)]!;
    const key = draw(300);
    const kind = draw(20);
    if (kind === 0) {
      pairs = [...pairs, { layered: layered.copy(), plain: new Map(plain) }].slice(-4);
    } else if (kind < 6) {
      layered.delete(key);
      plain.delete(key);
    } else {
      const value = { value: step };
      layered.set(key, value);
      plain.set(key, value);
    }
    for (const one of pairs) {
      t.is(one.layered.get(key), one.plain.get(key));
      t.is(one.layered.has(key), one.plain.has(key));
    }
  }
  for (const { layered, plain } of pairs) for (let key = 0; key < 300; key++) t.is(layered.get(key), plain.get(key));
});
