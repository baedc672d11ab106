/** Query parameters, and the texts that their types accept, through a real socket to a real gRPC server. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { SEARCH } from '../support/protos.js';

const shared = afterAll(test);
const started = startGateway(shared, SEARCH, {}, { query: { ignore: ['utm_*', 'cb'] } });

const accepted: readonly (readonly [fact: string, query: string, sent: object])[] = [
  [
    'every integer type',
    'i32=-1&i64=-2&u32=3&u64=4&s32=-5&s64=-6&f32=7&f64=8&sf32=-9&sf64=-10',
    { i32: -1, i64: '-2', u32: 3, u64: '4', s32: -5, s64: '-6', f32: 7, f64: '8', sf32: -9, sf64: '-10' },
  ],
  [
    '64-bit edges',
    'i64=9223372036854775807&u64=18446744073709551615',
    { i64: '9223372036854775807', u64: '18446744073709551615' },
  ],
  ['1e3 and 1.0 in a query are integers', 'i32=1e3&i64=1.0', { i32: 1000, i64: '1' }],
  ['floating point', 'ratio=1.5e-3&weight=0.5', { ratio: 0.0015, weight: 0.5 }],
  ['bool true', 'exact=true', { exact: true }],
  ['bool false is the default', 'exact=false', {}],
  ['an enum by a number without a name', 'color=7', { color: 7 }],
  [
    'enums by name and by number',
    'color=DARK_BLUE&colors=RED&colors=2',
    { color: 'DARK_BLUE', colors: ['RED', 'DARK_BLUE'] },
  ],
  ['a repeated key is a repeated field', 'ids=1&ids=2&ids=3', { ids: ['1', '2', '3'] }],
  ['bytes in standard base64', 'raw=%2B%2F8%3D', { raw: { type: 'Buffer', data: [251, 255] } }],
  ['bytes in URL-safe base64', 'raw=-_8', { raw: { type: 'Buffer', data: [251, 255] } }],
  ['a plus is a space', 'text=a+b%2Bc', { text: 'a b+c' }],
  ['UTF-8', 'text=%E2%82%AC', { text: '€' }],
  ['a timestamp', 'since=2026-01-02T03:04:05.5Z', { since: { seconds: '1767323045', nanos: 500000000 } }],
  ['a duration', 'within=3.5s', { within: { seconds: '3', nanos: 500000000 } }],
  [
    'a field mask in either name',
    'read_mask=a,display_name,displayName',
    { read_mask: { paths: ['a', 'display_name', 'display_name'] } },
  ],
  [
    'a timestamp and a duration in parts',
    'since.seconds=5&since.nanos=1&within.seconds=-3&within.nanos=-999999999',
    { since: { seconds: '5', nanos: 1 }, within: { seconds: '-3', nanos: -999999999 } },
  ],
  [
    'parts that are the default',
    'since.seconds=0&within.nanos=0&flag.value=false',
    { since: {}, within: {}, flag: {} },
  ],
  [
    'the paths of a field mask, in either name, several at once too',
    'readMask.paths=a.displayName&read_mask.paths=b,c_d&read_mask.paths=*',
    { read_mask: { paths: ['a.display_name', 'b', 'c_d', '*'] } },
  ],
  [
    'the values of wrappers',
    'limit.value=7&flag.value=true&note.value=a+b',
    { limit: { value: '7' }, flag: { value: true }, note: { value: 'a b' } },
  ],
  ['wrappers', 'limit=7&flag=false&note=x', { limit: { value: '7' }, flag: {}, note: { value: 'x' } }],
  ['maps', 'labels[env]=x&labels[a.b]=y&marks[7]=true', { labels: { env: 'x', 'a.b': 'y' }, marks: { 7: true } }],
  ['maps with encoded brackets', 'labels%5Benv%5D=x', { labels: { env: 'x' } }],
  [
    'a nested field by proto names',
    'price_range.min_value=1&price_range.max_value=2',
    { price_range: { min_value: '1', max_value: '2' } },
  ],
  [
    'a nested field by JSON names, mixed',
    'priceRange.min_value=1&price_range.maxValue=2',
    { price_range: { min_value: '1', max_value: '2' } },
  ],
  ['a given json_name', 'renamed=x', { explicit_name: 'x' }],
  ['the proto name of a field with a given json_name', 'explicit_name=x', { explicit_name: 'x' }],
  ['an optional field set to its default', 'maybe=0', { maybe: 0 }],
  ['one member of a oneof', 'site=x', { site: 'x' }],
  ['an empty value is the empty string', 'text=&note=', { text: '', note: {} }],
  ['a key without an equals sign is the empty string', 'note', { note: {} }],
  ['empty pairs mean nothing', '&&i32=1&', { i32: 1 }],
  ['query.ignore drops by name and by prefix', 'utm_source=x&cb=1&i32=1', { i32: 1 }],
];

for (const [fact, query, sent] of accepted) {
  test.serial(fact, async (t) => {
    const { send, upstream } = await started;
    const answer = await send('GET', `/find?${query}`);
    t.is(answer.status, 200, answer.text);
    const got = JSON.parse(JSON.stringify(upstream.last().request));
    if (got.text === '') t.deepEqual({ text: '', ...got }, sent);
    else t.deepEqual({ ...('text' in sent && sent.text === '' ? { text: '' } : {}), ...got }, sent);
  });
}

const refused: readonly (readonly [fact: string, query: string, field: string, says: RegExp])[] = [
  ['an unknown parameter is named', 'colour=RED', 'colour', /unknown/],
  ['__proto__ is an unknown parameter', '__proto__=1', '__proto__', /unknown/],
  ['constructor is an unknown parameter', 'constructor.name=1', 'constructor.name', /unknown/],
  ['a singular field twice', 'i32=1&i32=2', 'i32', /once|twice|already|several/],
  ['a singular field under its two names', 'explicit_name=a&renamed=b', 'renamed', /once|twice|already|several/],
  ['two members of a oneof', 'site=a&host=b', 'host', /scope/],
  ['a bool that is not exactly true or false', 'exact=1', 'exact', /expected (bool|true or false)/],
  ['a bool in capitals', 'exact=True', 'exact', /expected (bool|true or false)/],
  ['a number that is none', 'i32=a', 'i32', /expected int32, got "a"/],
  ['an empty number', 'i32=', 'i32', /expected int32/],
  ['an int32 out of range', 'i32=2147483648', 'i32', /expected int32/],
  ['a negative unsigned', 'u32=-1', 'u32', /expected uint32/],
  ['a fraction', 'i64=1.5', 'i64', /expected int64/],
  ['a number that overflows', 'i64=1e400', 'i64', /expected int64/],
  ['white space around a number', 'i32=+1', 'i32', /expected int32/],
  ['an unknown enum name', 'color=PINK', 'color', /PINK/],
  ['base64 that is none', 'raw=a$', 'raw', /base64/],
  ['a timestamp that is none', 'since=yesterday', 'since', /Timestamp|RFC 3339/i],
  ['a duration without its unit', 'within=3', 'within', /Duration/i],
  ['a repeated message', 'ranges.min_value=1', 'ranges.min_value', /repeated/],
  ['a message itself', 'price_range=1', 'price_range', /Range/],
  ['a recursive message', 'tree.left.label=x', 'tree.left.label', /recursive/],
  ['a Struct', 'extra=1', 'extra', /Struct/],
  ['a field of a Struct', 'extra.fields[a]=1', 'extra.fields[a]', /./],
  ['a Value', 'value=1', 'value', /Value/],
  ['an Any', 'any=1', 'any', /Any/],
  [
    'a field of an Any',
    'any.type_url=x',
    'any.type_url',
    /^not a query parameter, because google\.protobuf\.Any has no fixed fields$/,
  ],
  [
    'a field of a Value',
    'value.string_value=x',
    'value.string_value',
    /^not a query parameter, because google\.protobuf\.Value has no fixed fields$/,
  ],
  ['a Timestamp whole and in parts', 'since=2026-01-02T03:04:05Z&since.seconds=1', 'since.seconds', /found twice/],
  ['a Timestamp in parts and whole', 'since.seconds=1&since=2026-01-02T03:04:05Z', 'since', /found twice/],
  ['seconds twice', 'since.seconds=1&since.seconds=1', 'since.seconds', /found twice/],
  ['a wrapper whole and by its value', 'flag=true&flag.value=true', 'flag.value', /found twice/],
  ['seconds that are none', 'since.seconds=a', 'since.seconds', /^expected int64, got "a"$/],
  [
    'seconds of no Timestamp',
    'since.seconds=253402300800',
    'since.seconds',
    /^expected seconds from -62135596800 to 253402300799, got "253402300800"$/,
  ],
  ['nanos of no Timestamp', 'since.nanos=-1', 'since.nanos', /^expected nanos from 0 to 999999999, got "-1"$/],
  [
    'seconds of no Duration',
    'within.seconds=-315576000001',
    'within.seconds',
    /^expected seconds from -315576000000 to/,
  ],
  ['nanos of no Duration', 'within.nanos=1000000000', 'within.nanos', /^expected nanos from -999999999 to 999999999/],
  [
    'a Duration of two signs',
    'within.nanos=-1&within.seconds=1',
    'within.seconds',
    /^expected seconds and nanos of one sign, got "1"$/,
  ],
  ['a wrapper’s value of another type', 'limit.value=x', 'limit.value', /^expected int64, got "x"$/],
  [
    'paths of no FieldMask',
    'read_mask.paths=a..b',
    'read_mask.paths',
    /^expected a path such as author\.display_name, got "a\.\.b"$/,
  ],
  ['a misspelt part', 'since.second=1', 'since.second', /^unknown query parameter, did you mean 'since\.seconds'\?$/],
  ['a part of what has none', 'i32.value=1', 'i32.value', /^unknown query parameter, did you mean 'i32'\?$/],
  [
    'a key on a message',
    'price_range[min_value]=1',
    'price_range[min_value]',
    /^expected no \[key\], because the field is not a map$/,
  ],
  [
    'a list as PHP and some clients write it',
    'ids[]=1',
    'ids[]',
    /^expected the name without \[key\], once for each value, because the field is repeated$/,
  ],
  ['a map without a key', 'labels=x', 'labels', /\[key\]/],
  ['a key on what is no map', 'i32[a]=1', 'i32[a]', /map/],
  ['a map key of the wrong type', 'marks[a]=true', 'marks[a]', /./],
  ['a map key twice', 'labels[a]=1&labels[a]=2', 'labels[a]', /./],
  ['a malformed escape', 'text=%zz', 'text', /^expected two hex digits after each '%'$/],
  ['bytes that are not UTF-8', 'text=%ff', 'text', /^expected percent-encoded UTF-8, got other bytes$/],
  ['a name that is not UTF-8', '%ff=1', '%ff', /^expected percent-encoded UTF-8, got other bytes$/],
  ['a value without a name', '=1', '=', /^expected a name before '='$/],
  ['a misspelt name', 'readmask=a', 'readmask', /^unknown query parameter, did you mean 'readMask'\?$/],
  [
    'a misspelt name inside of a message',
    'price_range.min_valu=1',
    'price_range.min_valu',
    /^unknown query parameter, did you mean 'price_range\.min_value'\?$/,
  ],
  ['a name like none', 'zzzzzz=1', 'zzzzzz', /^unknown query parameter$/],
  [
    'a message instead of its fields',
    'price_range={}',
    'price_range',
    /^not a query parameter, because its type is search\.v1\.Range; expected price_range\.min_value, price_range\.max_value$/,
  ],
];

for (const [fact, query, field, says] of refused) {
  test.serial(`refused: ${fact}`, async (t) => {
    const { send, upstream } = await started;
    const before = upstream.calls.length;
    const answer = await send('GET', `/find?${query}`);
    t.is(answer.status, 400, answer.text);
    t.is(answer.json.code, 3);
    const violation = answer.json.details[0].fieldViolations[0];
    t.is(violation.field, field);
    t.regex(violation.description, says);
    t.is(upstream.calls.length, before);
  });
}

test.serial('fields that the path sets are not suggested for the query', async (t) => {
  const { send } = await started;
  t.is((await send('GET', '/find/x?texd=1')).json.message, 'texd: unknown query parameter');
});

test('query.unknown: ignore drops unknown parameters', async (t) => {
  const { send, upstream } = await startGateway(t, SEARCH, {}, { query: { unknown: 'ignore' } });
  t.is((await send('GET', '/find?colour=RED&i32=1')).status, 200);
  t.deepEqual(upstream.last().request, { i32: 1 });
});

test.serial('10,000 query parameters do not fit the head: 431', async (t) => {
  const { send } = await started;
  const { status, json } = await send('GET', `/find?${'ids=1&'.repeat(10_000)}`);
  t.is(status, 431);
  t.is(json.code, 8);
});
