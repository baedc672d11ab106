/**
 * Draws rules and streams by a seed, for the oracle of streams: messages with fields of many kinds, demands over them, and
 * the JSON that clients may write. Half of the messages are made to meet their rule, the others may meet it by chance.
 */
import { type ClientFraming, FRAMINGS } from './client-framings.js';
import { draws } from './draws.js';
import {
  type Demand,
  declare,
  type Field,
  isNumeric,
  type Leaf,
  type Message,
  nameOf,
  type Part,
  type Path,
  put,
  type Stream,
  type Verdict,
  verdictOn,
} from './stream-oracle.js';

const leaf = (name: string, type: Leaf, more: Partial<Field> = {}): Field => ({ name, type, presence: false, ...more });
const message = (name: string, type: readonly Field[], more: Partial<Field> = {}): Field => ({
  name,
  type,
  presence: true,
  ...more,
});
const wrapper = (name: string, type: Leaf) => message(name, declare([leaf('value', type)]));
const member = (name: string, type: Leaf, oneof: string) => leaf(name, type, { presence: true, oneof });

const DEEP = declare([leaf('id', 'string'), leaf('num', 'int64')]);
const INNER = declare([
  leaf('list', 'string'),
  leaf('text', 'string'),
  leaf('flag', 'bool'),
  leaf('n', 'int32'),
  leaf('note', 'string', { presence: true }),
  member('left', 'string', 'side'),
  member('right', 'int32', 'side'),
  message('deep', DEEP),
]);
export const ITEM = declare([
  leaf('list_name', 'string'),
  leaf('shard', 'int64'),
  leaf('dry_run', 'bool'),
  leaf('kind', 'enum'),
  leaf('raw', 'bytes'),
  leaf('note', 'string', { presence: true }),
  leaf('level', 'int32', { presence: true }),
  leaf('mood', 'enum', { presence: true }),
  member('team', 'string', 'target'),
  member('person', 'string', 'target'),
  member('room', 'int32', 'target'),
  message('own', INNER, { oneof: 'place' }),
  message('foreign', INNER, { oneof: 'place' }),
  message('inner', INNER),
  wrapper('tenant', 'string'),
  wrapper('approved', 'bool'),
  wrapper('quota', 'int64'),
]);

const WRAPPERS: Readonly<Record<string, string>> = {
  tenant: 'StringValue',
  approved: 'BoolValue',
  quota: 'Int64Value',
};

const VALUES: Readonly<Record<Leaf, readonly string[]>> = {
  string: ['', 'a', 'b'],
  bytes: ['', 'AQI=', '+/8='],
  bool: ['false', 'true'],
  enum: ['KIND_A', 'KIND_B'],
  int32: ['0', '7', '-1'],
  int64: ['0', '7', '9007199254740993'],
};

/** The claims of the caller, whose subject is {@link SUBJECT}. */
export const CLAIMS = { team: 'a', number: 7, yes: true };
const claimText: Readonly<Record<string, string | undefined>> = {
  team: 'a',
  number: '7',
  yes: 'true',
  missing: undefined,
};
export const SUBJECT = 'a';

/** Returns the paths of all leaves. */
function leavesOf(fields: readonly Field[], before: Path = []): Path[] {
  return fields.flatMap((field) => {
    const path = [...before, field];
    return typeof field.type === 'string' ? [path] : leavesOf(field.type, path);
  });
}
const LEAVES = leavesOf(ITEM);

const draw = draws(20_261_201);
const oneOf = <T>(all: readonly T[]): T => all[draw(all.length)]!;
const isDue = (percent: number) => draw(100) < percent;

export interface Rule {
  readonly name: string;
  readonly bothWays: boolean;
  /** The field that is the body; undefined when the body is the whole message. */
  readonly body: Field | undefined;
  /** True if the rule is a GET without a body: only WebSockets carry messages, and the query may give fields of the first one. */
  readonly get: boolean;
  readonly variable: Path | undefined;
  readonly query: readonly Path[];
  readonly demands: readonly Demand[];
  readonly texts: readonly string[];
}

