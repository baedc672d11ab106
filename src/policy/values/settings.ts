/** This module has the kinds of policy that are a single value: `timeout`, `max_request_bytes` and `success_status`. */
import * as z from 'zod';
import { formatDuration } from '../../base/duration.js';
import { durationAboveZero, size } from '../../base/values.js';
import { durationText, policyKind } from '../kind.js';

export const timeout = policyKind({
  key: 'timeout',
  schema: durationAboveZero.describe('The deadline of the call.'),
  fromOption: (policy) => durationText(policy, 'timeout'),
  notes: () => [],
  describe: (ms) => [formatDuration(ms)],
});

export const maxRequestBytes = policyKind({
  key: 'maxRequestBytes',
  schema: size.describe(
    'The largest request body. In a client stream, all messages together are one body. A larger body gets 413.',
  ),
  fromOption: (policy) => policy.integer('max_request_bytes') || undefined,
  notes: () => [],
  describe: (bytes) => [`${bytes} bytes`],
});

export const successStatus = policyKind({
  key: 'successStatus',
  schema: z.int().min(200).max(299).describe('The HTTP status of a successful answer.'),
  fromOption: (policy) => policy.integer('success_status') || undefined,
  notes: () => [],
  describe: (status) => [String(status)],
});
