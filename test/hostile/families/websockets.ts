/** WebSockets: handshakes, and frames of every opcode, flag and length (RFC 6455 §4.2 and §5). */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestGateway } from '../../support/gateway.js';
import { BODY_BYTES, sharedApi } from '../api.js';
import { type Case, type Family, patience, shown } from '../family.js';
import { http1Case } from '../http1.js';

export const handshakes: Family = {
  name: 'handshakes of WebSockets',
  async cases(t) {
    return [...handshakeCases(await sharedApi(t))];
  },
};

export const frames: Family = {
  name: 'frames of WebSockets',
  async cases(t) {
    return [...frameCases(await sharedApi(t))];
  },
};

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

function handshake(changes: Readonly<Record<string, string | undefined>>, line = 'GET /v1/chat HTTP/1.1'): string {
  const headers = { Host: 'a', Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY, ...changes };
  const lines = Object.entries(headers).filter(([, value]) => value !== undefined).map(([name,
    value]) => `${name}: ${value}`);
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`;
}

function* handshakeCases(gateway: TestGateway): Generator<Case> {
  const one = (fact: string, changes: Readonly<Record<string, string | undefined>>, status: number | number[],
    line?: string) =>
    http1Case(gateway, { fact, bytes: handshake(changes, line), status, ends: true,
      also: ({ body }) => (body.length === 0 ? 'an error without a body' : undefined) });
  for (const key of ['', 'x', 'AAAA', KEY.slice(0, -2), `${KEY}=`, KEY.replace('=', '!'), 'A'.repeat(24),
    `${KEY}, ${KEY}`, 'dGhlIHNhbXBsZSBub25jZQ', '\xff'.repeat(24), ' '])
    yield one(`the key ${shown(key)}`, { 'Sec-WebSocket-Key': key }, 400);
  yield one('no key', { 'Sec-WebSocket-Key': undefined }, 400);
  yield one('two keys', { 'Sec-WebSocket-Key': `${KEY}\r\nSec-WebSocket-Key: ${KEY}` }, 400);
  for (const version of ['', '0', '7', '12', '14', '-13', '013', '8', '13, 8', '8, 13', '13.0', 'x', '1e1', '0x0d'])
    yield one(`the version ${shown(version)}`, { 'Sec-WebSocket-Version': version }, [400, 426]);
  yield one('no version', { 'Sec-WebSocket-Version': undefined }, [400, 426]);
  for (const origin of ['https://evil.example', 'null', '', 'http://app.example.com',
    'https://app.example.com.evil.example', '*'])
    yield one(`the origin ${shown(origin)}`, { Origin: origin }, 403);
  for (const [path, status] of [['/nowhere', 404], ['/v1/things/1', 404], ['/v1/all', 404], ['/', 404],
    ['/v1/files/..', 400], ['/v1/chat?nope=1', 400], ['/v1/chat?name=%ff', 400], ['/v1/%', 400]] as const)
    yield one(`a WebSocket at ${path}`, {}, status, `GET ${path} HTTP/1.1`);
  for (const [fact, host] of [['two hosts', 'a\r\nHost: a'], ['a bad host', 'a b']] as const) yield one(fact,
    { Host: host }, 400);
  yield one('no host', { Host: undefined }, 400);
  for (const value of ['1x', '-1']) yield one(`x-request-timeout: ${value}`, { 'x-request-timeout': value }, 400);
  yield one('binary metadata that is none', { 'x-a-bin': '=' }, 400);
  for (const protocol of ['', ',', 'a,,b', 'a a', 'a,a', '\xff', '"a"', 'a/b'])
    yield one(`the subprotocol ${shown(protocol)}`, { 'Sec-WebSocket-Protocol': protocol }, 400);
  // A request that is no handshake is served as plain HTTP; POST /v1/chat has no GET.
  for (const [fact, changes, line] of [['another upgrade', { Upgrade: 'h2c' }], ['a list of upgrades',
    { Upgrade: 'websocket, h2c' }], ['no upgrade', { Upgrade: undefined }], ['an upgrade in quotes',
    { Upgrade: '"websocket"' }], ['no connection', { Connection: undefined }], ['HTTP/1.0', {},
    'GET /v1/chat HTTP/1.0']] as const)
    yield http1Case(gateway, { fact: `a handshake with ${fact}`, bytes: handshake(changes as never, line),
      status: [400, 405], ends: 'either' });
  for (const method of ['POST', 'PUT', 'HEAD', 'OPTIONS'])
    yield http1Case(gateway, { fact: `a handshake with ${method}`, bytes: handshake({},
      `${method} /v1/things/1 HTTP/1.1`), status: [200, 204, 400, 405], ends: 'either', sees: 'at most once' });
}

interface Frame {
  readonly opcode: number;
  readonly payload?: Buffer;
  readonly isLast?: boolean;
  readonly reserved?: number;
  readonly isMasked?: boolean;
  /** The length that the frame announces, in a form of 7, 16 or 64 bits. */
  readonly announced?: readonly [bits: 7 | 16 | 64, length: bigint];
}

function frame({ opcode, payload = Buffer.alloc(0), isLast = true, reserved = 0, isMasked = true,
  announced }: Frame): Buffer {
  const length = announced?.[1] ?? BigInt(payload.length);
  const bits = announced?.[0] ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const head = Buffer.alloc(2 + (bits === 16 ? 2 : bits === 64 ? 8 : 0));
  head[0] = (isLast ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(Number(length), 2);
  if (bits === 64) head.writeBigUInt64BE(BigInt.asUintN(64, length), 2);
  const mask = Buffer.from([1, 2, 3, 4]);
  return isMasked ? Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i % 4]!)]) : Buffer.concat([head,
    payload]);
}

const TEXT = 1;
const CLOSE = 8;
/** Stands for a connection that ended without a close frame (RFC 6455 §7.1.5). */
const ABNORMAL = 1006;
const text = (value: string) => frame({ opcode: TEXT, payload: Buffer.from(value) });
const GOOD = text('{"name":"a"}');
const BYE = frame({ opcode: CLOSE, payload: Buffer.from([3, 232]) });

function* frameCases(gateway: TestGateway): Generator<Case> {
  const one = (fact: string, bytes: Buffer, codes: readonly number[]): Case => ({
    fact,
    async attempt() {
      const found = await closeCode(gateway.port, bytes);
      return typeof found === 'string' ? found : codes.includes(found) ? undefined
        : `close code ${found} instead of ${codes.join(' or ')}`;
    },
  });
  yield one('a good message', Buffer.concat([GOOD, text('')]), [1000]);
  const small = Buffer.from('{}');
  for (let opcode = 0; opcode < 16; opcode++) {
    const isKnown = [1, 2, 8, 9, 10].includes(opcode);
    for (const reserved of [0, 1, 2, 4, 7])
      for (const isLast of [true, false])
        for (const isMasked of [true, false]) {
          const isGood = isKnown && reserved === 0 && isMasked && (isLast || opcode < 8);
          if (isGood) continue;
          yield one(`opcode ${opcode}, reserved ${reserved}, ${isLast ? 'last' : 'not last'}, ${isMasked ? 'masked' : 'not masked'}`,
            Buffer.concat([frame({ opcode, payload: small, isLast, reserved, isMasked }), BYE]), [1002]);
        }
  }
  for (const opcode of [8, 9, 10]) for (const length of [126,
    200]) yield one(`a control frame ${opcode} of ${length} bytes`, frame({ opcode, payload: Buffer.alloc(length) }),
    [1002]);
  for (const length of [BigInt(BODY_BYTES) + 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n,
    2n ** 64n - 1n]) yield one(`a frame of ${length} bytes`, frame({ opcode: TEXT, payload: small, announced: [64,
    length] }), [1009, 1002]);
  yield one('pieces that are too large together', Buffer.concat(Array.from({ length: 70 }, (_,
    i) => frame({ opcode: i === 0 ? TEXT : 0, payload: Buffer.alloc(1000, ' '), isLast: false }))), [1009]);
  for (const [bits, length] of [[16, 2n], [64, 2n]] as const) yield one(`a length of 2 in ${bits} bits`,
    Buffer.concat([frame({ opcode: TEXT, payload: small, announced: [bits, length] }), text('')]), [1000, 1002]);
  for (let code = 0; code <= 5000; code += code < 1000 ? 100 : code < 1020 ? 1 : 111) {
    const isGood = (code >= 1000 && code <= 1014 && ![1004, 1005,
      1006].includes(code)) || (code >= 3000 && code <= 4999);
    yield one(`the close code ${code}`, frame({ opcode: CLOSE, payload: Buffer.from([code >> 8, code & 255]) }),
      isGood ? [code, 1000] : [1002]);
  }
  yield one('a close frame of one byte', frame({ opcode: CLOSE, payload: Buffer.from([3]) }), [1002]);
  yield one('a close frame without a code', frame({ opcode: CLOSE }), [1000, 1005]);
  yield one('a reason that is not UTF-8', frame({ opcode: CLOSE, payload: Buffer.from([3, 232, 255]) }), [1007]);
  for (const bytes of ['ff', 'c0af', 'eda080', 'f4908080', 'c3', 'e282', '80', 'fe', 'f8a1a1a1a1'])
    yield one(`text of the bytes ${bytes}`, frame({ opcode: TEXT, payload: Buffer.concat([Buffer.from('{"name":"'),
      Buffer.from(bytes, 'hex'), Buffer.from('"}')]) }), [1007]);
  for (const message of ['{', '}', 'x', 'null', '1', '"a"', '[]', '{"nope":1}', '{"name":1}', '{"name":"a"}x',
    '{}{}', '{"name":"\\ud800"}', '{"name":"a","name":"b"}', '['.repeat(5000), '{"name":'.repeat(2000),
    '{"__proto__":1}', '{"constructor":{}}'])
    yield one(`the message ${shown(message)}`, text(message), [4003]);
  yield one('a wrong message behind a good one', Buffer.concat([GOOD, text('{')]), [4003]);
  yield one('a binary frame', frame({ opcode: 2, payload: small }), [4003]);
  yield one('a message behind the end', Buffer.concat([GOOD, text(''), GOOD]), [1000, 4003]);
  yield one('a message in pieces of one byte', Buffer.concat([...'{"name":"a"}'].map((char, i,
    all) => frame({ opcode: i === 0 ? TEXT : 0, payload: Buffer.from(char),
    isLast: i === all.length - 1 })).concat(text(''))), [1000]);
  yield one('a ping within a message', Buffer.concat([frame({ opcode: TEXT, payload: Buffer.from('{"name"'),
    isLast: false }), frame({ opcode: 9 }), frame({ opcode: 0, payload: Buffer.from(':"a"}') }), text('')]), [1000]);
  yield one('a message within a message', Buffer.concat([frame({ opcode: TEXT, payload: Buffer.from('{'),
    isLast: false }), GOOD]), [1002]);
  yield one('a thousand empty pieces', Buffer.concat([frame({ opcode: TEXT, payload: Buffer.from('{'),
    isLast: false }), ...Array.from({ length: 1000 }, () => frame({ opcode: 0, isLast: false })), frame({ opcode: 0,
    payload: Buffer.from('}') }), text('')]), [1000, 1008, 1009]);
  yield one('fifty pings', Buffer.concat([...Array.from({ length: 50 }, () => frame({ opcode: 9,
    payload: Buffer.alloc(100) })), text('')]), [1000]);
  // `ws` ends a connection on which more than 60 pongs wait.
  yield one('a thousand pings', Buffer.concat([...Array.from({ length: 1000 }, () => frame({ opcode: 9,
    payload: Buffer.alloc(100) })), text('')]), [1000, ABNORMAL]);
  yield one('HTTP instead of frames', Buffer.from('GET /v1/things/1 HTTP/1.1\r\nHost: a\r\n\r\n'), [1002]);
}

/** Opens a WebSocket and sends bytes. Resolves to the code of the close frame that comes, or to what is wrong. */
function closeCode(port: number, bytes: Buffer): Promise<number | string> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    let isOpen = false;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const timer = setTimeout(() => settle(`no end within ${patience.ms} ms`), patience.ms);
    const settle = (found: number | string) => {
      clearTimeout(timer);
      resolve(found);
      socket.destroy();
    };
    const end = () => settle(isOpen ? (codeIn(received) ?? ABNORMAL)
      : `no handshake: ${received.toString('latin1', 0, 40)}`);
    socket.on('error', end).on('end', end);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const headEnd = received.indexOf('\r\n\r\n');
      if (!isOpen && headEnd >= 0) {
        if (!received.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) return settle('the handshake was refused');
        isOpen = true;
        received = received.subarray(headEnd + 4);
        socket.write(bytes);
      }
      // A server closes the connection when it has sent and received a close frame; this client need not answer.
      if (isOpen && codeIn(received) !== undefined) void sleep(1).then(() => settle(codeIn(received)!));
    });
    socket.write(handshake({}));
  });
}

function codeIn(bytes: Buffer): number | undefined {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = bytes[at + 1]! & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (at + head > bytes.length) return undefined;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2))
      : short;
    if ((bytes[at]! & 0x0f) === CLOSE) return length >= 2 && at + head + 2 <= bytes.length ? bytes.readUInt16BE(
      at + head) : 1005;
    at += head + length;
  }
  return undefined;
}