export function randomRule(index: number): Rule {
  const variable = isDue(65) ? oneOf(LEAVES.filter(([top]) => top!.name !== 'foreign' && !isBytes(top!))) : undefined;
  // A body that holds another member of the path's oneof could never be sent.
  const bodies = ITEM.filter(({ name, oneof }) => name === 'inner' || (name === 'own' && oneof !== undefined));
  const body = isDue(35) ? oneOf(bodies) : undefined;
  const get = body === undefined && isDue(40);
  const free = LEAVES.filter((path) =>
    get
      ? path !== variable && path.every(({ oneof }) => oneof === undefined)
      : path.length === 1 && path[0] !== body && path[0]!.oneof === undefined && path[0] !== variable?.[0],
  );
  const query = body === undefined && !get ? [] : free.filter(() => isDue(get ? 10 : 20));
  const given = [...(variable === undefined ? [] : [variable]), ...query];
  const fields = LEAVES.filter((_, place) => place === 0 || isDue(30));
  const demands = Array.from({ length: draw(3) }, () => randomDemand(given, fields));
  const name = `Rule${index}`;
  return {
    name,
    bothWays: isDue(50),
    body,
    get,
    variable,
    query,
    demands: demands.map(([one]) => one),
    texts: demands.map(([, text]) => text),
  };
}

const isBytes = ({ type }: Field) => type === 'bytes';

function randomDemand(given: readonly Path[], fields: readonly Path[]): [Demand, string] {
  const inOneof = LEAVES.filter((path) => path.some(({ oneof }) => oneof !== undefined));
  const path = oneOf(given.length > 0 && isDue(50) ? given : isDue(40) ? inOneof : fields);
  const { type } = path.at(-1)!;
  const request = `request.${nameOf(path)}`;
  const other = oneOf(isDue(80) ? LEAVES.filter((one) => one.at(-1)!.type === type) : fields);
  const one: Part = { request: path };
  const claim = oneOf(['team', 'number', 'yes', ...(isDue(10) ? ['missing'] : [])]);
  switch (draw(6)) {
    case 0:
      return [{ left: [one], right: [{ request: other }] }, `${request} = request.${nameOf(other)}`];
    case 1:
      return [{ left: [{ claim: claimText[claim] }], right: [one] }, `caller.claims.${claim} = ${request}`];
    case 2:
      return [
        { left: ['x-', one, '-', { claim: SUBJECT }], right: ['x-', { request: other }, '-a'] },
        `'x-{${request}}-{caller.subject}' = 'x-{request.${nameOf(other)}}-a'`,
      ];
    default: {
      const value = oneOf(VALUES[type as Leaf]);
      const literal = isNumeric(path.at(-1)!) ? value : `'${value}'`;
      return [{ left: [one], right: [value] }, `${request} = ${literal}`];
    }
  }
}

export function protoOf(rules: readonly Rule[]): string {
  const typeOf = ({ name, type }: Field) => {
    if (WRAPPERS[name] !== undefined) return `google.protobuf.${WRAPPERS[name]}`;
    return type === 'enum' ? 'Kind' : type === INNER ? 'Inner' : type === DEEP ? 'Deep' : (type as string);
  };
  const fieldsOf = (fields: readonly Field[]) => {
    const lines = fields.map((field, index) => {
      const { name, type, presence, oneof } = field;
      const optional = presence && oneof === undefined && typeof type === 'string' ? 'optional ' : '';
      return { oneof, text: `${optional}${typeOf(field)} ${name} = ${index + 1};` };
    });
    const names = [...new Set(lines.flatMap(({ oneof }) => oneof ?? []))];
    const groups = names.map(
      (name) => `oneof ${name} { ${lines.flatMap(({ oneof, text }) => (oneof === name ? [text] : [])).join(' ')} }`,
    );
    return [...lines.flatMap(({ oneof, text }) => (oneof === undefined ? [text] : [])), ...groups].join(' ');
  };
  const rpcs = rules.map(({ name, bothWays, body, get, variable, texts }) => {
    const template = `/v1/${name}${variable === undefined ? '' : `/{${nameOf(variable)}}`}`;
    const rule = get ? `get: "${template}"` : `post: "${template}" body: "${body?.name ?? '*'}"`;
    const auth = `auth: { ${texts.map((text) => `require: ${JSON.stringify(text)}`).join(' ')} }`;
    return `rpc ${name}(stream Item) returns (${bothWays ? 'stream ' : ''}Total) {
      option (google.api.http) = { ${rule} };
      option (protogate.v1.policy) = { ${auth} };
    }`;
  });
  return `syntax = "proto3"; package oracle.v1;
    import "google/api/annotations.proto"; import "google/protobuf/wrappers.proto"; import "protogate/v1/annotations.proto";
    enum Kind { KIND_A = 0; KIND_B = 1; }
    message Deep { ${fieldsOf(DEEP)} } message Inner { ${fieldsOf(INNER)} } message Item { ${fieldsOf(ITEM)} }
    message Total { int32 count = 1; }
    service Oracle { ${rpcs.join('\n')} }`;
}

