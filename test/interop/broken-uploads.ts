/** Client streams with a mistake after a good message: the client gets a 400, and the server never sees a normal end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { until } from '../support/until.js';
import { newCall } from './calls.js';
import type { InteropCase } from './cases.js';

interface Broken {
  readonly name: string;
  readonly type: string;
  /** The body before the server has received the first message, and the rest. */
  readonly body: readonly [string, string];
}

const BROKEN: readonly Broken[] = [
  { name: 'a line that is no message', type: 'application/x-ndjson', body: ['{"n":1}\n', '{"n":"many"}\n'] },
  { name: 'an array that does not end', type: 'application/json', body: ['[{"n":1}', ',{"n":2}'] },
];

export const BROKEN_UPLOAD_CASES: readonly InteropCase[] = BROKEN.map(({ name, type, body: [first, rest] }) => ({
  name: `an upload with ${name}`,
  async check({ url, tellsBreaks, teardown }) {
    const call = newCall(url, 'cases', 'hanging');
    const headers = { 'content-type': type };
    const req = request(`${url}${call.path}:client`, { method: 'POST', headers, agent: false });
    teardown(() => void req.destroy());
    const answered = once(req, 'response') as Promise<[IncomingMessage]>;
    req.write(first);
    await until(async () => (await call.seen()).received === 1, 'the server has the first message');
    req.end(rest);
    assert.equal((await answered)[0].statusCode, 400);
    await until(async () => (await call.seen()).cancelled, 'the server sees that it is cancelled');
    if (tellsBreaks) assert.equal((await call.seen()).halfClosed, false);
  },
}));
