/**
 * Evaluates aggregates as docs/aggregates.md describes them, in the simplest way: one step after the other, over plain
 * objects, without the gateway's code. The gateway runs steps at once and over bytes, and must get the same result.
 */

/** A message with its fields; a repeated field is an array. */
export type Message = { [field: string]: unknown };

export interface Path {
  /** The root of the path: `request`, `each`, `answer` or the name of a step. */
  readonly root: string;
  readonly fields: readonly string[];
}

/** A path, or a text that contains paths. */
export type Expression = Path | readonly (string | Path)[];

export interface Step {
  /** The place of the step in the order in which the steps are written. */
  readonly index: number;
  readonly into: readonly string[];
  /** The name of a step without `into`. */
  readonly name: string;
  readonly call:
    | { readonly method: string; readonly with: readonly (readonly [field: string, value: Expression])[] }
    | undefined;
  readonly copy: Expression | undefined;
  /** A field of the called method's response. */
  readonly take: string;
  readonly forEach: Path | undefined;
  readonly maxItems: number;
  readonly key: string;
  readonly batchSize: number;
  readonly when: Path | undefined;
  readonly optional: boolean;
}

/** True for the names of fields that are lists. Nothing else is known of the types. */
export type IsList = (field: string) => boolean;

/** Answers a call with a message, or with a code. */
export type Upstream = (method: string, request: Message) => Message | number;

export interface Told {
  readonly path: string;
  readonly code: number;
  /** True if a part that the step needs is missing. */
  readonly hangs: boolean;
}

/** The result of a run. For `error` the answer has one of the codes. */
export type Outcome =
  | { readonly answer: Message; readonly failures: readonly Told[] }
  | { readonly error: ReadonlySet<number> };

class Missing extends Error {
  constructor(readonly code: number) {
    super('not called, because a part that this step needs is missing');
  }
}

class Failed extends Error {
  constructor(
    readonly code: number,
    text: string,
  ) {
    super(text);
  }
}

const NOT_FOUND = 5;
const OUT_OF_RANGE = 11;
const INTERNAL = 13;

/** The marks and parts of a message, besides its fields. */
interface Extra {
  /** The code and the step that failed to fill each field. */
  readonly failed: Map<string, { readonly code: number; readonly step: number }>;
  /** The lists that at least one step has made without a failure. */
  readonly answered: Set<string>;
  /** The code of the failure that left the whole message out. */
  whole?: number;
  /** The parts of each list, in their order. */
  readonly parts: Map<string, Map<number, (Message | undefined)[] | unknown[]>>;
  /**
   * The failures of fields inside the elements of a list, by list and part. They apply to elements that are added later,
   * too.
   */
  readonly failedBelow: {
    readonly list: string;
    readonly part: number;
    readonly fields: readonly string[];
    readonly code: number;
    readonly step: number;
  }[];
}

export class Naive {
  private readonly extras = new WeakMap<Message, Extra>();
  private readonly answer: Message = {};
  private readonly results = new Map<string, readonly unknown[] | Missing>();
  private readonly failures: { readonly step: Step; readonly path: () => string; readonly error: Missing | Failed }[] =
    [];
  /** Messages that exist only to carry a mark: no step has brought them or filled a field in them. */
  private readonly ghosts = new WeakSet<Message>();
  private readonly parts: readonly (number | undefined)[];
  private readonly errors = new Set<number>();
  private made = 0;
  private failed = 0;

  constructor(
    private readonly steps: readonly Step[],
    private readonly isList: IsList,
    private readonly upstream: Upstream,
    private readonly request: Message,
  ) {
    this.parts = partsOf(steps, isList);
  }

