/** Stages run one inside the other, as koa-compose runs them. */
import test from 'ava';
import type { Context, Middleware } from '../../src/exchange/exchange.js';
import { composed } from '../../src/server/compose-route.js';

const CONTEXT = {} as Context;

/** A stage may return anything, as the middleware of an embedder does. */
function run(...stages: ((ctx: Context, next: () => Promise<unknown>) => unknown)[]): Promise<void> {
  return composed(stages as Middleware[])(CONTEXT);
}

test('each stage runs inside the one before it, and all get the context', async (t) => {
  const seen: unknown[] = [];
  const around = (name: string) => async (ctx: Context, next: () => Promise<unknown>) => {
    t.is(ctx, CONTEXT);
    seen.push(`${name} begins`);
    await next();
    seen.push(`${name} ends`);
  };
  await run(around('a'), around('b'), (_ctx, next) => next());
  t.deepEqual(seen, ['a begins', 'b begins', 'b ends', 'a ends']);
  t.is(await run(), undefined);
});

test('an error of a stage rejects the stage before it, also if it is thrown synchronously', async (t) => {
  const failure = new Error('refused');
  for (const fails of [
    () => {
      throw failure;
    },
    () => Promise.reject(failure),
  ]) {
    let caught: unknown;
    await run(
      (_ctx, next) =>
        next().catch((error) => {
          caught = error;
        }),
      (_ctx, next) => next(),
      fails,
    );
    t.is(caught, failure);
    t.is(await t.throwsAsync(run(fails)), failure);
  }
});

test('a stage that does not call next ends the chain, and one that calls it twice fails', async (t) => {
  let runs = 0;
  const last = () => void runs++;
  await run(() => undefined, last);
  t.is(runs, 0);
  const twice = async (_ctx: Context, next: () => Promise<unknown>) => {
    await next();
    await next();
  };
  await t.throwsAsync(run(twice, last), { message: /call next once/ });
  t.is(runs, 1);
});

test('a stage may return no promise', async (t) => {
  let isAwaited = false;
  await run(
    async (_ctx, next) => {
      isAwaited = next() instanceof Promise;
    },
    () => 7,
  );
  t.true(isAwaited);
});