/** Returns a message with the given percentage of its fields set, and at most one member of each oneof. */
function randomMessage(fields: readonly Field[], percent: number): Message {
  const made: Message = {};
  const taken = new Set<string>();
  for (const field of fields.toSorted(() => draw(3) - 1)) {
    const { name, type, oneof } = field;
    if (!isDue(name === 'value' ? 100 : percent) || (oneof !== undefined && taken.has(oneof))) continue;
    if (oneof !== undefined) taken.add(oneof);
    made[name] = typeof type === 'string' ? oneOf(VALUES[type]) : randomMessage(type, percent);
  }
  return made;
}

/** Sets a field to the wanted text, unless that would set a second member of a oneof. */
function say(made: Message, path: Path, text: string): void {
  let around: Message | undefined = made;
  for (const { name, oneof } of path) {
    if (around === undefined) break;
    const level: Message = around;
    if (oneof !== undefined) {
      for (const other of Object.keys(level)) {
        const rival = [...ITEM, ...INNER].find((field) => field.name === other);
        if (other !== name && rival?.oneof === oneof) delete level[other];
      }
    }
    const inside: string | Message | undefined = level[name];
    around = typeof inside === 'object' ? inside : undefined;
  }
  put(made, path, text);
}

function reads({ left, right }: Demand, path: Path): boolean {
  return [...left, ...right].some((part) => typeof part === 'object' && 'request' in part && part.request === path);
}

/** Sets another member of the first oneof on the path, if there is one. */
function setRival(made: Message, path: Path): void {
  const place = path.findIndex(({ oneof }) => oneof !== undefined);
  const member = path[place];
  if (member === undefined) return;
  const rivals = [...ITEM, ...INNER].filter(({ oneof, name }) => oneof === member.oneof && name !== member.name);
  const rival = oneOf(rivals);
  const value = typeof rival.type === 'string' ? oneOf(VALUES[rival.type]) : undefined;
  if (value !== undefined) say(made, [...path.slice(0, place), rival], value);
  else {
    delete made[member.name];
    made[rival.name] = {};
  }
}

function wantedText(part: Part, head: Stream['head']): string | undefined {
  if (typeof part === 'string') return part;
  return 'claim' in part ? part.claim : head.find(({ path }) => path === part.request)?.text;
}

/** Returns a message that mostly meets the demands. */
function messageFor({ body, demands, variable }: Rule, head: Stream['head']): Message {
  const made = randomMessage(ITEM, 15);
  for (const { left, right } of demands) {
    for (const [mine, its] of [
      [left, right],
      [right, left],
    ] as const) {
      const [one, more] = mine;
      if (typeof one !== 'object' || !('request' in one) || more !== undefined || !isDue(80)) continue;
      const [other] = its;
      const wanted = other === undefined ? undefined : wantedText(other, head);
      if (wanted !== undefined && VALUES[one.request.at(-1)!.type as Leaf].includes(wanted))
        say(made, one.request, wanted);
    }
  }
  for (const path of LEAVES) {
    if (demands.some((demand) => reads(demand, path)) && isDue(10)) setRival(made, path);
  }
  if (variable !== undefined && isDue(50))
    say(made, variable, isDue(70) ? head[0]!.text : oneOf(VALUES[variable.at(-1)!.type as Leaf]));
  if (body === undefined) return made;
  const only = made[body.name];
  return only === undefined ? (isDue(10) ? {} : { [body.name]: {} }) : { [body.name]: only };
}

