/** Schemas of values that several parts of the config use: durations, sizes, ports, header names. */
import * as z from 'zod';
import { parseDuration } from './duration.js';
import { parseSize } from './size.js';

/** The pattern of a duration, for the JSON Schema of the config. */
export const DURATION_PATTERN = '^\\d+(\\.\\d+)?(ms|s|m|h)$';
/** The pattern of a duration that is longer than 0. */
export const DURATION_ABOVE_ZERO_PATTERN = '^(?=.*[1-9])\\d+(\\.\\d+)?(ms|s|m|h)$';

const DURATION = { error: 'expected a duration such as 300ms, 2s or 1m' };

/** The schema of a duration such as `300ms`, `2s` or `1m`. Its output is in milliseconds. */
export const duration = z
  .string(DURATION)
  .refine((text) => parseDuration(text) !== undefined, DURATION)
  .meta({ pattern: DURATION_PATTERN })
  .transform((text) => parseDuration(text) ?? 0);

/** The schema of a duration for settings in which 0 would be a mistake, such as a time-out. Its output is in milliseconds. */
export const durationAboveZero = duration
  .refine((ms) => ms > 0, { error: 'expected a duration greater than 0, such as 2s' })
  .meta({ pattern: DURATION_ABOVE_ZERO_PATTERN });

const SIZE = { error: 'expected a size such as 16KiB or 4MiB' };

/** The schema of a size such as `4MiB`, or a number of bytes. Its output is in bytes. */
export const size = z
  .union([z.string(), z.int().nonnegative()], SIZE)
  .refine((value) => parseSize(String(value)) !== undefined, SIZE)
  .refine((value) => parseSize(String(value)) !== 0, { error: 'expected a size greater than 0, such as 4MiB' })
  .transform((value) => parseSize(String(value)) ?? 0);

/** The largest number of worker processes that can be configured. The machines that protogate is made for have fewer cores. */
export const MOST_WORKERS = 256;

const PORT = { error: 'expected a port from 0 to 65535' };

export const port = z.int(PORT).min(0, PORT).max(65_535, PORT);

/** The schema of a header name (RFC 9110 §5.1). Its output is in lower case. */
export const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of a header' })
  .transform((name) => name.toLowerCase());

/** The schema of a header name, or of a prefix followed by `*`, which stands for any rest of the name. */
export const headerPattern = z.string().regex(/^(?:\*|[!#$%&'+.^_`|~0-9A-Za-z-]+\*?)$/, {
  error: 'expected the name of a header, or a prefix of names that ends in *',
});
