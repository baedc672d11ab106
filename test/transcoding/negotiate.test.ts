import test from 'ava';
import { requireJsonStream } from '../../src/transcoding/negotiate.js';

test('a client stream is lines or an array; 415 says both', (t) => {
  t.is(requireJsonStream('application/x-ndjson; charset=utf-8', false), 'lines');
  t.is(requireJsonStream('application/json', false), 'json');
  t.throws(() => requireJsonStream('text/plain', false), {
    message:
      'content-type: expected application/x-ndjson or application/json, got "text/plain" (curl: add -H \'content-type: application/json\')',
  });
  t.throws(() => requireJsonStream(undefined, true), {
    message: 'content-type: expected application/x-ndjson or application/json, got none',
  });
});
