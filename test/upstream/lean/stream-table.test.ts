import test from 'ava';
import type { Stream } from '../../../src/upstream/lean/stream.js';
import { StreamTable } from '../../../src/upstream/lean/stream-table.js';
import { draws } from '../../support/draws.js';

test('a table finds the streams that are open, and no others', (t) => {
  const draw = draws(5);
  const table = new StreamTable();
  const open = new Map<number, Stream>();
  let most = 0;
  for (let id = 1; id < 8001; id += 2) {
    const stream = { id } as unknown as Stream;
    table.add(id, stream);
    open.set(id, stream);
    // Some streams stay open for long, so that later ids come to places that are taken.
    const limit = id % 4000 < 2000 ? 8 : 200;
    while (open.size > limit) {
      const removed = [...open.keys()][draw(draw(4) === 0 ? open.size : Math.ceil(open.size / 2))]!;
      table.remove(removed);
      table.remove(removed);
      open.delete(removed);
      t.is(table.get(removed), undefined);
    }
    most = Math.max(most, open.size);
    if (id % 10 === 1) for (const [one, its] of open) if (table.get(one) !== its) t.fail(`stream ${one} was not found`);
  }
  t.is(most, 200);
  const all = table.all().toSorted((a, b) => a.id - b.id);
  t.deepEqual(
    all,
    [...open].map(([id, stream]) => ({ id, stream })).toSorted((a, b) => a.id - b.id),
  );
});
