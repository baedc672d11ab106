import test from 'ava';
import { Deadlines } from '../../src/upstream/deadlines.js';
import { handClock } from '../support/clock.js';
import { draws } from '../support/draws.js';

function calling(expired: string[], name: string) {
  return { dueAt: 0, placeInSlot: -1, expire: () => void expired.push(name) };
}

test('every call expires at its own time, and one that has ended does not', (t) => {
  const clock = handClock();
  const deadlines = new Deadlines(clock);
  const draw = draws(7);
  const waiting: { readonly at: number; readonly call: ReturnType<typeof calling>; readonly name: string }[] = [];
  const expired: string[] = [];
  const expected: string[] = [];
  for (let i = 0; i < 500; i++) {
    const at = clock.now() + draw(400);
    const one = { at, name: `${i}`, call: calling(expired, `${i}`) };
    deadlines.add(at, one.call);
    waiting.push(one);
    if (draw(2) === 0) deadlines.delete(waiting.splice(draw(waiting.length), 1)[0]!.call);
    clock.advance(draw(4));
    for (const due of waiting.filter((other) => other.at <= clock.now())) {
      expected.push(due.name);
      waiting.splice(waiting.indexOf(due), 1);
    }
    t.is(expired.toSorted().join(), expected.toSorted().join());
  }
  t.true(expired.length > 100);
});

test('calls that end in time start no timers of their own', (t) => {
  const clock = handClock();
  const deadlines = new Deadlines(clock);
  for (let i = 0; i < 1000; i++) {
    const call = calling([], '');
    deadlines.add(clock.now() + 30_000, call);
    deadlines.delete(call);
    clock.advance(10);
  }
  t.is(clock.delays.length, 1);
  clock.advance(60_000);
  t.is(clock.pending, 0);
});

test('a call may add and end others while it expires', (t) => {
  const clock = handClock();
  const deadlines = new Deadlines(clock);
  const expired: string[] = [];
  const neighbour = calling(expired, 'neighbour');
  const next = calling(expired, 'next');
  const first = {
    dueAt: 0,
    placeInSlot: -1,
    expire() {
      deadlines.delete(neighbour);
      deadlines.add(clock.now() + 5, next);
    },
  };
  deadlines.add(clock.now() + 10, first);
  deadlines.add(clock.now() + 10, neighbour);
  clock.advance(14);
  t.deepEqual(expired, []);
  clock.advance(1);
  t.deepEqual(expired, ['next']);
});
