/** This module has the kinds of policy that are a single value: `timeout`, `max_request_bytes` and `success_status`. */
import { z } from 'zod';
import { durationAboveZero, size } from '../../base/values.js';
import { durationText, policyKind } from '../kind.js';

export const timeout = policyKind({
  key: 'timeout',
  schema: durationAboveZero.describe('Deadline of the call.'),
  fromOption: (policy) => durationText(policy, 'timeout'),
  notes: () => [],
});

export const maxRequestBytes = policyKind({
  key: 'maxRequestBytes',
  schema: size.describe('Of a request body, also of one that streams; more is 413.'),
  fromOption: (policy) => policy.integer('max_request_bytes') || undefined,
  notes: () => [],
});

export const successStatus = policyKind({
  key: 'successStatus',
  schema: z.int().min(200).max(299).describe('HTTP status of an OK.'),
  fromOption: (policy) => policy.integer('success_status') || undefined,
  notes: () => [],
});
