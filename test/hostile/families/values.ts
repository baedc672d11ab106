/**
 * Values of every kind of field, right and wrong,
 * with what the upstream must see. They are tried in JSON and in the query.
 */

export interface Value {
  readonly field: string;
  /** The text as it stands in a query, and in JSON within quotes. */
  readonly text: string;
  /** True if the value is also one without quotes in JSON. */
  readonly isBare: boolean;
  /** The value that the upstream sees; undefined if it is refused, null if it is the default, which is not sent. */
  readonly sees: unknown;
}

/** The integer kinds with the number of their bits; positive kinds are unsigned. */
const KINDS: readonly (readonly [field: string, bits: number, isSigned: boolean])[] = [
  ['i32', 32, true], ['s32', 32, true], ['sf32', 32, true], ['u32', 32, false], ['f32', 32, false],
  ['i64', 64, true], ['s64', 64, true], ['sf64', 64, true], ['u64', 64, false], ['f64', 64, false],
];

/** Texts that are no integer of any kind. */
const NO_INTEGERS = [
  '1.5', '-0.1', '1e400', '-1e400', '1e-1', '1e', 'e1', '1.', '.5', '0x10', '0b1', '0o7', '1_000', '1,000', '1 000',
    '--1', '+-1', 'NaN', 'Infinity', '-Infinity', 'true', 'false', 'a', '1a', 'a1', '1;', '1\u00a0', '\u0661',
    '\uff11', '1\u0000', '\u00001', '1e1e1', '1.0.0', '0.0000000000000000000000000000000000000001', '1n', '-', '[1]',
    '{}',
];

/** Every edge of every integer kind, in every notation. */
export function* integers(): Generator<Value> {
  for (const [field, bits, isSigned] of KINDS) {
    const most = isSigned ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
    const least = isSigned ? -(2n ** BigInt(bits - 1)) : 0n;
    const shownAs = (value: bigint) => (value === 0n ? null : bits === 64 ? String(value) : Number(value));
    const edges = [0n, 1n, -1n, most, most - 1n, most + 1n, least, least - 1n, least + 1n, 2n ** 31n, 2n ** 32n,
      2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n, 10n ** 30n, -(2n ** 31n) - 1n,
      -(2n ** 53n) - 1n, -(2n ** 63n) - 1n];
    for (const value of new Set(edges)) {
      const sees = value >= least && value <= most ? shownAs(value) : undefined;
      yield { field, text: String(value), isBare: true, sees };
      if (![most, most + 1n, least - 1n].includes(value)) continue;
      yield { field, text: `${value}.0`, isBare: true, sees };
      yield { field, text: `${value}e0`, isBare: true, sees };
      yield { field, text: `${value}0e-1`, isBare: true, sees };
    }
    for (const text of NO_INTEGERS) yield { field, text, isBare: /^-?(0|[1-9]\d*)(\.\d+)?(e-?\d+)?$/.test(text),
      sees: undefined };
    yield { field, text: '1e3', isBare: true, sees: shownAs(1000n) };
    yield { field, text: '-0', isBare: true, sees: null };
  }
}

/** Doubles, bools, enums, bytes, text. */
export function* scalars(): Generator<Value> {
  const all = (field: string, isBare: boolean, rows: readonly (readonly [text: string, sees: unknown])[]): Value[] =>
    rows.map(([text, sees]) => ({ field, text, isBare, sees }));
  const no = (...texts: string[]) => texts.map((text) => [text, undefined] as const);
  yield* all('real', true, [
    ['0', null], ['1', 1], ['-1.5', -1.5], ['1e308', 1e308], ['5e-324', 5e-324], ['1e-400', null], ['0.1', 0.1],
      ['123456789012345678901234567890', Number('123456789012345678901234567890')],
    ...no('1e309', '-1e309', '1e400', '1e99999999999999999999'),
  ]);
  yield* all('real', false, [
    ['NaN', Number.NaN], ['Infinity', Number.POSITIVE_INFINITY], ['-Infinity', Number.NEGATIVE_INFINITY],
    ...no('nan', 'inf', '+Infinity', 'Inf', '', ' ', '1.', '.5', '0x1', '1e', '1,5', 'a', '1 2', '--1', 'true', '1f',
      '1d', '\u0661'),
  ]);
  yield* all('single', true, [['1.5', 1.5], ['-0.25', -0.25], ...no('1e39', '-1e39', '3.5e38')]);
  yield* all('flag', true, [['true', true], ['false', null]]);
  yield* all('flag', false, no('True', 'TRUE', 'yes', 'on', '', ' true', 'true ', 't', 'null', 'tru', 'truee'));
  yield* all('flag', true, no('1', '0', '-1'));
  yield* all('kind', false, [['SMALL', 'SMALL'], ['BELOW', 'BELOW'], ['KIND_UNSPECIFIED', null], ...no('small',
    'Small', 'NOPE', '', ' SMALL', 'SMALL ', '__proto__', 'constructor', 'toString', 'SMALL\u0000')]);
  yield* all('kind', true, [['1', 'SMALL'], ['-1', 'BELOW'], ['0', null], ['99', 99], ['2147483647', 2147483647],
    ['-2147483648', -2147483648], ...no('2147483648', '-2147483649', '1.5', '1e400')]);
  yield* all('blob', false, [['AAEC', 'AAEC'], ['AAE=', 'AAE='], ['AAE', 'AAE='], ['-_8=', '+/8='], ['+/8', '+/8='],
    ...no('A', 'AAAAA', '=', '====', 'AA=A', 'A===', 'AB CD', 'AAE*', 'AA\u0000A', '\u00e4', 'AAE==', 'AA.A')]);
  yield* all('text', false, [['a', 'a'], ['\u0000', '\u0000'], ['\ufeff', '\ufeff'], ['\u202e', '\u202e'],
    ['\u{10ffff}', '\u{10ffff}'], ['__proto__', '__proto__'], ['null', 'null'], ['a'.repeat(2000),
    'a'.repeat(2000)]]);
  yield* all('wflag', true, [['true', { value: true }], ['false', {}]]);
  yield* all('w32', true, [['5', { value: 5 }], ['0', {}], ...no('1.5', '2147483648', '1e400')]);
  yield* all('w64', true, [['9223372036854775807', { value: '9223372036854775807' }], ...no('9223372036854775808')]);
  yield* all('wu64', true, [['18446744073709551615', { value: '18446744073709551615' }], ...no('-1',
    '18446744073709551616')]);
  yield* all('wtext', false, [['a', { value: 'a' }], ['', {}]]);
  yield* all('maybe', true, [['0', 0], ['1', 1]]);
}

