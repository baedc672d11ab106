/**
 * This module runs the plan of an aggregate as a Call: it takes the bytes of the request and returns the bytes of the
 * merged answer. A step starts when all steps that it needs have ended. If a required step fails, its failure is the
 * answer, and the calls that still run are cancelled. The failure of an optional step is reported in the answer, next
 * to the other parts.
 */
import type { Clock } from '../base/clock.js';
import type { Span } from '../base/span.js';
import {
  type Call,
  type CallContext,
  type CallRequest,
  type CallResponse,
  type Interceptor,
  intercept,
} from '../call/call.js';
import { deadlineAfter, earliest } from '../call/deadline.js';
import { isForOneRequest } from '../call/for-one-request.js';
import { NO_METADATA } from '../call/metadata.js';
import { parseFieldMask } from '../codec/field-mask.js';
import { fieldValues } from '../codec/field-values.js';
import { validateWire } from '../codec/validate.js';
import { BrokenWire } from '../codec/wire-reader.js';
import type { FieldDescriptor, MethodDescriptor } from '../schema/descriptor.js';
import { clientText, type ExposedCodes } from '../status/client-text.js';
import { StatusError } from '../status/status-error.js';
import { answerTooLarge, brokenAnswer, cancelled } from '../upstream/failure.js';
import { Draft, MissingPart } from './answer-draft.js';
import { callForEach, type ElementCalls } from './calls-for-each.js';
import { copyStep } from './copy-step.js';
import { type FailurePlace, failurePath, Positions, pathWithin } from './failure-path.js';
import { mergedAnswer, type PartFailure } from './merge.js';
import { type Need, neededSteps } from './needed.js';
import type { AggregatePlan } from './plan-aggregate.js';
import type { Scope } from './reads.js';
import type { PlannedStep } from './step.js';
import { type Authorize, askDemands, compileDemands } from './step-demands.js';
import type { StepCall } from './step-source.js';

/** The call of a step, with its time limit and its checks. */
export interface StepCaller {
  readonly call: Call;
  /**
   * The time-out of the called method or of its upstream, in milliseconds. A time-out of the step itself takes
   * precedence.
   */
  readonly timeoutMs: number | undefined;
  /** Checks the caller for each call of the step; undefined when there is nothing to check for each call. */
  readonly authorize: Authorize | undefined;
}

export interface AggregateSettings {
  readonly plan: AggregatePlan;
  /** The steps that fill fields which the clients of the surface do not see. Their failures are not reported. */
  readonly hidden: ReadonlySet<number>;
  /** The field of the answer that clients see; undefined when they see all of it. */
  readonly responseBody: FieldDescriptor | undefined;
  /** The functions that make the calls of each step, by the step's index. Undefined for a step that copies. */
  readonly callers: readonly (StepCaller | undefined)[];
  /** The largest number of bytes that all answers of the calls may have together. */
  readonly maxResponseBytes: number;
  /** The most levels of nested messages that an answer may have. */
  readonly maxDepth: number;
  readonly exposed: ExposedCodes;
  readonly clock: Clock;
  /** The functions that record the time of each step, by the step's index. */
  readonly observers: readonly StepObserver[];
}

/** Two functions that record how long a step took, in seconds: one for success, one for failure. */
export type StepObserver = Readonly<Record<'ok' | 'failed', (seconds: number) => void>>;

/**
 * Returns the call that runs an aggregate. It rejects with PERMISSION_DENIED (403) if the caller may not call the method of a
 * required step or lacks a claim that the step needs, with the StatusError of the required step that fails first, and, if every
 * call failed, with the StatusError of the failed step that is declared first. The interceptors in `around` (a cache) run after
 * the checks of the caller that need no call, and before all calls.
 */
export function aggregateCall(settings: AggregateSettings, around: readonly Interceptor[]): Call {
  const { plan, callers, hidden } = settings;
  const demands = compileDemands(
    plan,
    callers.map((caller) => caller?.authorize),
  );
  const { askFirst } = demands;
  const everything = neededSteps(plan, undefined, demands, hidden);
  const call = intercept(async function aggregate(request) {
    const { mask } = request.context;
    const needed =
      mask === undefined ? everything : neededSteps(plan, parseFieldMask(mask, plan.method.output), demands, hidden);
    return new Run(settings, request, needed).answer();
  }, around);
  if (askFirst === undefined) return call;
  return async function demanding(request) {
    askFirst(messageOf(request), request.context.principal);
    return call(request);
  };
}

function messageOf({ message }: CallRequest): Uint8Array {
  if (message instanceof Uint8Array) return message;
  throw new TypeError('expected one message, an aggregate is unary');
}

