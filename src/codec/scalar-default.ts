/** This module writes the JSON of an unset scalar: the default that its proto declares (`[default = 7]`), or that of its type. */
import type { ScalarType } from '../schema/descriptor.js';
import { floatJson, numberJson } from './json-numbers.js';

/** Returns a default as JSON. `declared` is the default in the field's descriptor. */
export function scalarDefault(scalar: ScalarType, declared: string | undefined): string {
  if (declared === undefined) return zeroJson(scalar);
  if (scalar === 'string' || scalar === 'bytes' || scalar.endsWith('64')) return JSON.stringify(declared);
  if (scalar === 'float') return floatJson(Number(declared));
  return scalar === 'double' ? numberJson(Number(declared)) : declared;
}

function zeroJson(scalar: ScalarType): string {
  if (scalar === 'bool') return 'false';
  if (scalar === 'string' || scalar === 'bytes') return '""';
  return scalar.endsWith('64') ? '"0"' : '0';
}
