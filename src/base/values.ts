/** Schemas of values that several blocks of the config use: durations, sizes, ports, names of headers. */
import * as z from 'zod';
import { parseDuration } from './duration.js';
import { parseSize } from './size.js';

/** Patterns for the JSON Schema of the config. */
export const DURATION_PATTERN = '^\\d+(\\.\\d+)?(ms|s|m|h)$';
export const DURATION_ABOVE_ZERO_PATTERN = '^(?=.*[1-9])\\d+(\\.\\d+)?(ms|s|m|h)$';

const DURATION = { error: 'expected a duration such as 300ms, 2s or 1m' };

/** A duration such as `300ms`, `2s` or `1m`. The output is in milliseconds. */
export const duration = z
  .string(DURATION)
  .refine((text) => parseDuration(text) !== undefined, DURATION)
  .meta({ pattern: DURATION_PATTERN })
  .transform((text) => parseDuration(text) ?? 0);

/** A duration for settings in which 0 would be a mistake, such as a time-out. */
export const durationAboveZero = duration
  .refine((ms) => ms > 0, { error: 'expected a duration greater than 0, such as 2s' })
  .meta({ pattern: DURATION_ABOVE_ZERO_PATTERN });

const SIZE = { error: 'expected a size such as 16KiB or 4MiB' };

/** A size such as `4MiB`, or a number of bytes. The output is in bytes. */
export const size = z
  .union([z.string(), z.int().nonnegative()], SIZE)
  .refine((value) => parseSize(String(value)) !== undefined, SIZE)
  .refine((value) => parseSize(String(value)) !== 0, { error: 'expected a size greater than 0, such as 4MiB' })
  .transform((value) => parseSize(String(value)) ?? 0);

/**
 * The largest number of worker processes that can be configured. Machines for which protogate is made have fewer cores.
 */
export const MOST_WORKERS = 256;

const PORT = { error: 'expected a port from 0 to 65535' };

export const port = z.int(PORT).min(0, PORT).max(65_535, PORT);

/** The name of a header (RFC 9110 §5.1), converted to lower case. */
export const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of a header' })
  .transform((name) => name.toLowerCase());

/** The name of a header, or the beginning of one followed by `*`, which stands for any rest. */
export const headerPattern = z.string().regex(/^(?:\*|[!#$%&'+.^_`|~0-9A-Za-z-]+\*?)$/, {
  error: 'expected the name of a header, or a prefix of names that ends in *',
});
