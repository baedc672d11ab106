/**
 * This module is the layer that refuses calls while their circuit breaker is open, and reports the results of other calls to
 * the breaker. Only failures of the upstream count: it cannot be reached, answers UNAVAILABLE, or does not answer within a
 * deadline that the gateway has set. Clients can cause other failures on purpose, and must not be able to open the circuit for
 * all other clients.
 */
import type { Clock } from '../base/clock.js';
import { type CallRequest, type CallResponse, type Interceptor, isStreaming } from '../call/call.js';
import { Code } from '../status/code.js';
import { retryInfoDetail } from '../status/details.js';
import { gatewayError, StatusError } from '../status/status-error.js';
import type { Breaker, BreakerSettings, Pass } from './breaker.js';
import { type Verdict, verdictOf } from './outcome.js';

export interface CircuitOptions {
  readonly clock: Clock;
  /** Called for each call that is refused. */
  readonly onRefusal: () => void;
}

export function circuitBreaking(
  breaker: Breaker,
  settings: BreakerSettings,
  { clock, onRefusal }: CircuitOptions,
): Interceptor {
  const { slowAfterMs, openForMs } = settings;

  return (next) => (request) => {
    const pass = breaker.admit();
    if (pass === undefined) {
      onRefusal();
      return Promise.reject(circuitOpen(breaker.waitMs()));
    }
    return isStreaming(request.method) ? stream(next(request), request, pass) : unary(next(request), request, pass);
  };

  function unary(answer: Promise<CallResponse>, request: CallRequest, pass: Pass): Promise<CallResponse> {
    const begunAt = slowAfterMs === undefined ? 0 : clock.monotonic();
    const isSlow = () => slowAfterMs !== undefined && clock.monotonic() - begunAt >= slowAfterMs;
    return answer.then(
      (response) => {
        breaker.report(pass, isSlow() ? 'failed' : 'answered', settings);
        return response;
      },
      (error: unknown) => {
        const verdict = failureVerdict(error, request);
        breaker.report(pass, verdict === 'answered' && isSlow() ? 'failed' : verdict, settings);
        throw error;
      },
    );
  }

  /**
   * Returns the response of a stream, and reports its result: it is a success when it has begun. Later failures do not count:
   * when a server restarts, all of its streams fail at once, and their clients should be able to open them again. A server may
   * send nothing at first, so a probe also counts as a success if it has not failed within `openFor`.
   */
  async function stream(answer: Promise<CallResponse>, request: CallRequest, pass: Pass): Promise<CallResponse> {
    const cancel = breaker.isProbing
      ? clock.after(openForMs, () => breaker.report(pass, 'answered', settings))
      : undefined;
    try {
      const response = await answer;
      breaker.report(pass, 'answered', settings);
      return response;
    } catch (error) {
      breaker.report(pass, failureVerdict(error, request), settings);
      throw error;
    } finally {
      cancel?.();
    }
  }
}

/** Returns what the error of a call shows about the upstream: `failed`, `answered` or `unknown`. */
function failureVerdict(error: unknown, { deadline }: CallRequest): Verdict {
  if (error instanceof StatusError) {
    if (error.source === 'gateway') return 'unknown';
    // A server often reports that the deadline has passed a moment before the gateway's own timer ends the call.
    if (error.code === Code.DEADLINE_EXCEEDED) return deadline?.owner === 'client' ? 'unknown' : 'failed';
  }
  return verdictOf(error);
}

function circuitOpen(waitMs: number): StatusError {
  return gatewayError('CIRCUIT_OPEN', 'the service has failed too often, and calls to it are paused', {
    details: [retryInfoDetail(Math.ceil(waitMs))],
  });
}