  /** Runs the steps. `wanted` are the fields of the answer; undefined for all. */
  run(wanted: ReadonlySet<string> | undefined): Outcome {
    const needs = this.steps.map((step) => this.steps.filter((other) => isNeededBy(step, other, this.isList)));
    const after = withMakers(this.steps, needs, this.isList);
    const needed = new Set<Step>();
    const need = (step: Step): void => {
      if (needed.has(step)) return;
      needed.add(step);
      for (const other of needs[step.index]!) need(other);
    };
    for (const step of this.steps) {
      if (wanted === undefined || (step.into.length > 0 && wanted.has(step.into[0]!))) need(step);
    }
    const errors = this.errors;
    const done = new Set<Step>();
    const blocked = new Set<Step>();
    while (done.size + blocked.size < needed.size) {
      for (const step of needed) {
        if (done.has(step) || blocked.has(step)) continue;
        const others = after[step.index]!.filter((other) => needed.has(other));
        if (others.some((other) => blocked.has(other))) blocked.add(step);
        if (!others.every((other) => done.has(other))) continue;
        try {
          this.step(step);
          done.add(step);
        } catch (error) {
          errors.add(codeOf(error));
          blocked.add(step);
        }
      }
    }
    if (errors.size > 0) return { error: errors };
    const told = this.told();
    if (this.made > 0 && this.made === this.failed && told[0] !== undefined) return { error: new Set([told[0].code]) };
    return { answer: this.json(this.answer), failures: told };
  }

  private step(step: Step): void {
    try {
      if (listOf(step, this.isList) !== undefined) this.forEach(step);
      else if (this.applies(step, undefined)) {
        if (step.call === undefined) this.copy(step);
        else this.put(step, this.answer, this.call(step, this.requestOf(step, undefined)));
      }
    } catch (error) {
      this.fail(step, undefined, error);
    }
  }

  private copy(step: Step): void {
    const part = this.parts[step.index];
    if (part === undefined) return this.put(step, this.answer, this.values(step.copy!, undefined));
    const items = this.items(step.copy!, undefined);
    this.answered(step, this.answer);
    for (const [index, values] of items.entries()) this.putRow(step, this.answer, index, values);
  }

  private forEach(step: Step): void {
    const { list, copy } = listOf(step, this.isList)!;
    const elements = this.elements(step, list);
    if (step.forEach !== undefined && elements.length > step.maxItems) {
      for (const { home } of elements) this.mark(step, home, OUT_OF_RANGE);
      throw new Failed(OUT_OF_RANGE, 'too many items');
    }
    const isRow = this.parts[step.index] !== undefined;
    type Got = { rows: readonly (readonly unknown[])[]; failure: unknown } | undefined;
    const shared = new Map<string, NonNullable<Got>>();
    const ask = (node: unknown, get: () => Got): Got => {
      try {
        return this.applies(step, node) ? get() : undefined;
      } catch (failure) {
        if (failure instanceof Missing || failure instanceof Failed) return { rows: [], failure };
        throw failure;
      }
    };
    const got: Got[] = elements.map(({ node }) =>
      ask(node, () => {
        if (copy !== undefined) {
          const rows = isRow ? this.items(copy, node) : [this.values(copy, node)];
          return { rows, failure: undefined };
        }
        const asked = step.key === '' ? this.requestOf(step, node) : this.values(step.call!.with[0]![1], node).at(-1);
        if (asked === undefined) return undefined;
        const text = JSON.stringify(asked);
        const known = shared.get(text) ?? { rows: [], failure: undefined };
        shared.set(text, known);
        return known;
      }),
    );
    if (step.call !== undefined) this.ask(step, shared);
    if (elements.length === 0 && sharedBelow(step, this.isList) === 0) this.answered(step, this.answer);
    for (const [index, { home }] of elements.entries()) {
      if (got[index]?.failure === undefined) this.answered(step, home);
    }
    this.settle(step, elements, got, copy);
    const asked = got.filter((one) => one !== undefined);
    if (asked.length > 1 && asked.every(({ failure }) => failure !== undefined)) this.collapse(step);
  }

