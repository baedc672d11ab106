/**
 * A field's declared default (`[default = 7]`, of proto2 and editions) as the text of its ProtoJSON value: a number, `NaN`,
 * the name of an enum value, base64.
 */
import type { TypeReference } from './declaration.js';
import type { ScalarType } from './descriptor.js';
import { unescaped } from './string-escapes.js';
import type { ValueNode } from './syntax-tree.js';

type DeclaredType = ScalarType | TypeReference;

/** As it is written; undefined: it is no value of the type. */
export function parsedDefault({ value, bytes }: ValueNode, type: DeclaredType): string | undefined {
  const isName = typeof type !== 'string' || type === 'string' || type === 'bytes';
  if (isName ? typeof value !== 'string' : VALUES.get(type.replace(/\d+$/, ''))?.test(String(value)) === false) return;
  return type === 'bytes' ? (bytes ?? Buffer.from(String(value))).toString('base64') : numberText(value, type);
}

const SIGNED = /^-?\d+$/;
const UNSIGNED = /^\d+$/;
/** What numbers and bools are as text; a float comes as a number or a word. */
const FLOAT = /^(?:-?(?:\d[\d.e+-]*|inf|nan)|-?Infinity)$/;
const VALUES: ReadonlyMap<string, RegExp> = new Map([
  ['int', SIGNED],
  ['sint', SIGNED],
  ['sfixed', SIGNED],
  ['uint', UNSIGNED],
  ['fixed', UNSIGNED],
  ['float', FLOAT],
  ['double', FLOAT],
  ['bool', /^(?:true|false)$/],
]);

/** As a descriptor has it (descriptor.proto: `default_value`): bytes with C's escapes. */
export function describedDefault(text: string, type: DeclaredType): string {
  return type === 'bytes' ? unescaped(text).toString('base64') : numberText(text, type);
}

/** Of floats and doubles as JavaScript writes them; all else is as it is. */
function numberText(value: ValueNode['value'], type: DeclaredType): string {
  if (type !== 'float' && type !== 'double') return String(value);
  const double = INFINITE.get(String(value)) ?? Number(value);
  // Compilers write as many digits of a float as they like.
  const number = type === 'float' ? Math.fround(double) : double;
  return Object.is(number, -0) ? '-0' : String(number);
}

const INFINITE: ReadonlyMap<string, number> = new Map([
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);