/**
 * Writes a message as a client may: fields by either name, null for absent fields, numbers and enums in each of their
 * forms.
 */
function jsonOf(fields: readonly Field[], made: Message): object {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = made[field.name];
      const name = isDue(50) ? field.name : field.name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
      if (value === undefined) return isDue(5) ? [[name, null]] : [];
      if (WRAPPERS[field.name] !== undefined)
        return [[name, spelled((field.type as readonly Field[])[0]!, (value as Message).value as string)]];
      return [
        [name, typeof value === 'object' ? jsonOf(field.type as readonly Field[], value) : spelled(field, value)],
      ];
    }),
  );
}

function spelled({ type }: Field, text: string): unknown {
  if (type === 'bool') return text === 'true';
  if (type === 'enum') return isDue(50) ? text : ['KIND_A', 'KIND_B'].indexOf(text);
  if (type === 'bytes') return isDue(50) ? text : text.replaceAll('+', '-').replaceAll('/', '_').replace('=', '');
  if (type === 'int32') return isDue(50) ? Number(text) : text;
  if (type === 'int64') return isDue(50) && text.length < 16 ? Number(text) : text;
  return text;
}

/** Turns a message that the service received into the form of the oracle. */
export function recorded(fields: readonly Field[], got: Readonly<Record<string, unknown>>): Message {
  return Object.fromEntries(
    Object.entries(got).map(([name, value]) => {
      const { type } = fields.find((field) => field.name === name)!;
      if (typeof type !== 'string') return [name, recorded(type, value as Record<string, unknown>)];
      return [name, type === 'bytes' ? Buffer.from(value as Uint8Array).toString('base64') : String(value)];
    }),
  );
}

export interface Planned {
  readonly rule: Rule;
  readonly stream: Stream;
  readonly target: string;
  readonly messages: readonly Message[];
  readonly texts: readonly string[];
  readonly verdicts: readonly Verdict[];
  readonly framing: ClientFraming;
  /** True if each message waits until the one before has arrived. */
  readonly oneByOne: boolean;
}

export function randomStream(rule: Rule): Planned {
  const { name, variable, query, demands, body, get, bothWays } = rule;
  const textFor = (path: Path, mayBeZero: boolean) => {
    const all = VALUES[path.at(-1)!.type as Leaf].filter((text) => mayBeZero || text !== '');
    const wanted = demands.flatMap(({ left, right }) => [...left, ...right]).filter((part) => typeof part === 'string');
    const right = all.filter((text) => wanted.includes(text));
    return right.length > 0 && isDue(70) ? oneOf(right) : oneOf(all);
  };
  const head: Stream['head'] = [
    ...(variable === undefined ? [] : [{ path: variable, text: textFor(variable, false), from: 'path' as const }]),
    ...query.flatMap((path) => (isDue(80) ? [{ path, text: textFor(path, true), from: 'query' as const }] : [])),
  ];
  const stream: Stream = { type: ITEM, head, demands };
  const messages = Array.from({ length: 1 + draw(5) }, () => messageFor(rule, head));
  const texts = messages.map((made) => {
    if (body === undefined) return JSON.stringify(jsonOf(ITEM, made));
    const only = made[body.name];
    return only === undefined ? 'null' : JSON.stringify(jsonOf(body.type as readonly Field[], only as Message));
  });
  const search = new URLSearchParams(
    head.filter(({ from }) => from === 'query').map(({ path, text }): [string, string] => [nameOf(path), text]),
  );
  const path = variable === undefined ? '' : `/${encodeURIComponent(head[0]!.text)}`;
  const target = `/v1/${name}${path}${search.size === 0 ? '' : `?${search}`}`;
  const framing = oneOf(FRAMINGS.filter((one) => (one.bothWays || !bothWays) && (!get || one.name === 'WebSocket')));
  return {
    rule,
    stream,
    target,
    messages,
    texts,
    framing,
    oneByOne: isDue(75),
    verdicts: messages.map((made, index) => verdictOn(stream, made, index === 0)),
  };
}
