/**
 * Counters in another process, so that several worker processes count together. All requests within one turn of the event loop
 * are sent in one message.
 */
import type { Counters, Decision, Hit, MemoryCounters } from './counters.js';
import type { LimitState } from './window.js';

/** A message to the process that counts: requests to be counted, or counts to be taken back. */
export type CounterQuestion =
  | { readonly take: readonly { readonly id: number; readonly hits: readonly Hit[]; readonly cost: number }[] }
  | { readonly giveBack: { readonly hits: readonly Hit[]; readonly cost: number } };

/** The answer of the process that counts. */
export interface CounterAnswer {
  readonly taken: readonly {
    readonly id: number;
    readonly admitted: boolean;
    readonly limitStates: readonly LimitState[];
  }[];
}

export class RemoteCounters implements Counters {
  private last = 0;
  private asked: { id: number; hits: readonly Hit[]; cost: number }[] = [];
  private readonly waiting = new Map<
    number,
    { readonly hits: readonly Hit[]; cost: number; resolve(decision: Decision): void }
  >();

  constructor(private readonly send: (question: CounterQuestion) => void) {}

  take(hits: readonly Hit[], cost: number): Promise<Decision> {
    const id = ++this.last;
    if (this.asked.length === 0) setImmediate(() => this.flush());
    this.asked.push({ id, hits, cost });
    return new Promise((resolve) => void this.waiting.set(id, { hits, cost, resolve }));
  }

  /** Called with an answer of the process that counts. Resolves the promises of the requests in it. */
  receive({ taken }: CounterAnswer): void {
    for (const { id, admitted, limitStates } of taken) {
      const asked = this.waiting.get(id);
      if (asked === undefined) continue;
      this.waiting.delete(id);
      const { hits, cost, resolve } = asked;
      resolve({ admitted, limitStates, undo: () => this.send({ giveBack: { hits, cost } }) });
    }
  }

  async close(): Promise<void> {}

  private flush(): void {
    const take = this.asked;
    this.asked = [];
    this.send({ take });
  }
}

/**
 * Counts what a message asks for in `counters`. Returns the answer for the other process; undefined if the message needs none.
 */
export function answerCounters(counters: MemoryCounters, question: CounterQuestion): CounterAnswer | undefined {
  if ('giveBack' in question) {
    counters.giveBack(question.giveBack.hits, question.giveBack.cost);
    return undefined;
  }
  return {
    taken: question.take.map(({ id, hits, cost }) => {
      const { admitted, limitStates } = counters.take(hits, cost);
      return { id, admitted, limitStates };
    }),
  };
}
