/** The schemas of those settings of an upstream that protect it, and its clients, while it is slow or fails. */
import * as z from 'zod';
import { durationAboveZero } from '../base/values.js';

export const circuitBreaker = z
  .strictObject({
    failureRatio: z
      .number()
      .gt(0)
      .max(1)
      .default(0.5)
      .describe('The share of failed calls in the window that opens the circuit.'),
    minRequests: z
      .int()
      .positive()
      .default(20)
      .describe('How many calls of the method there must be in the window. With fewer calls the circuit stays closed.'),
    window: durationAboveZero.prefault('10s').describe('The time in which calls and failures are counted.'),
    openFor: durationAboveZero
      .prefault('5s')
      .describe('How long calls are refused before one call is sent as a probe. If it succeeds, the circuit closes.'),
    slowAfter: durationAboveZero
      .optional()
      .describe(
        'A unary call that takes this long or longer counts as failed, even if it succeeds. Without this key, slow calls do not count as failed.',
      ),
  })
  .transform(({ failureRatio, minRequests, window, openFor, slowAfter }) => ({
    failureRatio,
    minRequests,
    windowMs: window,
    openForMs: openFor,
    slowAfterMs: slowAfter,
  }))
  .optional()
  .describe(
    'Refuses the calls of a method with 503 while too many of them fail. UNAVAILABLE counts as a failure, and DEADLINE_EXCEEDED unless the deadline was that of the client.',
  );

export const hedge = z
  .strictObject({
    after: durationAboveZero.describe('How long the first call may take before the second one is sent.'),
  })
  .optional()
  .describe(
    'Sends a slow unary call that only reads (a GET rule or `NO_SIDE_EFFECTS`) a second time, within the budget of retries. The first answer counts. The `hedgeAfter` of a policy wins.',
  );

export const maxConcurrent = z
  .int()
  .positive()
  .max(1_000_000)
  .optional()
  .describe(
    'How many unary calls may run at once in each worker, and how many streams. The same number of further calls may wait, each for at most 100 ms. All others get 503.',
  );