  /** Makes the calls for the elements of a list. */
  private ask(step: Step, shared: Map<string, { rows: readonly (readonly unknown[])[]; failure: unknown }>): void {
    const entries = [...shared];
    const size = step.key === '' ? 1 : step.batchSize || step.maxItems;
    for (let at = 0; at < entries.length; at += size) {
      const batch = entries.slice(at, at + size);
      const asked = batch.map(([text]) => JSON.parse(text) as unknown);
      try {
        const request = step.key === '' ? (asked[0] as Message) : { [step.call!.with[0]![0]]: asked };
        const values = this.call(step, request);
        for (const [index, [, one]] of batch.entries()) {
          const own =
            step.key === '' ? values : values.filter((value) => ((value as Message)[step.key] ?? '') === asked[index]);
          const isSingle =
            step.into.length > 0 && (madeIn(step, this.isList) === undefined || this.parts[step.index] !== undefined);
          if (step.key !== '' && own.length === 0)
            one.failure = new Failed(NOT_FOUND, 'the called rpc returned no result for this element');
          else if (step.key !== '' && own.length > 1 && isSingle) one.failure = new Failed(INTERNAL, 'several');
          else one.rows = [own];
        }
      } catch (failure) {
        // If several calls of a required step fail, any of them may be the first.
        if (!step.optional) this.errors.add(codeOf(failure));
        for (const [, one] of batch) one.failure = failure;
      }
    }
  }

  private settle(
    step: Step,
    elements: readonly Element[],
    got: readonly ({ rows: readonly (readonly unknown[])[]; failure: unknown } | undefined)[],
    copy: Expression | undefined,
  ): void {
    if (this.parts[step.index] !== undefined) {
      const next = new Map<Message, number>();
      for (const [index, { home, node, indices }] of elements.entries()) {
        const one = got[index];
        let at = next.get(home) ?? 0;
        if (one === undefined) at += copy === undefined ? 1 : this.countOf(copy, node);
        else if (one.failure !== undefined) {
          const row = this.row(step, home, at++);
          this.fail(step, { home, indices, row }, one.failure);
        } else for (const values of one.rows) this.putRow(step, home, at++, values);
        next.set(home, at);
      }
      return;
    }
    const homes = new Map<Message, { values: unknown[]; seen: Set<unknown> }>();
    const failed: (readonly [Place, unknown])[] = [];
    for (const [index, { home, indices }] of elements.entries()) {
      const one = got[index];
      if (one === undefined) continue;
      const into = homes.get(home) ?? { values: [], seen: new Set() };
      homes.set(home, into);
      if (into.seen.has(one)) continue;
      into.seen.add(one);
      if (one.failure === undefined) into.values.push(...one.rows.flat());
      else failed.push([{ home, indices }, one.failure]);
    }
    for (const [home, { values }] of homes) if (values.length > 0) this.put(step, home, values);
    for (const [place, failure] of failed) this.fail(step, place, failure);
  }

  private countOf(copy: Expression, node: unknown): number {
    try {
      return this.items(copy, node).length;
    } catch (error) {
      if (error instanceof Missing) return 0;
      throw error;
    }
  }

  private applies({ when }: Step, each: unknown): boolean {
    if (when === undefined) return true;
    const values = this.read(when, each);
    if (isMany(when, this.isList)) return values.length > 0;
    return values.length > 0 && values.at(-1) !== '' && values.at(-1) !== false;
  }

  private requestOf({ call }: Step, each: unknown): Message {
    const request: Message = {};
    for (const [field, value] of call!.with) {
      const values = this.values(value, each);
      if (values.length > 0) request[field] = this.isList(field) ? values : values.at(-1);
    }
    return request;
  }

  private call(step: Step, request: Message): readonly unknown[] {
    this.made++;
    const answer = this.upstream(step.call!.method, request);
    if (typeof answer === 'number') {
      this.failed++;
      throw new Failed(answer, 'of the upstream');
    }
    return step.take === '' ? [answer] : this.children(answer, step.take);
  }

  // Reading

