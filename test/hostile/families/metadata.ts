/** Headers that have a meaning for a call: binary metadata, time limits, and those that no client may set. */
import type { TestGateway } from '../../support/gateway.js';
import { sharedApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { http1Case } from '../http1.js';

const SEES = { name: 'things/1' };
const withHeader = (line: string) => `GET /v1/things/1 HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;

export const binaryMetadata: Family = {
  name: 'binary metadata',
  async cases(t) {
    return [...binaryCases(await sharedApi(t))];
  },
};

export const timeouts: Family = {
  name: 'time limits of clients',
  async cases(t) {
    return [...timeoutCases(await sharedApi(t))];
  },
};

export const identity: Family = {
  name: 'headers that no client may set',
  async cases(t) {
    return [...identityCases(await sharedApi(t))];
  },
};

/** Base64 by RFC 4648 §4, padded or not; the unused bits of the last character are not checked. */
function isBase64(text: string): boolean {
  const bare = text.replace(/={1,2}$/, '');
  const pads = text.length - bare.length;
  if (!/^[A-Za-z0-9+/]*$/.test(bare) || bare.length % 4 === 1) return false;
  return pads === 0 || (bare.length + pads) % 4 === 0;
}

function* binaryCases(gateway: TestGateway): Generator<Case> {
  const values = new Set<string>();
  for (const bare of ['', 'A', 'AB', 'ABC', 'ABCD', 'ABCDE', 'ABCDEF', 'ABCDEFG', 'ABCDEFGH'])
    for (const pad of ['', '=', '==', '===', '====']) values.add(bare + pad);
  // Each place of a good value gets each character that is none of base64, or a pad.
  for (const char of ['=', '-', '_', ' ', '.', '!', '%', '*', '"', '\\', '~', '{'])
    for (let at = 0; at <= 4; at++) values.add(`${'ABCD'.slice(0, at)}${char}${'ABCD'.slice(at)}`);
  for (const value of ['AA==', 'AB==', 'A/+=', 'a+/b', 'AA==AA==', '=AAA', 'AA=A', 'QUJD', '////', '++++',
    'AAAA,BBBB', 'AA==,AA', ',', 'AAAA,', 'AAAA,A', 'AAAA,=', 'AAAA;BBBB'])
    values.add(value);
  for (const value of values) {
    const isGood = value.split(',').every((one) => isBase64(one.trim()));
    for (const name of ['x-data-bin', 'Grpc-Metadata-Data-Bin'])
      yield http1Case(gateway, {
        fact: `${name}: ${shown(value)}`,
        bytes: withHeader(`${name}: ${value}`),
        status: isGood ? 200 : 400,
        ...(isGood ? { sees: SEES } : { reason: 'INVALID_METADATA' }),
        ends: false,
      });
  }
}

function* timeoutCases(gateway: TestGateway): Generator<Case> {
  const one = (name: string, value: string, isGood: boolean) =>
    http1Case(gateway, {
      fact: `${name}: ${shown(value)}`,
      bytes: withHeader(`${name}: ${value}`),
      status: isGood ? 200 : 400,
      ...(isGood ? { sees: SEES } : { reason: 'INVALID_TIMEOUT' }),
      ends: false,
    });
  for (const unit of ['H', 'M', 'S', 'm', 'u', 'n', 'h', 's', 'U', 'N', 'd', 'ms', 'µ'.replace('µ', 'us'), '', ' S',
    'S ', 'SS']) {
    for (const digits of ['1', '90', '99999999', '999999999', '00000090', '-1', '+1', '1.5', '1e3', '0x1', '', ' 1',
      '1 ', '1,1', 'a', `${'１'.normalize('NFKC')}_`]) {
      const value = `${digits}${unit}`;
      const isGood = /^\d{1,8}[HMSmun]$/.test(value.trim());
      // Those that are right and short pass before the call ends.
      if (isGood && (unit === 'u' || unit === 'n' || (unit === 'm' && digits === '1'))) continue;
      if (value.trim() === value) yield one('grpc-timeout', value, isGood);
    }
  }
  for (const value of ['1', '5', '0.9', '99999999', '1.000000001', '00001', '1.50', '0000.9'])
    yield one('x-request-timeout', value, true);
  for (const value of ['', '-1', '+1', '1.', '.5', '1.0000000001', '100000000', '1e3', '0x1', 'NaN', 'Infinity',
    '1s', '1 s', '1,5', '1.5.5', '--1', 'a', '1;2', '1_0', '"1"', 'true', 'null'])
    yield one('x-request-timeout', value, false);
  yield http1Case(gateway, { fact: 'a bad one beside a good one',
    bytes: withHeader('grpc-timeout: 5S\r\nx-request-timeout: x'), status: 400, reason: 'INVALID_TIMEOUT',
    ends: false });
  yield http1Case(gateway, { fact: 'two of them', bytes: withHeader('grpc-timeout: 5S\r\ngrpc-timeout: 6S'),
    status: [200, 400], ends: false, sees: 'at most once' });
}

const NEVER = [
  'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'x-forwarded-anything',
    'x-real-ip', 'x-request-id', 'forwarded', 'te', 'host', 'grpc-status', 'grpc-message', 'grpc-encoding',
    'grpc-timeout-x',
  'authorization', 'content-type', 'user-agent', 'connection', 'traceparent', 'tracestate',
];

/** No client sets these upstream, with a prefix or without, with `_` for `-`, in any case. */
function* identityCases(gateway: TestGateway): Generator<Case> {
  const seen = new Map<string, true>();
  for (const key of NEVER) {
    for (const name of [key, key.toUpperCase(), key.replaceAll('-', '_'), `grpc-metadata-${key}`,
      `Grpc-Metadata-${key.replaceAll('-', '_')}`, `grpc-metadata-grpc-metadata-${key}`]) {
      const lower = name.toLowerCase();
      if (seen.has(lower) || /^(host|te|connection|content-type)$/.test(lower)) continue;
      seen.set(lower, true);
      yield {
        fact: `${name} from a client`,
        async attempt() {
          const verdict = await http1Case(gateway, {
            fact: name,
            bytes: withHeader(`${name}: forged-value`),
            status: [200, 400],
            ends: 'either',
            sees: 'at most once',
          }).attempt();
          if (verdict !== undefined) return verdict;
          // The name with two prefixes is a name that nobody knows.
          if (lower.startsWith('grpc-metadata-grpc-metadata-')) return undefined;
          for (const call of gateway.upstream.calls) {
            const found = Object.entries(call.metadata.getMap()).find(([,
              value]) => String(value).includes('forged-value'));
            if (found !== undefined) return `the upstream saw ${found[0]}: ${found[1]}`;
          }
          return undefined;
        },
      };
    }
  }
}
