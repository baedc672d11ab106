import test from 'ava';
import {
  type Deadline,
  type DeadlineOwner,
  earliest,
  parseGrpcTimeout,
  parseRequestTimeout,
} from '../../src/call/deadline.js';

test('grpc-timeout is at most eight digits and a unit', (t) => {
  for (const [text, ms] of [
    ['0S', 0],
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['250m', 250],
    ['1500u', 1.5],
    ['99999999n', 99.999_999],
    ['99999999H', 99_999_999 * 3_600_000],
  ] as const) {
    t.is(parseGrpcTimeout(text), ms, text);
  }
  for (const text of [
    '',
    'S',
    '1',
    '1s',
    '1 S',
    '-1S',
    '+1S',
    '1.5S',
    '100000000S',
    '1S\n',
    ' 1S',
    '1e3m',
    '0x1S',
    '١S',
  ]) {
    t.is(parseGrpcTimeout(text), undefined, JSON.stringify(text));
  }
});

test('x-request-timeout is seconds, decimal', (t) => {
  for (const [text, ms] of [
    ['0', 0],
    ['1', 1000],
    ['0.25', 250],
    ['00030.5', 30_500],
    ['99999999', 99_999_999_000],
  ] as const) {
    t.is(parseRequestTimeout(text), ms, text);
  }
  for (const text of [
    '',
    '.5',
    '1.',
    '-1',
    '+1',
    '1s',
    '1e3',
    'Infinity',
    'NaN',
    '100000000',
    '1,5',
    ' 1',
    '1\n',
    '0x10',
  ]) {
    t.is(parseRequestTimeout(text), undefined, JSON.stringify(text));
  }
});

const at = (ms: number, owner: DeadlineOwner = 'route'): Deadline => ({ at: ms, owner });

test('the earliest of some deadlines; none of none', (t) => {
  t.is(earliest(), undefined);
  t.is(earliest(undefined, undefined), undefined);
  t.deepEqual(earliest(at(5), undefined, at(3), at(4)), at(3));
  t.deepEqual(earliest(undefined, at(0)), at(0));
});

test('of equal deadlines the first counts: a client that asks for the route’s own deadline does not shorten it', (t) => {
  t.is(earliest(at(3), at(3, 'client'))?.owner, 'route');
  t.is(earliest(at(3), at(2, 'client'))?.owner, 'client');
});
