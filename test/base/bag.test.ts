import test from 'ava';
import { Bag } from '../../src/base/bag.js';
import { draws } from '../support/draws.js';

const names = (things: Iterable<{ readonly name: number }>) =>
  [...things].map(({ name }) => name).toSorted((a, b) => a - b);

test('a bag has what was added and not removed, and knows the order', (t) => {
  const draw = draws(3);
  const bag = new Bag<{ readonly name: number }>();
  const places = new Map<{ readonly name: number }, number>();
  for (let name = 0; name < 500; name++) {
    const thing = { name };
    places.set(thing, bag.add(thing));
    while (places.size > draw(20)) {
      const [one, place] = [...places][draw(places.size)]!;
      bag.remove(place);
      places.delete(one);
    }
    t.is(bag.size, places.size);
    t.deepEqual(names(bag), names(places.keys()));
    t.deepEqual(bag.inOrder(), [...places.keys()]);
  }
});

test('things may be removed while a bag is iterated over', (t) => {
  const bag = new Bag<{ place: number }>();
  for (let i = 0; i < 5; i++) {
    const thing = { place: -1 };
    thing.place = bag.add(thing);
  }
  const seen: number[] = [];
  for (const { place } of bag) {
    seen.push(place);
    bag.remove(place);
    if (place === 1) bag.remove(3);
  }
  t.deepEqual(seen, [0, 1, 2, 4]);
  t.is(bag.size, 0);
});
