/** Reads the option `protogate.v1.aggregate`: its steps as they are written, and the position of each part. */
import type { Diagnostic, Position } from '../base/diagnostic.js';
import { type OptionMessage, OptionReader } from '../schema/option-tree.js';

/** The content of the option, a message protogate.v1.Aggregate. */
export interface AggregateDeclaration {
  readonly steps: readonly StepDeclaration[];
  /** The most calls that one request may make; 64 when the option does not set it. */
  readonly maxCalls: number;
  readonly position: Position;
}

export interface StepDeclaration {
  readonly into: string;
  readonly name: string;
  readonly call: string;
  readonly copy: string;
  readonly with: readonly string[];
  readonly take: string;
  readonly forEach: string;
  readonly key: string;
  readonly batchSize: number;
  readonly maxItems: number;
  readonly concurrency: number;
  readonly when: string;
  readonly optional: boolean;
  readonly timeoutMs?: number;
  readonly position: Position;
  readonly positions: {
    readonly into: Position;
    readonly name: Position;
    readonly call: Position;
    readonly copy: Position;
    /** The position of each `with`, in the same order. */
    readonly with: readonly Position[];
    readonly take: Position;
    readonly forEach: Position;
    readonly key: Position;
    readonly maxItems: Position;
    readonly when: Position;
  };
}

const DEFAULT_MAX_CALLS = 64;
const DEFAULT_CONCURRENCY = 8;

export function readAggregate(option: OptionMessage, diagnostics: Diagnostic[]): AggregateDeclaration {
  const reader = new OptionReader(option, 'aggregate', diagnostics);
  const aggregate = {
    steps: reader.messages('steps').map(readStep),
    maxCalls: reader.integer('max_calls') || DEFAULT_MAX_CALLS,
    position: reader.position,
  };
  reader.close();
  return aggregate;
}

function readStep(reader: OptionReader): StepDeclaration {
  const timeoutMs = reader.durationMs('timeout');
  const step = {
    into: reader.string('into'),
    name: reader.string('name'),
    call: reader.string('call'),
    copy: reader.string('copy'),
    with: reader.strings('with'),
    take: reader.string('take'),
    forEach: reader.string('for_each'),
    key: reader.string('key'),
    batchSize: reader.integer('batch_size'),
    maxItems: reader.integer('max_items'),
    concurrency: reader.integer('concurrency') || DEFAULT_CONCURRENCY,
    when: reader.string('when'),
    optional: reader.boolean('optional'),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    position: reader.position,
    positions: {
      into: reader.positionOf('into'),
      name: reader.positionOf('name'),
      call: reader.positionOf('call'),
      copy: reader.positionOf('copy'),
      with: reader.strings('with').map((_, index) => reader.positionOf('with', index)),
      take: reader.positionOf('take'),
      forEach: reader.positionOf('for_each'),
      key: reader.positionOf('key'),
      maxItems: reader.positionOf('max_items'),
      when: reader.positionOf('when'),
    },
  };
  reader.close();
  return step;
}
