/**
 * This module turns a field's declared default (`[default = 7]` in proto2 and editions) into the text of its ProtoJSON
 * value: a number, `NaN`, the name of an enum value, or base64.
 */
import type { TypeReference } from './declaration.js';
import type { ScalarType } from './descriptor.js';
import { unescaped } from './string-escapes.js';
import type { ValueNode } from './syntax-tree.js';

type DeclaredType = ScalarType | TypeReference;

/** Returns the text of a default that is written in a `.proto` file. Undefined when it is not a value of the type. */
export function parsedDefault({ value, bytes }: ValueNode, type: DeclaredType): string | undefined {
  const isName = typeof type !== 'string' || type === 'string' || type === 'bytes';
  if (isName ? typeof value !== 'string' : VALUES.get(type.replace(/\d+$/, ''))?.test(String(value)) === false) return;
  return type === 'bytes' ? (bytes ?? Buffer.from(String(value))).toString('base64') : numberText(value, type);
}

const SIGNED = /^-?\d+$/;
const UNSIGNED = /^\d+$/;
/** Matches the text of a float: a number, or a word such as `inf`. */
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

/** Returns the text of a default in a descriptor, in which bytes have C escapes (descriptor.proto: `default_value`). */
export function describedDefault(text: string, type: DeclaredType): string {
  return type === 'bytes' ? unescaped(text).toString('base64') : numberText(text, type);
}

/**
 * Returns the text of a number. Floats and doubles are written as JavaScript does; all other values stay as they are.
 */
function numberText(value: ValueNode['value'], type: DeclaredType): string {
  if (type !== 'float' && type !== 'double') return String(value);
  const double = INFINITE.get(String(value)) ?? Number(value);
  // Compilers write a float with more or fewer digits, so it is rounded to 32 bits first.
  const number = type === 'float' ? Math.fround(double) : double;
  return Object.is(number, -0) ? '-0' : String(number);
}

const INFINITE: ReadonlyMap<string, number> = new Map([
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);
