import test from 'ava';
import { type ChangedPaths, PendingChanges } from '../../src/base/changed-paths.js';

/** Returns the paths that a reload gets, in order; undefined if it must look at all files. */
async function used(pending: PendingChanges, isTaken = true): Promise<readonly string[] | undefined> {
  let seen: ChangedPaths;
  await pending.use(async (changed) => {
    seen = changed;
    return isTaken;
  });
  return seen && [...seen].sort();
}

test('a reload gets all paths that were added since the last one that was taken', async (t) => {
  const pending = new PendingChanges();
  t.deepEqual(await used(pending), []);
  pending.add(new Set(['a']));
  pending.add(new Set(['b', 'a']));
  t.deepEqual(await used(pending, false), ['a', 'b']);
  pending.add(new Set(['c']));
  t.deepEqual(await used(pending), ['a', 'b', 'c']);
  t.deepEqual(await used(pending), []);
});

test('paths of a reload that throws, and those that come while it runs, are for the next one', async (t) => {
  const pending = new PendingChanges();
  pending.add(new Set(['a']));
  const failed = pending.use(async () => {
    pending.add(new Set(['b']));
    throw new Error('refused');
  });
  await t.throwsAsync(failed, { message: 'refused' });
  t.deepEqual(await used(pending), ['a', 'b']);
});

test('a change of unknown files makes reloads look at all files until one is taken', async (t) => {
  const pending = new PendingChanges();
  pending.add(new Set(['a']));
  pending.add(undefined);
  pending.add(new Set(['b']));
  t.is(await used(pending, false), undefined);
  t.is(await used(pending), undefined);
  t.deepEqual(await used(pending), []);
});