  private values(expression: Expression, each: unknown): readonly unknown[] {
    if (!Array.isArray(expression)) return this.read(expression as Path, each);
    const text = expression.map((part: string | Path) =>
      typeof part === 'string' ? part : (this.read(part, each).at(-1) ?? ''),
    );
    return [text.join('')];
  }

  /** Returns the values for each element of the last list on the path, or all values as one element if there is no list. */
  private items(expression: Expression, each: unknown): readonly (readonly unknown[])[] {
    if (Array.isArray(expression) || !isMany(expression as Path, this.isList)) return [this.values(expression, each)];
    const { root, fields } = expression as Path;
    const end = fields.findLastIndex(this.isList) + 1;
    const list = this.read({ root, fields: fields.slice(0, end) }, each);
    return list.map((node) => this.ended(this.below([node], fields.slice(end), true), true));
  }

  private read({ root, fields }: Path, each: unknown): readonly unknown[] {
    return this.ended(
      this.below(this.start(root, each), fields, isManyRoot(root)),
      isMany({ root, fields }, this.isList),
    );
  }

  /**
   * Removes messages that are absent. A message that exists only to carry a mark is absent, unless a failure is marked
   * inside of it.
   */
  private ended(nodes: readonly unknown[], inList: boolean): readonly unknown[] {
    return nodes.flatMap((node) => {
      if (!isMessage(node)) return [node];
      const code = this.extras.get(node)?.whole ?? (this.isShown(node) ? undefined : this.missingIn(node));
      if (code !== undefined && !inList) throw new Missing(code);
      return code === undefined && this.isShown(node) ? [node] : [];
    });
  }

  private missingIn(message: Message): number | undefined {
    const own = [...(this.extras.get(message)?.failed.values() ?? [])][0]?.code;
    return own ?? this.inside(message).flatMap((one) => (isMessage(one) ? (this.missingIn(one) ?? []) : []))[0];
  }

  private start(root: string, each: unknown): readonly unknown[] {
    if (root === 'request') return [this.request];
    if (root === 'answer') return [this.answer];
    if (root === 'each') return [each];
    const result = this.results.get(root);
    if (result instanceof Missing) throw new Missing(result.code);
    return result ?? [];
  }

  private below(start: readonly unknown[], fields: readonly string[], startsInList: boolean): readonly unknown[] {
    let nodes = start;
    let inList = startsInList;
    for (const field of fields) {
      nodes = nodes.flatMap((node) => this.childrenOf(node as Message, field, inList));
      inList ||= this.isList(field);
    }
    return nodes;
  }

  private childrenOf(node: Message, field: string, inList: boolean): readonly unknown[] {
    try {
      return this.children(node, field);
    } catch (error) {
      if (inList && error instanceof Missing) return [];
      throw error;
    }
  }

  private children(node: Message, field: string): readonly unknown[] {
    const values = this.own(node, field);
    const code = this.extras.get(node)?.failed.get(field)?.code;
    const isThere = (value: unknown) => !isMessage(value) || this.isShown(value);
    const missing = code ?? this.extras.get(node)?.whole;
    const isAnswered = this.extras.get(node)?.answered.has(field) === true;
    if (missing !== undefined && !isAnswered && !values.some(isThere)) throw new Missing(missing);
    return values;
  }

  private own(node: Message, field: string): readonly unknown[] {
    const value = node[field];
    const brought = value === undefined || value === '' ? [] : Array.isArray(value) ? value : [value];
    const parts = this.extras.get(node)?.parts.get(field);
    if (parts === undefined) return brought;
    const made = [...parts]
      .sort(([a], [b]) => a - b)
      .flatMap(([, elements]) => elements.filter((one) => one !== undefined));
    return [...brought, ...made];
  }

