/** google.api.HttpBody: bytes pass unchanged in both directions. These cases differ from those for other messages. */
import assert from 'node:assert/strict';
import { newCall } from './calls.js';
import type { InteropCase } from './cases.js';

/** The size is more than a flow-control window and less than the limit of a message. */
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
