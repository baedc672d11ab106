/** This module writes the JSON of an unset scalar whose proto declares a default (`[default = 7]`). */
import type { ScalarType } from '../../../src/schema/descriptor.js';
import { floatJson, numberJson } from './scalar-writer.js';

/** Returns a declared default as JSON. `text` is the default in the field's descriptor. */
export function declaredDefault(scalar: ScalarType, text: string): string {
  if (scalar === 'string' || scalar === 'bytes' || scalar.endsWith('64')) return JSON.stringify(text);
  if (scalar === 'float') return floatJson(Number(text));
  return scalar === 'double' ? numberJson(Number(text)) : text;
}
