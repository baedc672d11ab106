/**
 * Draws pages with steps of every kind over a small service, and writes their protos. The names of fields show their types:
 * `one…` is an Item, `many…` and `list` are lists of them, `rows…` and `inner` are lists that steps make, `texts…`, `tags`
 * and `ids` are lists of texts.
 */
import type { Expression, Path, Step } from './naive.js';

type Draw = (n: number) => number;

export const isList = (field: string) => /^(many|rows|inner|texts|list|tags|subs|ids|items)/.test(field);

export interface Page {
  readonly name: string;
  readonly steps: readonly Step[];
  /** The fields of the answer. */
  readonly fields: readonly string[];
}

/** A value that later steps may read. */
interface Known {
  readonly path: Path;
  readonly kind: 'item' | 'items' | 'text' | 'texts' | 'rows' | 'inner';
  readonly optional: boolean;
}

const REQUEST: readonly Known[] = [
  { path: { root: 'request', fields: ['id'] }, kind: 'text', optional: false },
  { path: { root: 'request', fields: ['ids'] }, kind: 'texts', optional: false },
];

const NOTHING = {
  into: [],
  name: '',
  call: undefined,
  copy: undefined,
  take: '',
  forEach: undefined,
  maxItems: 0,
  key: '',
  batchSize: 0,
  when: undefined,
};

export function drawPage(of: Draw, name: string): Page {
  const page = new PageDraw(of);
  for (let i = 0, count = 1 + of(7); i < count; i++) page.step(i);
  const steps = shuffled(of, page.steps).map((step, index) => ({ ...step, index }));
  const fields = [...new Set(steps.flatMap(({ into }) => into.slice(0, 1)))];
  return { name, steps, fields };
}

class PageDraw {
  readonly steps: Omit<Step, 'index'>[] = [];
  private readonly known: Known[] = [...REQUEST];
  private readonly optionals: number;

  constructor(private readonly of: Draw) {
    this.optionals = [0, 3, 4, 4][of(4)]!;
  }

  step(i: number): void {
    const optional = this.of(4) < this.optionals;
    const known = this.known.filter((one) => optional || !one.optional);
    const rows = known.filter(({ kind }) => kind === 'rows' || kind === 'inner');
    const kinds = ['one', 'many', 'text', 'texts', 'each', 'rows', 'rows', 'hidden', 'hiddens'];
    const crossing = rows.length > 0 ? ['cross', 'cross', 'cross', 'inner', 'more', 'inside', 'replace'] : ['replace'];
    const kind = this.pick([...kinds, ...crossing, ...crossing]);
    const step = this.draw(kind, i, known, rows);
    if (step === undefined) return;
    this.steps.push({ ...NOTHING, ...step, optional });
    this.tell(step, optional);
  }

  private draw(kind: string, i: number, known: readonly Known[], rows: readonly Known[]): Partial<Step> | undefined {
    const when = this.of(5) === 0 ? this.condition(known) : undefined;
    const get = { call: { method: 'GetItem', with: [['id', this.text(known)]] as const }, when };
    const list = { call: { method: 'ListItems', with: [['id', this.text(known)]] as const }, take: 'items', when };
    switch (kind) {
      case 'one':
        return { into: [`one${i}`], ...get };
      case 'hidden':
        return { name: `hidden${i}`, ...get };
      case 'many':
        return { into: [this.pick([`many${i}`, this.field('many') ?? `many${i}`])], ...list };
      case 'hiddens':
        return this.of(2) === 0 ? { name: `hiddens${i}`, ...list } : { name: `hiddens${i}`, ...this.each(known) };
      case 'text':
        return { into: [`text${i}`], copy: this.text(known), when };
      case 'texts':
        return { into: [`texts${i}`], copy: this.texts(known), when };
      case 'each':
        return { into: [this.pick([`many${i}`, this.field('many') ?? `many${i}`])], ...this.each(known) };
      case 'rows':
        return this.making([`rows${i}`], known, list);
      case 'more': {
        const { path } = this.pick(rows);
        const others = known.filter((one) => one.path.fields[0] !== path.fields[0]);
        return path.fields.length > 1 ? undefined : this.making(path.fields, others, list);
      }
      case 'cross':
        return this.crossing(this.pick(rows));
      case 'inner': {
        const { path, kind } = this.pick(rows);
        const copy: Path = {
          root: 'each',
          fields: this.pick([
            ['item', 'subs'],
            ['item', 'subs', 'id'],
            ['item', 'tags'],
          ]),
        };
        const last = copy.fields.at(-1) === 'subs' ? 'sub' : 'text';
        return kind === 'inner'
          ? undefined
          : { into: [...path.fields, 'inner', last], copy, forEach: path, maxItems: 30 };
      }
      case 'inside': {
        const { path, kind } = this.pick(rows);
        const from = this.pick(
          kind === 'inner'
            ? [
                ['sub', 'id'],
                ['item', 'ref'],
              ]
            : [
                ['item', 'ref'],
                ['other', 'id'],
                ['item', 'sub', 'id'],
              ],
        );
        return { into: [...path.fields, 'more'], copy: { root: 'answer', fields: [...path.fields, ...from] } };
      }
      default: {
        const one = known.filter((found) => found.kind === 'item' && found.path.root === 'answer');
        if (one.length === 0) return undefined;
        const into = [...this.pick(one).path.fields, this.pick(['ref', 'tags'])];
        return into.at(-1) === 'ref' ? { into, copy: this.text(known), when } : { into, copy: this.texts(known), when };
      }
    }
  }