  private elements(step: Step, list: Path): readonly Element[] {
    const shared = list.root === 'answer' ? sharedOf(step.into, list.fields, this.isList) : 0;
    const elements: Element[] = [];
    const collect = (
      node: unknown,
      depth: number,
      inList: boolean,
      home: Message,
      indices: readonly number[],
    ): void => {
      const field = list.fields[depth];
      if (field === undefined) return void elements.push({ node, home, indices });
      for (const [index, child] of this.childrenOf(node as Message, field, inList).entries()) {
        const isShared = depth < shared;
        const next = isShared ? (child as Message) : home;
        collect(
          child,
          depth + 1,
          inList || this.isList(field),
          next,
          isShared && this.isList(field) ? [...indices, index] : indices,
        );
      }
    };
    for (const node of this.start(list.root, undefined)) collect(node, 0, isManyRoot(list.root), this.answer, []);
    return elements;
  }

  // Writing

  private put(step: Step, home: Message, found: readonly unknown[]): void {
    const values = found.map((value) => this.copied(value));
    this.answered(step, home);
    if (step.into.length === 0) {
      this.results.set(step.name, values);
      return;
    }
    const fields = step.into.slice(sharedBelow(step, this.isList));
    const made = fields.findIndex(this.isList);
    if (made < 0) {
      this.putOne(this.only(home, fields.slice(0, -1)), fields.at(-1)!, values);
      return;
    }
    const at = this.only(home, fields.slice(0, made));
    const below = fields.slice(made + 1);
    const elements = below.length === 0 ? values : values.map((value) => this.copied(nested(below, value)));
    if (elements.length > 0) this.ghosts.delete(at);
    this.partsOf(at, fields[made]!).set(step.index, elements as unknown[]);
  }

  /** Marks the list that a step makes as answered, even if it stays empty. */
  private answered(step: Step, home: Message): void {
    if (step.into.length === 0 || madeIn(step, this.isList) === undefined) return;
    const { at, list } = this.listIn(step, home);
    this.extra(at).answered.add(list);
  }

  private putRow(step: Step, home: Message, index: number, values: readonly unknown[]): void {
    const row = this.row(step, home, index);
    const below = this.belowRow(step);
    this.putOne(
      this.only(row, below.slice(0, -1)),
      below.at(-1)!,
      values.map((value) => this.copied(value)),
    );
  }

  private putOne(message: Message, field: string, values: readonly unknown[]): void {
    if (values.length === 0) return;
    this.ghosts.delete(message);
    const known = message[field];
    // If the field already holds a message, because of a mark or because a step has filled a field in it, the value is
    // merged into that message.
    const value = values.at(-1);
    message[field] = isMessage(known) && isMessage(value) ? this.merged(known, value) : value;
  }

  /** Merges a value into a message: fields that a step has filled stay, and lists are extended. */
  private merged(known: Message, value: Message): Message {
    this.ghosts.delete(known);
    for (const [field, one] of Object.entries(value)) known[field] ??= one;
    return known;
  }

  /** Returns a copy of a value, so that steps that fill fields in one place do not change the other. */
  private copied(value: unknown): unknown {
    if (!isMessage(value)) return value;
    return this.json(value);
  }

  private belowRow(step: Step): readonly string[] {
    return step.into.slice(madeIn(step, this.isList)! + 1);
  }

  private row(step: Step, home: Message, index: number): Message {
    const { at, list } = this.listIn(step, home);
    const part = this.parts[step.index]!;
    const rows = (this.partsOf(at, list).get(part) ?? []) as (Message | undefined)[];
    this.partsOf(at, list).set(part, rows);
    let row = rows[index];
    if (row === undefined) {
      row = {};
      rows[index] = row;
      this.ghosts.delete(at);
      for (const one of this.extra(at).failedBelow) {
        if (one.list === list && one.part === part) this.markIn(row, one.fields, one.code, one.step);
      }
    }
    return row;
  }

  private listIn(step: Step, home: Message): { at: Message; list: string } {
    const shared = sharedBelow(step, this.isList);
    const made = madeIn(step, this.isList)!;
    return { at: this.only(home, step.into.slice(shared, made)), list: step.into[made]! };
  }

  private only(home: Message, fields: readonly string[]): Message {
    let at = home;
    for (const field of fields) {
      if (at[field] === undefined) {
        at[field] = {};
        this.ghosts.add(at[field] as Message);
      }
      at = at[field] as Message;
    }
    return at;
  }

