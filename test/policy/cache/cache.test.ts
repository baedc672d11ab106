import test from 'ava';
import { systemClock } from '../../../src/base/clock.js';
import { type CallRequest, NO_NOTES } from '../../../src/call/call.js';
import { ResponseCache } from '../../../src/policy/cache/interceptor.js';
import { type Entry, MemoryEntries } from '../../../src/store/entries.js';

test('a kept answer owns its bytes: it holds no larger buffer that they came in', async (t) => {
  let kept: Entry | undefined;
  class Watched extends MemoryEntries {
    override set(key: string, entry: Entry, keepMs: number): void {
      kept = entry;
      super.set(key, entry, keepMs);
    }
  }
  const cache = new ResponseCache(new Watched(1024 * 1024, systemClock), systemClock);
  const frame = Buffer.alloc(64 * 1024, 'frame');
  const call = cache.interceptor(
    { scope: 'public', ttlMs: 1000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 },
    { timeoutMs: 1000, dependsOn: [], onAnswer: () => {} },
  )(async () => ({ headers: [], message: frame.subarray(5, 10), trailers: [], notes: NO_NOTES }));
  const request: CallRequest = {
    method: { path: '/a.B/C', clientStreaming: false, serverStreaming: false },
    message: Buffer.from('question'),
    metadata: [],
    signal: new AbortController().signal,
    context: { surface: 'default', requestId: '1', clientAddress: '127.0.0.1' },
  };
  await call(request);
  t.is(kept?.message.buffer.byteLength, 5);
  frame.fill(0);
  const { message, notes } = await call(request);
  t.is(Buffer.from(message as Uint8Array).toString(), 'frame');
  t.is(notes.cache?.status, 'hit');
  await cache.close();
});
