/**
 * This module turns an error of the codec about a path or query value into the client's 400, which names the parameter, what
 * was expected and what was found.
 */
import { BindError } from '../codec/bound.js';
import type { Reason } from '../status/reasons.js';
import { invalidRequest, type StatusError } from '../status/status-error.js';

/** Returns the client's 400 for a parameter of the query. */
export function queryViolation(parameter: string, description: string): StatusError {
  return invalidRequest('INVALID_QUERY', [{ field: parameter.slice(0, 80), description }]);
}

/** Returns the client's 400 for a BindError, which is about the value. Returns every other error unchanged. */
export function bindingProblem(
  parameter: string,
  error: unknown,
  reason: Reason = 'INVALID_QUERY',
): StatusError | unknown {
  if (!(error instanceof BindError)) return error;
  return invalidRequest(reason, [{ field: parameter.slice(0, 80), description: error.message }]);
}
