/**
 * A field's declared default (`[default = 7]`, of proto2 and editions) as the text of its ProtoJSON value: a number, `NaN`,
 * the name of an enum value, base64.
 */
import type { TypeReference } from './declaration.js';
import type { ScalarType } from './descriptor.js';

type DeclaredType = ScalarType | TypeReference;

/** As the parser gives it, to which a whole number is a double: `literal` is asked for what that cannot hold. */
export function parsedDefault(value: unknown, type: DeclaredType, literal: () => string | undefined): string {
  if (type === 'bytes') return Buffer.from(String(value), 'latin1').toString('base64');
  const isWide = typeof type === 'string' && type.endsWith('64');
  const isExact = typeof value !== 'number' || Number.isSafeInteger(value);
  return (isWide && !isExact ? wholeText(literal() ?? '') : undefined) ?? String(value);
}

/** `-0x10`, `017`: in decimals; undefined: it is no whole number. */
function wholeText(literal: string): string | undefined {
  const [, sign = '', digits = ''] = /^(-?)\s*(\w+)$/.exec(literal) ?? [];
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  return /^(0[xX][0-9a-fA-F]+|0o[0-7]+|[1-9]\d*)$/.test(octal) ? `${sign}${BigInt(octal)}` : undefined;
}

/** As a descriptor has it (descriptor.proto: `default_value`): bytes with C's escapes. */
export function describedDefault(text: string, type: DeclaredType): string {
  if (type === 'bytes') return unescaped(text).toString('base64');
  return (type === 'float' || type === 'double' ? WORDS.get(text) : undefined) ?? text;
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['inf', 'Infinity'],
  ['-inf', '-Infinity'],
  ['nan', 'NaN'],
]);

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

function unescaped(text: string): Buffer {
  const bytes = text.replace(/\\([0-7]{1,3}|.)/gs, (_, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8) & 0xff) : (ESCAPES.get(code) ?? code),
  );
  return Buffer.from(bytes, 'latin1');
}
