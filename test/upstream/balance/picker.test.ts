import test from 'ava';
import { compilePicker, type LoadBalancing, type Pickable } from '../../../src/upstream/balance/picker.js';

interface Stub extends Pickable {
  readonly name: string;
  readonly prepared: () => number;
}

type State = 'ready' | 'connecting' | 'failing' | 'out';

function member(name: string, state: State): Stub {
  let prepared = 0;
  return {
    name,
    isReady: state === 'ready' || state === 'out',
    isFailing: state === 'failing',
    isOut: state === 'out',
    prepare: () => void prepared++,
    running: () => 0,
    prepared: () => prepared,
  };
}

function compiled(states: Readonly<Record<string, State>>, policy: LoadBalancing = 'round_robin', panicPercent = 50) {
  const members = Object.entries(states).map(([name, state]) => member(name, state));
  const picker = compilePicker(
    members.map((of) => ({ of, weight: 1 })),
    { policy, panicPercent, random: () => 0 },
  );
  const pick = (tried?: readonly string[]): string => {
    const picked = picker.pick(tried && new Set(members.filter(({ name }) => tried.includes(name))));
    return 'name' in picked ? picked.name : `[${picked.map(({ name }) => name).join()}]`;
  };
  return { picker, members, pick, picks: (count: number) => Array.from({ length: count }, () => pick()).join('') };
}

test('only connected members get calls, and the others are connected meanwhile', (t) => {
  const { picks, members } = compiled({ a: 'ready', b: 'connecting', c: 'ready', d: 'failing' });
  t.regex(picks(8), /^[ac]+$/);
  t.true(members[1]!.prepared() > 0);
  t.true(members[3]!.prepared() > 0);
});

test('while no server is connected, a call waits for all that may become connected', (t) => {
  t.is(compiled({ a: 'connecting', b: 'failing' }).pick(), '[a,b]');
});

test('if none can be reached, a call goes to one of them and fails there', (t) => {
  const { picks, picker } = compiled({ a: 'failing', b: 'failing' });
  t.is(picks(4), 'baba');
  t.true(picker.isDown());
});

test('a single member gets every call, whatever its state: its transport lets calls wait', (t) => {
  for (const state of ['ready', 'connecting', 'failing'] as const) t.is(compiled({ a: state }).pick(['a']), 'a');
});

test('an upstream without members gives none', (t) => {
  for (const policy of ['round_robin', 'pick_first', 'least_request'] as const) t.is(compiled({}, policy).pick(), '[]');
});

test('a member that was tried is picked only if no other one is connected', (t) => {
  const { pick } = compiled({ a: 'ready', b: 'ready', c: 'connecting' });
  for (let i = 0; i < 4; i++) t.is(pick(['a']), 'b');
  t.regex(pick(['a', 'b']), /^[ab]$/);
});

test('members that are out get no calls', (t) => {
  const { picks, picker } = compiled({ a: 'ready', b: 'out', c: 'ready' });
  t.regex(picks(8), /^[ac]+$/);
  t.false(picker.isPanic);
});

test('panic: when fewer than half are left, all are used', (t) => {
  const { picks, picker } = compiled({ a: 'ready', b: 'out', c: 'out' });
  t.true(picker.isPanic);
  t.is(picks(6), 'abcabc');
  t.false(compiled({ a: 'ready', b: 'out' }).picker.isPanic);
  t.true(compiled({ a: 'out' }).picker.isPanic);
  t.true(compiled({ a: 'out', b: 'out' }).picker.isPanic);
});

test('panic threshold 0: members that are out get no calls, even if there is no other one', (t) => {
  const { pick, picker } = compiled({ a: 'out', b: 'out' }, 'round_robin', 0);
  t.false(picker.isPanic);
  t.is(pick(), '[]');
  t.is(compiled({ a: 'failing', b: 'out' }, 'round_robin', 0).pick(), 'a');
});

test('a member that is out is better than members that cannot be reached', (t) => {
  t.is(compiled({ a: 'failing', b: 'failing', c: 'out' }).pick(), 'c');
});

test('pick_first: the first that can be reached, and a wait for the first that may be', (t) => {
  t.is(compiled({ a: 'ready', b: 'ready' }, 'pick_first').picks(3), 'aaa');
  t.is(compiled({ a: 'failing', b: 'ready' }, 'pick_first').picks(3), 'bbb');
  t.is(compiled({ a: 'connecting', b: 'ready' }, 'pick_first').pick(), '[a]');
  t.is(compiled({ a: 'failing', b: 'failing' }, 'pick_first').pick(), 'a');
  t.is(compiled({ a: 'out', b: 'ready' }, 'pick_first').pick(), 'b');
});

test('pick_first: a second try goes to the second member', (t) => {
  t.is(compiled({ a: 'ready', b: 'ready' }, 'pick_first').pick(['a']), 'b');
  t.is(compiled({ a: 'ready', b: 'connecting' }, 'pick_first').pick(['a']), '[b]');
  t.is(compiled({ a: 'ready', b: 'failing' }, 'pick_first').pick(['a']), 'a');
});