  private extra(message: Message): Extra {
    const extra = this.extras.get(message) ?? {
      failed: new Map(),
      answered: new Set<string>(),
      parts: new Map(),
      failedBelow: [],
    };
    this.extras.set(message, extra);
    return extra;
  }

  private partsOf(message: Message, list: string) {
    const { parts } = this.extra(message);
    const found = parts.get(list) ?? new Map<number, unknown[]>();
    parts.set(list, found);
    return found;
  }

  // Failing

  private fail(step: Step, place: Place | undefined, error: unknown): void {
    const code = codeOf(error);
    if (!step.optional) throw error;
    this.failures.push({ step, path: () => this.pathOf(step, place), error: error as Missing | Failed });
    if (step.into.length === 0) {
      if (!this.results.has(step.name)) this.results.set(step.name, new Missing(code));
    } else if (place?.row !== undefined) this.markIn(place.row, this.belowRow(step), code, step.index);
    else if (place !== undefined) this.mark(step, place.home, code);
    else if (sharedBelow(step, this.isList) === 0) this.mark(step, this.answer, code);
  }

  private mark(step: Step, home: Message, code: number): void {
    const made = madeIn(step, this.isList);
    if (step.into.length === 0) return;
    if (made === undefined) {
      this.markIn(home, step.into.slice(sharedBelow(step, this.isList)), code, step.index);
      return;
    }
    const { at, list } = this.listIn(step, home);
    this.markIn(at, [list], code, step.index);
    const part = this.parts[step.index];
    if (part === undefined) return;
    const fields = this.belowRow(step);
    this.extra(at).failedBelow.push({ list, part, fields, code, step: step.index });
    for (const row of (this.partsOf(at, list).get(part) ?? []) as (Message | undefined)[]) {
      if (row !== undefined) this.markIn(row, fields, code, step.index);
    }
  }

  private markIn(message: Message, fields: readonly string[], code: number, step: number): void {
    const { failed } = this.extra(this.only(message, fields.slice(0, -1)));
    const last = fields.at(-1)!;
    // If several steps make the same list, the step that is written first counts.
    if (step < (failed.get(last)?.step ?? Number.POSITIVE_INFINITY)) failed.set(last, { code, step });
    // Fields that other steps have put into the message stay, and the rest of it is marked as failed.
    if (/^(one|item|other|sub)\d*$/.test(last)) this.extra(this.only(message, fields)).whole ??= code;
  }

  private collapse(step: Step): void {
    const own = this.failures.filter((one) => one.step === step);
    const [first] = own;
    const isSame = (one: Missing | Failed) => one.code === first?.error.code && one.message === first.error.message;
    if (first === undefined || !own.every(({ error }) => isSame(error))) return;
    for (const one of own) this.failures.splice(this.failures.indexOf(one), 1);
    this.failures.push({ ...first, path: () => this.pathOf(step, undefined) });
  }

  private told(): readonly Told[] {
    const told = new Map<string, Told>();
    for (const { step, path, error } of this.failures.toSorted((a, b) => a.step.index - b.step.index)) {
      const one = { path: path(), code: error.code, hangs: error instanceof Missing };
      told.set(JSON.stringify([step.index, one, error.message]), one);
    }
    return [...told.values()];
  }

  private pathOf(step: Step, place: Place | undefined): string {
    if (step.into.length === 0) return step.name;
    const indices = [...(place?.indices ?? [])];
    if (place?.row !== undefined) {
      const { at, list } = this.listIn(step, place.home);
      indices.push(this.own(at, list).indexOf(place.row));
    }
    let used = 0;
    return step.into
      .map((field) => (this.isList(field) && used < indices.length ? `${field}[${indices[used++]}]` : field))
      .join('.');
  }

  // The answer

