import test from 'ava';
import { type Call, type CallRequest, type Interceptor, intercept, NO_NOTES } from '../../src/call/call.js';

test('the first interceptor is the outermost, and none leaves the call as it is', async (t) => {
  const seen: string[] = [];
  const call: Call = async () => {
    seen.push('call');
    return { headers: [], message: new Uint8Array(), trailers: [], notes: NO_NOTES };
  };
  const named =
    (name: string): Interceptor =>
    (next) =>
    (request) => {
      seen.push(name);
      return next(request);
    };
  await intercept(call, [named('outer'), named('inner')])({} as CallRequest);
  t.deepEqual(seen, ['outer', 'inner', 'call']);
  t.is(intercept(call, []), call);
});