class Run implements ElementCalls {
  readonly scope: Scope & { readonly results: (readonly Uint8Array[] | StatusError | undefined)[] };
  private failures: StepFailure[] = [];
  /** The controller that all calls share, so that one failure cancels all of them. */
  private readonly controller = new AbortController();
  /** The context of all calls. It has no `mask`, because only the aggregate itself leaves out fields. */
  private readonly context: CallContext;
  /** The spans of the steps, by the step's index. */
  private readonly spans: (Span | undefined)[] = [];
  private made = 0;
  private failed = 0;
  /** Indices of the steps of which a call failed. */
  private readonly failedSteps = new Set<number>();
  private bytes = 0;
  private forOneRequest = false;

  constructor(
    private readonly settings: AggregateSettings,
    private readonly request: CallRequest,
    private readonly needed: readonly Need[],
  ) {
    const { context } = request;
    const { mask: _, ...forCalls } = context;
    this.context = forCalls;
    const response = new Draft(settings.plan.shape);
    this.scope = { request: messageOf(request), response, results: [], caller: context.principal };
  }

  async answer(): Promise<CallResponse> {
    const { signal } = this.request;
    const onAbort = () => this.controller.abort();
    if (signal.aborted) throw cancelled();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.runAll();
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    if (signal.aborted) throw cancelled();
    const failures = this.partFailures();
    if (this.made > 0 && this.failed === this.made && failures[0] !== undefined) throw failures[0].error;
    const { plan, responseBody } = this.settings;
    const { requestId } = this.request.context;
    const textOf = (error: StatusError) => clientText(error, requestId, this.settings.exposed);
    const message = mergedAnswer(plan, this.scope.response, failures, textOf);
    const body = responseBody && plan.nameOf(responseBody);
    const parts = [...new Set(failures.map(({ path }) => (body === undefined ? path : pathWithin(path, body))))];
    const notes = {
      ...(parts.length === 0 ? {} : { parts }),
      ...(this.forOneRequest ? { forOneRequest: true as const } : {}),
    };
    return { headers: NO_METADATA, message, trailers: NO_METADATA, notes };
  }

  failedForAll({ index }: PlannedStep): void {
    const failures = this.failures.filter(({ step }) => step.index === index);
    const [first] = failures;
    if (first === undefined || !failures.every(({ error }) => sameFailure(error, first.error))) return;
    this.failures = this.failures.filter(({ step }) => step.index !== index);
    this.failures.push({ ...first, place: undefined });
  }

  /**
   * Returns the failures in the order of the steps, and within a step in the order of its elements. Equal failures of
   * one step appear once.
   */
  private partFailures(): readonly PartFailure[] {
    const positions = new Positions();
    const distinct = new Map<string, PartFailure>();
    for (const { step, place, error } of this.failures.sort((a, b) => a.step.index - b.step.index)) {
      if (this.settings.hidden.has(step.index)) continue;
      const path = failurePath(step, place, positions);
      const key = JSON.stringify([step.index, path, error.code, error.message]);
      if (!distinct.has(key)) distinct.set(key, { path, error });
    }
    return [...distinct.values()];
  }

  private runAll(): Promise<void> {
    const { steps, after } = this.settings.plan;
    const waitsFor = after.map((list) => list.filter((other) => this.needed[other]).length);
    let left = this.needed.filter(Boolean).length;
    return new Promise((resolve, reject) => {
      const start = (step: PlannedStep) =>
        this.step(step).then(
          () => end(step),
          (error: unknown) => {
            reject(error);
            this.controller.abort();
          },
        );
      const end = ({ index }: PlannedStep) => {
        left--;
        if (left === 0) resolve();
        if (this.controller.signal.aborted) return;
        for (const step of steps) {
          if (!this.needed[step.index] || !after[step.index]!.includes(index)) continue;
          waitsFor[step.index]!--;
          if (waitsFor[step.index] === 0) void start(step);
        }
      };
      if (left === 0) resolve();
      for (const step of steps) if (this.needed[step.index] && waitsFor[step.index] === 0) void start(step);
    });
  }