  private json(message: Message): Message {
    const fields = new Set([...Object.keys(message), ...(this.extras.get(message)?.parts.keys() ?? [])]);
    const json: Message = {};
    for (const field of fields) {
      const shown = this.own(message, field).filter((value) => !isMessage(value) || this.isShown(value));
      const values = shown.map((value) => (isMessage(value) ? this.json(value) : value));
      if (values.length > 0) json[field] = this.isList(field) ? values : values.at(-1);
    }
    return json;
  }

  private isShown(message: Message): boolean {
    if (!this.ghosts.has(message)) return true;
    return this.inside(message).some((value) => isMessage(value) && this.isShown(value));
  }

  private inside(message: Message): readonly unknown[] {
    const lists = [...(this.extras.get(message)?.parts.keys() ?? [])];
    return [...Object.keys(message), ...lists].flatMap((field) => this.own(message, field));
  }
}

interface Element {
  readonly node: unknown;
  readonly home: Message;
  readonly indices: readonly number[];
}

interface Place {
  readonly home: Message;
  readonly indices: readonly number[];
  readonly row?: Message;
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null;
}

function nested(fields: readonly string[], value: unknown): unknown {
  return fields.reduceRight<unknown>((inside, field) => ({ [field]: inside }), value);
}

function codeOf(error: unknown): number {
  if (error instanceof Missing || error instanceof Failed) return error.code;
  throw error;
}

/** True if the step's result is a list, which its name shows. */
function isManyRoot(root: string): boolean {
  return root.startsWith('hiddens');
}

function isMany({ root, fields }: Path, isList: IsList): boolean {
  return isManyRoot(root) || fields.some(isList);
}

/** Returns how many fields both paths begin with, up to the last list among them. */
function sharedOf(into: readonly string[], list: readonly string[], isList: IsList): number {
  let shared = 0;
  for (let i = 0; i < into.length - 1 && into[i] === list[i]; i++) if (isList(into[i]!)) shared = i + 1;
  return shared;
}

/** Returns the list that a step runs over: `for_each`, or the list inside of whose elements it copies. */
function listOf(step: Step, isList: IsList): { list: Path; copy: Expression | undefined } | undefined {
  const { forEach, copy, into } = step;
  if (forEach !== undefined) return { list: forEach, copy };
  if (copy === undefined || Array.isArray(copy) || (copy as Path).root !== 'answer') return undefined;
  const { fields } = copy as Path;
  const shared = sharedOf(into, fields, isList);
  if (shared === 0 || shared === fields.length) return undefined;
  return {
    list: { root: 'answer', fields: fields.slice(0, shared) },
    copy: { root: 'each', fields: fields.slice(shared) },
  };
}

function sharedBelow(step: Step, isList: IsList): number {
  const found = listOf(step, isList);
  return found?.list.root === 'answer' ? sharedOf(step.into, found.list.fields, isList) : 0;
}

/** Returns the index of the field of `into` that is a list which the step makes. */
function madeIn(step: Step, isList: IsList): number | undefined {
  const shared = sharedBelow(step, isList);
  const made = step.into.findIndex((field, index) => index >= shared && isList(field));
  return made < 0 ? undefined : made;
}

/**
 * Returns for each step the part of its list that it fills together with other steps; undefined when it has a part of its
 * own.
 */
function partsOf(steps: readonly Step[], isList: IsList): readonly (number | undefined)[] {
  const groups: { readonly from: string; readonly members: Step[] }[] = [];
  for (const step of steps) {
    const from = sourceOf(step, isList);
    if (from === undefined) continue;
    const into = step.into.join('.');
    const group = groups.find(
      (one) => one.from === from && one.members.every((other) => other.into.join('.') !== into),
    );
    if (group === undefined) groups.push({ from, members: [step] });
    else group.members.push(step);
  }
  return steps.map((step) => {
    const group = groups.find(({ members }) => members.includes(step));
    if (group === undefined || (step.call !== undefined && group.members.length === 1)) return undefined;
    return group.members[0]!.index;
  });
}

