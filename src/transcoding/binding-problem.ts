/** What the codec says of a path or query value, turned into the client's 400: which parameter, expected, found. */
import { BindError } from '../codec/bound.js';
import { invalidRequest, type StatusError } from '../status/status-error.js';

/** The client's 400 for a parameter of the query. */
export function queryViolation(parameter: string, description: string): StatusError {
  return invalidRequest('INVALID_QUERY', [{ field: parameter.slice(0, 80), description }]);
}

/** Errors that are not about the value are given back as they are. */
export function bindingProblem(parameter: string, error: unknown, reason = 'INVALID_QUERY'): StatusError | unknown {
  if (!(error instanceof BindError)) return error;
  return invalidRequest(reason, [{ field: parameter.slice(0, 80), description: error.message }]);
}
