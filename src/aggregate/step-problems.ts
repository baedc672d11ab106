/** Collects the problems of one step, and reports each at its position in the declaration. */

import type { Position } from '../base/diagnostic.js';
import type { RuleId } from '../base/rules.js';
import { ExpressionError } from '../paths/expression.js';

export type Report = (position: Position, rule: RuleId, text: string) => void;

export class StepProblems {
  private hasFound = false;

  constructor(private readonly report: Report) {}

  get found(): boolean {
    return this.hasFound;
  }

  add(position: Position, rule: RuleId, text: string): undefined {
    this.hasFound = true;
    this.report(position, rule, text);
  }

  /** Returns the result of `compile`; undefined if it throws an ExpressionError, which is reported with `what` in front. */
  within<T>(position: Position, what: string, compile: () => T): T | undefined {
    try {
      return compile();
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return this.add(position, 'aggregate-path', `${what}: ${error.message}`);
    }
  }
}
