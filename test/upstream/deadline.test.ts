import test from 'ava';
import type { CallRequest } from '../../src/call/call.js';
import { type DeadlineSettings, deadline } from '../../src/upstream/deadline.js';

const NOW = 1_000_000;
const clock = { now: () => NOW, monotonic: () => 0, after: () => () => {} };

/** The deadline that reaches the next call, counted from now. */
async function deadlineOf(settings: DeadlineSettings, client: number | undefined, streaming = false) {
  let seen: CallRequest | undefined;
  const call = deadline(
    settings,
    clock,
  )(async (request) => {
    seen = request;
    throw new Error('not called further');
  });
  const request: CallRequest = {
    method: { path: '/s/M', clientStreaming: false, serverStreaming: streaming },
    message: new Uint8Array(),
    metadata: [],
    signal: new AbortController().signal,
    context: { surface: 'default', requestId: '' },
    ...(client === undefined ? {} : { deadline: NOW + client }),
  };
  await call(request).catch(() => {});
  return seen?.deadline === undefined ? undefined : seen.deadline - NOW;
}

test('the earlier of the client’s and the settings’ deadline counts', async (t) => {
  t.is(await deadlineOf({ unaryMs: 500 }, 100), 100);
  t.is(await deadlineOf({ unaryMs: 500 }, 900), 500);
  t.is(await deadlineOf({ unaryMs: 500 }, undefined), 500);
});

test('nothing set leaves the call as it is', async (t) => {
  t.is(await deadlineOf({}, undefined), undefined);
  t.is(await deadlineOf({}, 100), 100);
});

test('a unary timeout does not bound a stream, a stream timeout no unary call', async (t) => {
  t.is(await deadlineOf({ unaryMs: 500 }, undefined, true), undefined);
  t.is(await deadlineOf({ streamMs: 500 }, undefined), undefined);
  t.is(await deadlineOf({ unaryMs: 1, streamMs: 500 }, 900, true), 500);
});

test('a timeout of zero has passed at once', async (t) => {
  t.is(await deadlineOf({ unaryMs: 0 }, 100), 0);
});