function sourceOf(step: Step, isList: IsList): string | undefined {
  const made = madeIn(step, isList);
  // The elements of lists of texts cannot be shared.
  if (made === undefined || /^(texts|tags|ids)/.test(step.into[made]!)) return undefined;
  const found = listOf(step, isList);
  const list = found === undefined ? undefined : `${found.list.root}:${found.list.fields.join('.')}`;
  const made_ = step.into.slice(0, made + 1).join('.');
  if (step.call !== undefined) {
    const isSingle = step.key !== '' || !isList(step.take);
    return list !== undefined && isSingle ? `${made_} from ${list}` : undefined;
  }
  const copy = found?.copy ?? step.copy!;
  if (Array.isArray(copy) || !isMany(copy as Path, isList)) return list && `${made_} from ${list}`;
  const { root, fields } = copy as Path;
  const source = fields.slice(0, fields.findLastIndex(isList) + 1);
  if (root !== 'each') return `${made_} from ${root}:${source.join('.')}`;
  return `${made_} from ${found!.list.root}:${[...found!.list.fields, ...source].join('.')}`;
}

/** Returns the paths that a step reads, with `each` replaced by its list. */
function readsOf(step: Step, isList: IsList): readonly Path[] {
  const found = listOf(step, isList);
  const expressions = [
    ...(step.call?.with.map(([, value]) => value) ?? []),
    ...(step.copy === undefined ? [] : [found?.copy ?? step.copy]),
  ];
  const paths = expressions.flatMap((one) =>
    Array.isArray(one) ? one.filter((part): part is Path => typeof part !== 'string') : [one as Path],
  );
  return [...paths, ...(step.when === undefined ? [] : [step.when])].map((path) =>
    path.root === 'each' ? { root: found!.list.root, fields: [...found!.list.fields, ...path.fields] } : path,
  );
}

function fills({ into, name }: Step, { root, fields }: Path): boolean {
  return root === 'answer' ? into.length > 0 && overlap(into, fields) : root === name;
}

/** True if the step makes elements of the list, or a message that contains the list. */
function makes(step: Step, list: Path, isList: IsList): boolean {
  if (list.root !== 'answer') return fills(step, list);
  const made = madeIn(step, isList);
  const into = made === undefined ? step.into : step.into.slice(0, made + 1);
  return into.length > 0 && into.length <= list.fields.length && overlap(into, list.fields);
}

function isNeededBy(step: Step, other: Step, isList: IsList): boolean {
  if (step === other) return false;
  if (readsOf(step, isList).some((path) => fills(other, path))) return true;
  const found = listOf(step, isList);
  if (found !== undefined && makes(other, found.list, isList)) return true;
  // A copy of a list makes one element for each element of its source.
  if (step.copy === undefined || sourceOf(step, isList) === undefined) return false;
  return readsOf({ ...step, when: undefined }, isList).some(({ root, fields }) => {
    const end = fields.findLastIndex(isList) + 1;
    return end > 0 && makes(other, { root, fields: fields.slice(0, end) }, isList);
  });
}

/** A step that reads through a list runs after all steps that make the list, except those that run after the step itself. */
function withMakers(
  steps: readonly Step[],
  needs: readonly (readonly Step[])[],
  isList: IsList,
): readonly (readonly Step[])[] {
  const after = needs.map((list) => [...list]);
  const comesAfter = (step: Step, other: Step): boolean =>
    step === other || after[step.index]!.some((one) => comesAfter(one, other));
  for (const step of steps) {
    const lists = readsOf(step, isList).flatMap(({ root, fields }) =>
      fields.flatMap((field, index) => (isList(field) ? [{ root, fields: fields.slice(0, index + 1) }] : [])),
    );
    for (const other of steps) {
      if (lists.some((list) => makes(other, list, isList)) && !comesAfter(other, step)) after[step.index]!.push(other);
    }
  }
  return after;
}

function overlap(a: readonly string[], b: readonly string[]): boolean {
  return a.slice(0, b.length).every((field, index) => field === b[index]);
}
