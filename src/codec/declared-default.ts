/** What an unset scalar is worth whose proto declares it (`[default = 7]`), as JSON. */
import type { ScalarType } from '../schema/descriptor.js';
import { floatJson, numberJson } from './scalar-writer.js';

/** `text`: as a field's descriptor has it. */
export function declaredDefault(scalar: ScalarType, text: string): string {
  if (scalar === 'string' || scalar === 'bytes' || scalar.endsWith('64')) return JSON.stringify(text);
  if (scalar === 'float') return floatJson(Number(text));
  return scalar === 'double' ? numberJson(Number(text)) : text;
}