  /** Draws a step that makes a list of rows. */
  private making(rows: readonly string[], known: readonly Known[], list: Partial<Step>): Partial<Step> {
    const items = known.filter(({ kind }) => kind === 'items');
    const texts = known.filter(({ kind }) => kind === 'texts');
    const kind = this.of(5);
    if (kind === 0 || (items.length === 0 && kind < 3)) return { into: [...rows, 'item'], ...list };
    if (kind < 3) {
      const { path } = this.pick(items);
      const [field, behind] = this.pick([
        ['item', []],
        ['item', []],
        ['text', ['id']],
        ['more', ['ref']],
        ['sub', ['sub']],
        ['sub', ['subs']],
        ['text', ['tags']],
      ] as const);
      const copy = { root: path.root, fields: [...path.fields, ...behind] };
      if (this.of(3) > 0) return { into: [...rows, field], copy };
      const each: Path = { root: 'each', fields: behind };
      return { into: [...rows, field], copy: each, forEach: path, maxItems: 30, ...this.filter(['ref']) };
    }
    const { path, kind: of } = this.pick([...items, ...items, ...texts]);
    const id: Path = { root: 'each', fields: of === 'items' ? [this.pick(['id', 'ref'])] : [] };
    const with_ = [['id', id]] as const;
    return {
      into: [...rows, this.pick(['item', 'other'])],
      call: { method: 'GetItem', with: with_ },
      forEach: path,
      maxItems: this.maxItems(),
      ...(of === 'items' ? this.filter(['ref']) : {}),
    };
  }

  /** Draws a step that fills a field in the rows of a list. */
  private crossing({ path, kind }: Known): Partial<Step> {
    const read = this.pick(
      kind === 'inner' ? [['sub', 'id'], ['text']] : [['item', 'ref'], ['item', 'id'], ['other', 'ref'], ['text']],
    );
    const each: Path = { root: 'each', fields: read };
    const over = { forEach: path, maxItems: this.maxItems(), ...this.filter(read) };
    const to = (field: string) => [...path.fields, field];
    const batch = { method: 'BatchGet', with: [['ids', each]] as const };
    const together = { take: 'items', key: 'key', batchSize: this.pick([0, 0, 1, 2]) };
    switch (this.of(kind === 'inner' ? 3 : 5)) {
      case 0:
        return { into: to('item'), call: { method: 'GetItem', with: [['id', each]] }, ...over };
      case 1:
        return { into: to('more'), copy: ['m', each], ...over };
      case 2:
        return { into: to(kind === 'inner' ? 'item' : 'other'), call: batch, ...together, ...over };
      case 3:
        return { into: to('list'), call: { method: 'ListItems', with: [['id', each]] }, take: 'items', ...over };
      default:
        return { into: to('list'), call: batch, ...together, ...over };
    }
  }

  /** Draws a step with a call for each element of a list. */
  private each(known: readonly Known[]): Partial<Step> {
    const lists = known.filter(({ kind }) => kind === 'items' || kind === 'texts');
    const { path, kind } = this.pick(lists);
    const id: Path = { root: 'each', fields: kind === 'items' ? [this.pick(['id', 'ref'])] : [] };
    const filter = kind === 'items' ? this.filter(['ref']) : {};
    const over = { forEach: path, maxItems: this.maxItems(), ...filter };
    if (this.of(3) === 0) {
      const call = { method: 'BatchGet', with: [['ids', id]] as const };
      return { call, take: 'items', key: 'key', batchSize: this.pick([0, 2]), ...over };
    }
    return { call: { method: 'GetItem', with: [['id', id]] }, ...over };
  }

  private filter(fields: readonly string[]): Partial<Step> {
    return this.of(4) === 0 ? { when: { root: 'each', fields } } : {};
  }

  private maxItems(): number {
    return this.of(12) === 0 ? 2 : 60;
  }

  private condition(known: readonly Known[]): Path {
    const paths = known.flatMap(({ path, kind }) => {
      if (kind === 'item') return [{ ...path, fields: [...path.fields, 'ref'] }];
      return kind === 'text' || kind === 'items' ? [path] : [];
    });
    return this.pick([{ root: 'request', fields: ['flag'] }, ...paths]);
  }

  private text(known: readonly Known[]): Expression {
    const paths = known.flatMap(({ path, kind }): Path[] => {
      if (kind === 'item') return ['id', 'ref'].map((field) => ({ ...path, fields: [...path.fields, field] }));
      return kind === 'text' ? [path] : [];
    });
    const path = this.pick(paths);
    const kind = this.of(6);
    if (kind === 0) return [this.pick(['a', 'b', 'c'])];
    return kind === 1 ? ['t', path] : path;
  }