/** The well-known types that are written as text. */
export function* times(): Generator<Value> {
  const at = (text: string, sees: object | undefined) => ({ field: 'at', text, isBare: false, sees });
  yield at('1970-01-01T00:00:00Z', {});
  yield at('0001-01-01T00:00:00Z', { seconds: '-62135596800' });
  yield at('9999-12-31T23:59:59.999999999Z', { seconds: '253402300799', nanos: 999999999 });
  yield at('2026-11-30T12:00:00+02:00', { seconds: String(Date.UTC(2026, 10, 30, 10) / 1000) });
  yield at('2024-02-29T00:00:00Z', { seconds: String(Date.UTC(2024, 1, 29) / 1000) });
  yield at('1969-12-31T23:59:59.5Z', { seconds: '-1', nanos: 500000000 });
  for (const text of ['', 'now', '0', '2026-11-30', '2026-11-30T12:00:00', '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z', '2026-02-30T00:00:00Z', '2023-02-29T00:00:00Z', '1900-02-29T00:00:00Z',
    '2026-11-31T00:00:00Z', '2026-11-30T24:00:00Z', '2026-11-30T23:60:00Z', '2026-11-30T23:59:60Z',
    '2026-11-30T12:00:00.Z', '2026-11-30T12:00:00.1234567890Z', '2026-11-30T12:00:00+25:00',
    '2026-11-30T12:00:00+0200', '2026-11-30T12:00:00+02', '2026-11-30T12:00:00,5Z', '0000-01-01T00:00:00Z',
    '10000-01-01T00:00:00Z', '0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01', '-001-01-01T00:00:00Z',
    '2026-11-30T12:00Z', '2026-W48-1T00:00:00Z', ' 2026-11-30T12:00:00Z', '2026-11-30T12:00:00Z ',
    '2026-11-30T12:00:00Z\u0000', '\u0662026-11-30T12:00:00Z', '2026-1-30T12:00:00Z'])
    yield at(text, undefined);
  const wait = (text: string, sees: object | undefined) => ({ field: 'wait', text, isBare: false, sees });
  yield wait('0s', {});
  yield wait('1.5s', { seconds: '1', nanos: 500000000 });
  yield wait('-1.5s', { seconds: '-1', nanos: -500000000 });
  yield wait('-0.5s', { nanos: -500000000 });
  yield wait('315576000000s', { seconds: '315576000000' });
  yield wait('-315576000000s', { seconds: '-315576000000' });
  yield wait('0.000000001s', { nanos: 1 });
  for (const text of ['', 's', '1', '1.5', '1ms', '1m', '1h', '1S', '1.s', '.5s', '1.0000000001s', '315576000001s',
    '-315576000001s', '1e3s', '0x1s', '--1s', '+1s', '1s ', ' 1s', '1s1s', 'NaNs', 'Infinitys', '1,5s',
    `${'9'.repeat(400)}s`, '1_0s', '\u0661s', '1s\u0000'])
    yield wait(text, undefined);
  const mask = (text: string, paths: readonly string[] | undefined) => ({ field: 'mask', text, isBare: false,
    sees: paths === undefined ? undefined : paths.length === 0 ? {} : { paths } });
  yield mask('a', ['a']);
  yield mask('a,b.c', ['a', 'b.c']);
  yield mask('fooBar', ['foo_bar']);
  yield mask('_a', ['_a']);
  for (const text of ['_', 'a_', 'a__b', 'a,', ',a', ',', 'a,,b', '.', 'a.', '.a', 'a..b', 'a b', 'a;b', 'a/b',
    'a-b', '\u00e4', 'a\u0000', 'a[0]', '"a"', '`a`'])
    yield mask(text, undefined);
}