  private async step(step: PlannedStep): Promise<void> {
    const { source } = step;
    const { clock, observers, callers } = this.settings;
    const isCalled = this.needed[step.index] === 'result';
    const startedAt = clock.monotonic();
    let failed = false;
    const span =
      isCalled && source.kind === 'call' ? this.context.span?.child(`step ${step.label}`, 'internal') : undefined;
    this.spans[step.index] = span;
    try {
      const { elements, when } = step;
      if (!isCalled) askDemands(step, this.scope, callers[step.index]?.authorize);
      else if (source.kind === 'copy') copyStep(step, source.value, this);
      else if (elements !== undefined) await callForEach(step, source.call, elements(this.scope, undefined), this);
      else if (when === undefined || when(this.scope, undefined)) {
        const message = source.call.request.bytes(this.scope, undefined);
        this.put(step, this.scope.response, await this.call(step, source.call, message));
      }
    } catch (error) {
      failed = true;
      this.fail(step, undefined, error);
    } finally {
      if (step.source.kind === 'call' && isCalled) {
        const outcome = failed || this.failedSteps.has(step.index) ? 'failed' : 'ok';
        observers[step.index]![outcome]((clock.monotonic() - startedAt) / 1000);
        span?.end(outcome === 'failed' ? 'failed' : undefined);
      }
    }
  }

  put(step: PlannedStep, home: Draft, values: readonly Uint8Array[]): void {
    if (step.target === undefined) this.scope.results[step.index] = values;
    else {
      step.target.answer(home);
      step.target.fill(home, values);
    }
  }

  fail(step: PlannedStep, place: FailurePlace | undefined, thrown: unknown): void {
    const error = failureOf(thrown);
    if (!step.optional) throw error;
    this.failures.push({ step, place, error });
    const { target, index } = step;
    if (target === undefined) this.scope.results[index] ??= error;
    else if (place?.row !== undefined) target.rows?.fail(place.row, error, index);
    else if (place !== undefined) target.fail(place.home, error, index);
    // Otherwise the target is inside list elements, which `requireFewItems` and `settle` mark.
    else if (target.shared === 0) target.fail(this.scope.response, error, index);
  }

  async call(step: PlannedStep, { method, take }: StepCall, message: Uint8Array): Promise<readonly Uint8Array[]> {
    const { settings, request } = this;
    const { call, timeoutMs, authorize } = settings.callers[step.index]!;
    const { signal } = this.controller;
    if (signal.aborted) throw cancelled();
    const own = step.declaration.timeoutMs ?? timeoutMs;
    const deadline = earliest(deadlineAfter(own, settings.clock.now(), 'step'), request.deadline);
    const span = this.spans[step.index];
    const context = span === undefined ? this.context : { ...this.context, span };
    this.made++;
    try {
      authorize?.(message, context.principal);
      const { metadata } = request;
      const response = await call({
        method,
        message,
        metadata,
        deadline,
        signal,
        context,
        attempt: undefined,
        tried: undefined,
      });
      if (isForOneRequest(response)) this.forOneRequest = true;
      const answer = this.checked(step, method, response);
      return take === undefined ? [answer] : fieldValues(answer, take);
    } catch (error) {
      this.failed++;
      this.failedSteps.add(step.index);
      throw error;
    }
  }

  /**
   * Checks the answer of a call. The answer of an optional step is validated here, so that broken bytes count as a
   * failure of this step; broken bytes of a required step are found when they are read. An answer inside a group is
   * always validated, because its bytes could contain the end of that group.
   */
  private checked({ into, optional }: PlannedStep, method: MethodDescriptor, { message }: CallResponse): Uint8Array {
    const { maxResponseBytes, maxDepth } = this.settings;
    if (!(message instanceof Uint8Array)) throw brokenAnswer('expected one message, got a stream');
    this.bytes += message.length;
    if (this.bytes > maxResponseBytes) {
      throw answerTooLarge(maxResponseBytes, 'the answers of all steps of the aggregate together');
    }
    if (optional || into?.some(isGroup)) {
      validateWire(method.output, message, Math.max(1, maxDepth - (into?.length ?? 0)));
    }
    return message;
  }
}

interface StepFailure {
  readonly step: PlannedStep;
  readonly place: FailurePlace | undefined;
  readonly error: StatusError;
}

function sameFailure(a: StatusError, b: StatusError): boolean {
  return a.code === b.code && a.message === b.message;
}

function isGroup({ type }: FieldDescriptor): boolean {
  return type.kind === 'message' && type.delimited;
}

/**
 * Returns the failure of a step as a StatusError. An error that is not of one of these three classes is a bug, and is thrown
 * again so that no optional step can hide it.
 */
function failureOf(thrown: unknown): StatusError {
  if (thrown instanceof StatusError) return thrown;
  if (thrown instanceof BrokenWire) return brokenAnswer(thrown);
  if (!(thrown instanceof MissingPart)) throw thrown;
  const { code, httpStatus } = thrown.cause;
  return new StatusError(code, 'not called, because a part that this step needs is missing', {
    httpStatus,
    cause: thrown.cause,
  });
}
