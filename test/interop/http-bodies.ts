/** Bytes as they are, in and out (rules 15 and 18): what is not the same for messages of any kind. */
import assert from 'node:assert/strict';
import { newCall } from './calls.js';
import type { InteropCase } from './cases.js';

/** More than a flow-control window, less than a message may be. */
const BYTES = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31) % 251));

export const HTTP_BODY_CASES: readonly InteropCase[] = [
  {
    name: 'the type of what came goes back with its bytes',
    async check({ url }) {
      const { type, bytes } = await post(`${url}${newCall(url, 'bytes', 'success').path}:unary`, BYTES);
      assert.equal(type, 'image/png');
      assert.ok(BYTES.equals(bytes));
    },
  },
  {
    name: 'no bytes',
    async check({ url }) {
      const { status, bytes } = await post(`${url}${newCall(url, 'bytes', 'success').path}:unary`, Buffer.alloc(0));
      assert.deepEqual([status, bytes.length], [200, 0]);
    },
  },
  {
    name: 'an upload arrives in pieces',
    async check({ url }) {
      const call = newCall(url, 'bytes', 'success');
      const { type, bytes } = await post(`${url}${call.path}:client`, BYTES);
      assert.equal(type, 'image/png');
      assert.ok(BYTES.equals(bytes));
      const { received, halfClosed } = await call.seen();
      assert.ok(received > 1 && halfClosed, `${received} pieces, half-closed: ${halfClosed}`);
    },
  },
  {
    name: 'a download has the type of its first piece',
    async check({ url }) {
      const { path } = newCall(url, 'bytes', 'success');
      const response = await fetch(`${url}${path}:server`, { method: 'POST' });
      assert.equal(response.headers.get('content-type'), 'text/x-lines');
      assert.equal(await response.text(), '1\n2\n3\n');
    },
  },
];

async function post(url: string, body: Buffer) {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'image/png' }, body });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, type: response.headers.get('content-type'), bytes };
}