  private texts(known: readonly Known[]): Expression {
    const paths = known.flatMap(({ path, kind }): Path[] => {
      if (kind === 'items') return ['id', 'tags'].map((field) => ({ ...path, fields: [...path.fields, field] }));
      return kind === 'texts' ? [path] : [];
    });
    return this.pick(paths);
  }

  private field(kind: string): string | undefined {
    const fields = this.steps.flatMap(({ into }) => (into.length === 1 && into[0]!.startsWith(kind) ? [into[0]!] : []));
    return fields.length === 0 ? undefined : this.pick(fields);
  }

  private tell({ into = [], name = '' }: Partial<Step>, optional: boolean): void {
    const add = (path: Path, kind: Known['kind']) => void this.known.push({ path, kind, optional });
    if (name !== '') add({ root: name, fields: [] }, name.startsWith('hiddens') ? 'items' : 'item');
    const [first = '', second = ''] = into;
    const path = { root: 'answer', fields: into };
    if (into.length === 1) {
      const kind = /^[a-z]+/.exec(first)![0];
      add(path, ({ one: 'item', many: 'items', text: 'text', texts: 'texts' } as const)[kind] ?? 'text');
    } else if (first.startsWith('rows')) {
      add({ root: 'answer', fields: [first] }, 'rows');
      if (into.length === 2 && ['item', 'other', 'list'].includes(second)) add(path, 'items');
      if (second === 'inner') add({ root: 'answer', fields: [first, second] }, 'inner');
    }
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.of(list.length)]!;
  }
}

function shuffled<T>(of: Draw, list: readonly T[]): readonly T[] {
  const rest = [...list];
  return list.map(() => rest.splice(of(rest.length), 1)[0]!);
}

export function protoOf(pages: readonly Page[]): string {
  const methods = pages.map(
    ({ name, steps }) => `  rpc ${name}(Ask) returns (${name}Answer) {
    option (google.api.http) = { get: "/v1/${name}" };
    option (protogate.v1.aggregate) = {
      max_calls: 100000
      ${steps.map(stepText).join('\n      ')}
    };
  }`,
  );
  const answers = pages.map(({ name, fields }) => {
    const typed = fields.map((field, i) => `${typeOf(field)} ${field} = ${i + 2};`);
    return `message ${name}Answer { repeated protogate.v1.PartFailure failures = 1; ${typed.join(' ')} }`;
  });
  return `syntax = "proto3";
package n.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; repeated string ids = 2; bool flag = 3; }
message Items { repeated Item items = 1; }
message Item { string id = 1; string key = 2; string ref = 3; repeated string tags = 4; repeated Sub subs = 5; Sub sub = 6; }
message Sub { string id = 1; }
message Row {
  Item item = 1; Item other = 2; string text = 3; string more = 4; Sub sub = 5; repeated Item list = 6; repeated Inner inner = 7;
}
message Inner { Sub sub = 1; Item item = 2; string text = 3; string more = 4; }
service Store {
  rpc GetItem(Ask) returns (Item);
  rpc ListItems(Ask) returns (Items);
  rpc BatchGet(Ask) returns (Items);
}
service Pages {
${methods.join('\n')}
}
${answers.join('\n')}
`;
}

function typeOf(field: string): string {
  const kind = /^[a-z]+/.exec(field)![0];
  return { one: 'Item', many: 'repeated Item', rows: 'repeated Row', text: 'string', texts: 'repeated string' }[kind]!;
}

export function stepText(step: Step): string {
  const { into, name, call, copy, take, forEach, maxItems, key, batchSize, when, optional } = step;
  const parts = [
    into.length > 0 ? `into: "${into.join('.')}"` : `name: "${name}"`,
    ...(call === undefined ? [] : [`call: "n.v1.Store/${call.method}"`]),
    ...(call?.with ?? []).map(([field, value]) => `with: "${field} = ${written(value)}"`),
    ...(copy === undefined ? [] : [`copy: "${written(copy)}"`]),
    ...(take === '' ? [] : [`take: "${take}"`]),
    ...(forEach === undefined ? [] : [`for_each: "${written(forEach)}" max_items: ${maxItems}`]),
    ...(key === '' ? [] : [`key: "${key}"`]),
    ...(batchSize === 0 ? [] : [`batch_size: ${batchSize}`]),
    ...(when === undefined ? [] : [`when: "${written(when)}"`]),
    ...(optional ? ['optional: true'] : []),
  ];
  return `steps: { ${parts.join(' ')} }`;
}

function written(expression: Expression): string {
  if (!Array.isArray(expression)) {
    const { root, fields } = expression as Path;
    return (root === 'answer' ? fields : [root, ...fields]).join('.');
  }
  return `'${expression.map((part: string | Path) => (typeof part === 'string' ? part : `{${written(part)}}`)).join('')}'`;
}
