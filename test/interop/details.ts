/** The details of errors of streams. After the first message they are in the framing of the answer. */
import assert from 'node:assert/strict';
import { sendTo } from '../support/gateway.js';
import { type Act, newCall } from './calls.js';
import type { InteropCase } from './cases.js';

interface Expected {
  readonly act: Act;
  readonly accept: string;
  readonly status: number;
  /** Returns the body that contains the error, which is JSON. */
  body(error: string): string;
}

const EXPECTED: readonly Expected[] = [
  { act: 'refused', accept: 'application/json', status: 404, body: (error) => error },
  { act: 'failing', accept: 'application/x-ndjson', status: 200, body: (error) => `{"n":1}\n{"error":${error}}\n` },
  {
    act: 'failing',
    accept: 'text/event-stream',
    status: 200,
    body: (error) => `id: 1\ndata: {"n":1}\n\nevent: end\nid: end\ndata: ${error}\n\n`,
  },
];

export const DETAIL_CASES: readonly InteropCase[] = EXPECTED.map(({ act, accept, status, body }) => ({
  name: `the details of a stream that is ${act}, as ${accept}`,
  async check({ url }) {
    const { name, path } = newCall(url, 'cases', act);
    const answer = await sendTo(url, 'POST', `${path}:server`, { headers: { accept }, body: {} });
    assert.deepEqual([answer.status, answer.text], [status, body(notFound(name))]);
  },
}));

/** The error as the servers send it, with a google.rpc.ResourceInfo. */
function notFound(name: string): string {
  const type = 'type.googleapis.com/google.rpc.ResourceInfo';
  const details = [{ '@type': type, resourceType: 'case', resourceName: name }];
  return JSON.stringify({ code: 5, message: `${name} not found`, details });
}
