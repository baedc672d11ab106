/** The values that several blocks of the config have in common, as people write them. */
import { z } from 'zod';
import { parseDuration } from '../base/duration.js';
import { parseSize } from '../base/size.js';

/** `300ms`, `2s`, `1m` → milliseconds. */
export const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, { error: 'expected a duration such as 300ms, 2s or 1m' })
  .meta({ pattern: '^\\d+(\\.\\d+)?(ms|s|m|h)$' })
  .transform((text) => parseDuration(text) ?? 0);

/** `4MiB`, or a number of bytes → bytes. */
export const size = z
  .union([z.string(), z.int().nonnegative()], { error: 'expected a size such as 16KiB or 4MiB' })
  .refine((value) => parseSize(String(value)) !== undefined, { error: 'expected a size such as 16KiB or 4MiB' })
  .transform((value) => parseSize(String(value)) ?? 0);

/** More than any machine that this was made for has cores. */
export const MOST_WORKERS = 256;

export const port = z.int().min(0).max(65_535);

/** A header's name (RFC 9110 §5.1) → in lower case. */
export const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of a header' })
  .transform((name) => name.toLowerCase());
