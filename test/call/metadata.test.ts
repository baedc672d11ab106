import test from 'ava';
import { isMetadataKey, isMetadataText, isReservedMetadataKey } from '../../src/call/metadata.js';

test('a key is digits, lower-case letters, _ - .', (t) => {
  for (const key of ['a', 'x-user-id', 'a.b_c-1', '0', 'x-bin']) t.true(isMetadataKey(key), key);
  for (const key of ['', 'A', 'x y', 'x:y', ':path', 'é', 'a\n', 'a\0', 'a/b', 'x,y'])
    t.false(isMetadataKey(key), JSON.stringify(key));
});

test('text is printable ASCII', (t) => {
  for (const text of ['', ' ', 'a b', '~!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}']) t.true(isMetadataText(text), text);
  for (const text of ['\r', 'a\nb', 'a\n', '\t', '\0', '\x7f', 'é', '€', '\ud800'])
    t.false(isMetadataText(text), JSON.stringify(text));
});

test('metadata keys of the protocol are reserved', (t) => {
  for (const key of [
    ':path',
    'grpc-timeout',
    'grpc-status-details-bin',
    'te',
    'host',
    'content-type',
    'user-agent',
    'connection',
  ]) {
    t.true(isReservedMetadataKey(key), key);
  }
  for (const key of ['x-grpc', 'grpcx', 'authorization', 'x-request-id', 'ten', 'location'])
    t.false(isReservedMetadataKey(key), key);
});
