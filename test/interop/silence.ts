/**
 * Calls that are silent for long: the gateway asks every second whether the server is alive, and the server must accept
 * that.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.js';
import { WAYS } from '../support/ways.js';
import { newCall } from './calls.js';
import type { InteropCase } from './cases.js';

/** gRPC servers end a connection at its fourth PING within five minutes. */
const SILENCE_MS = 8000;

/** While these cases run, no other request may be sent to the server. */
export const SILENT_CASES: readonly InteropCase[] = [
  {
    name: 'a stream on which nothing is said for eight seconds goes on',
    async check({ url, teardown }) {
      const way = WAYS.find(({ kinds }) => kinds.includes('server'))!;
      const call = newCall(url, 'cases', 'hanging');
      const running = await way.begin(url, `${call.path}:server`, {});
      teardown(running.leave);
      await until(() => running.heard() === 1, 'the first message back');
      let hasEnded = false;
      void running.outcome().finally(() => {
        hasEnded = true;
      });
      await sleep(SILENCE_MS);
      assert.equal(hasEnded, false);
      assert.equal((await call.seen()).cancelled, false);
      running.leave();
      await until(async () => (await call.seen()).cancelled, 'the server sees that it is cancelled');
    },
  },
];
