/** Tests when a worker counts as frozen. The clock is moved by hand, and the workers are pipes that send heartbeats. */
import type { Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { type Frozen, Heartbeats } from '../../src/process/heartbeats.js';
import { PULSE_FD } from '../../src/process/pulse.js';
import { handClock } from '../support/clock.js';

function start() {
  const timers = handClock();
  let lateMs = 0;
  const clock = { ...timers, monotonic: () => timers.monotonic() + lateMs };
  const frozen: Frozen[] = [];
  const heartbeats = new Heartbeats(clock, (_worker, why) => frozen.push(why));
  const pipe = new PassThrough();
  const stdio = Array.from({ length: PULSE_FD }, () => null);
  const worker = Object.assign(new EventEmitter(), { process: { stdio: [...stdio, pipe] } }) as unknown as Worker;
  heartbeats.follow(worker);
  const pass = async (seconds: number, beat?: (second: number) => number) => {
    for (let second = 1; second <= seconds; second++) {
      if (beat !== undefined) pipe.write(`${beat(second)}\n`);
      await new Promise(setImmediate);
      timers.advance(1000);
    }
  };
  const standStill = (ms: number) => {
    lateMs += ms;
  };
  return { frozen, heartbeats, worker, pass, standStill };
}

test('a worker that beats is never frozen, and a main thread that is busy for a while neither', async (t) => {
  const { frozen, pass } = start();
  await pass(60, () => 3);
  await pass(9, (second) => second * 1000);
  await pass(60, () => 3);
  t.deepEqual(frozen, []);
});

test('a worker that is silent for more than five seconds is frozen', async (t) => {
  const { frozen, heartbeats, worker, pass } = start();
  await pass(1, () => 3);
  await pass(4);
  t.deepEqual(frozen, []);
  await pass(2);
  t.like(frozen[0], { silentMs: 6000 });
  t.is(heartbeats.frozenCount, 1);
  worker.emit('exit');
  t.is(heartbeats.frozenCount, 0);
});

test('a worker whose main thread does not come back for more than ten seconds is frozen', async (t) => {
  const { frozen, pass } = start();
  await pass(12, (second) => second * 1000);
  t.like(frozen[0], { busyMs: 11_000 });
});

test('a primary that was frozen itself replaces no worker', async (t) => {
  const { frozen, pass, standStill } = start();
  await pass(3, () => 3);
  standStill(60_000);
  await pass(3, () => 3);
  t.deepEqual(frozen, []);
});
