/**
 * Draws a store by a seed: methods with access rules and caches, and pages over them. The same store can be written with
 * its caches and without them.
 */

type Draw = (n: number) => number;

export interface DrawnStore {
  readonly methods: readonly DrawnMethod[];
  readonly pages: readonly DrawnPage[];
  /** True if no answer depends on the caller; some of these answers are for all callers. */
  readonly isPublic: boolean;
}

interface DrawnMethod {
  readonly name: string;
  readonly auth: string;
  readonly cache: string;
}

export interface DrawnPage {
  readonly name: string;
  readonly auth: string;
  readonly cache: string;
  readonly steps: readonly string[];
  /** The fields that steps fill. */
  readonly fields: readonly string[];
  /** True if no step is optional. */
  readonly isWhole: boolean;
}

const SCOPES = ['a', 'b', 'a|b'];
const OWN = [
  'request.owner = caller.claims.c0',
  'request.owner = caller.subject',
  "request.owner = 'o{caller.claims.c1}'",
  'request.kind = caller.claims.c1',
];
const DEMANDS = [...OWN, "request.kind = 'k1'", 'request.flag = true'];

export function drawStore(of: Draw): DrawnStore {
  const isPublic = of(3) === 0;
  const methods = Array.from({ length: 6 }, (_, i) => drawMethod(of, `Get${i}`, isPublic));
  const pages = Array.from({ length: 7 }, (_, i) => drawPage(of, `Page${i}`, methods, isPublic));
  return { methods, pages, isPublic };
}

function drawMethod(of: Draw, name: string, isPublic: boolean): DrawnMethod {
  const kind = of(9);
  const demand = pick(of, DEMANDS);
  const scopes = `scopes: "${pick(of, SCOPES)}"`;
  const auth = [
    'mode: MODE_PUBLIC',
    'mode: MODE_PUBLIC',
    'mode: MODE_OPTIONAL',
    'mode: MODE_REQUIRED',
    scopes,
    scopes,
    `require: "${demand}"`,
    `require: "${demand}"`,
    `${scopes} require: "${demand}"`,
  ][kind]!;
  const readsCaller = kind >= 6 && OWN.includes(demand);
  return { name, auth, cache: of(2) === 0 ? '' : drawCache(of, isPublic && !readsCaller) };
}

function drawCache(of: Draw, mayBePublic: boolean): string {
  const scope = mayBePublic && of(2) === 0 ? ' scope: SCOPE_PUBLIC' : '';
  const stale = pick(of, [
    '',
    ' stale_while_revalidate: { seconds: 50 }',
    ' stale_if_error: { seconds: 200 }',
    ' stale_while_revalidate: { seconds: 50 } stale_if_error: { seconds: 200 }',
  ]);
  return `cache: { ttl: { seconds: 10 }${scope}${stale} }`;
}

/** The fields of earlier steps that a step may read. An optional step may read all of them. */
interface Filled {
  readonly field: string;
  readonly kind: 'note' | 'list' | 'text';
  readonly optional: boolean;
}

function drawPage(of: Draw, name: string, methods: readonly DrawnMethod[], isPublic: boolean): DrawnPage {
  const steps: string[] = [];
  const filled: Filled[] = [];
  const optionals = pick(of, [0, 0, 2, 3, 4]);
  for (let i = 0, count = 1 + of(5); i < count; i++) {
    const optional = of(4) < optionals;
    const known = filled.filter((one) => optional || !one.optional);
    const kind = pick(of, ['note', 'note', 'note', 'list', 'list', 'text', 'hidden'] as const);
    const field = `${kind}${i}`;
    const when = of(4) === 0 ? ` when: "${drawCondition(of, known)}"` : '';
    const end = `${when}${optional ? ' optional: true' : ''} }`;
    if (kind === 'text') steps.push(`steps: { into: "${field}" copy: "${drawText(of, known)}"${end}`);
    else steps.push(`steps: { ${drawCall(of, field, kind, known, drawCalled(of, methods, optional))}${end}`);
    filled.push({ field, kind: kind === 'hidden' ? 'note' : kind, optional });
  }
  const auth = of(4) === 0 ? 'mode: MODE_OPTIONAL' : 'mode: MODE_REQUIRED';
  const cache = of(8) === 0 ? '' : drawCache(of, isPublic);
  const fields = filled.flatMap(({ field }) => (field.startsWith('hidden') ? [] : [field]));
  return { name, auth, cache, steps, fields, isWhole: filled.every(({ optional }) => !optional) };
}

/**
 * Draws the method that a step calls. A required step mostly calls a method that is open to all callers; otherwise nearly
 * no page would ever be answered.
 */
function drawCalled(of: Draw, methods: readonly DrawnMethod[], optional: boolean): string {
  const open = methods.filter(({ auth }) => auth.startsWith('mode'));
  return pick(of, optional || open.length === 0 || of(3) === 0 ? methods : open).name;
}

function drawCall(of: Draw, field: string, kind: 'note' | 'list' | 'hidden', known: readonly Filled[], method: string) {
  const lists = ['request.owners', ...known.flatMap((one) => (one.kind === 'list' ? [one.field] : []))];
  const list = pick(of, lists);
  const target = kind === 'hidden' ? `name: "${field}"` : `into: "${field}"`;
  const each = list === 'request.owners' ? 'each' : 'each.owner';
  const owner = kind === 'list' ? each : drawText(of, known);
  const elements = kind === 'list' ? ` for_each: "${list}" max_items: 3` : '';
  const more = of(2) === 0 ? '' : ` with: "kind = ${drawText(of, known)}"`;
  const flag = of(3) === 0 ? ' with: "flag = request.flag"' : '';
  return `${target} call: "d.v1.Store/${method}"${elements} with: "owner = ${owner}"${more}${flag}`;
}

function drawText(of: Draw, known: readonly Filled[]): string {
  const read = known.flatMap(({ field, kind }) =>
    kind === 'note' ? [`${field}.owner`] : kind === 'text' ? [field] : [],
  );
  return pick(of, [
    'request.owner',
    'request.owner',
    'request.kind',
    'caller.subject',
    'caller.claims.c0',
    "'o{caller.claims.c1}'",
    "'{request.owner}{request.kind}'",
    ...read,
    ...read,
  ]);
}

function drawCondition(of: Draw, known: readonly Filled[]): string {
  const read = known.flatMap(({ field, kind }) => (kind === 'note' ? [`${field}.kind`] : [field]));
  return pick(of, ['request.flag', 'caller.claims.flag', 'caller.claims.c1', ...read, ...read]);
}

function pick<T>(of: Draw, list: readonly T[]): T {
  return list[of(list.length)]!;
}

/** Writes the protos of the store, with its caches if `isKept` is true. */
export function protoOf({ methods, pages }: DrawnStore, isKept: boolean): string {
  const kept = (cache: string) => (isKept ? cache : '');
  const all = methods.map(
    ({ name, auth, cache }, index) => `  rpc ${name}(Ask) returns (Note) {
    ${index === 0 ? '' : `option (google.api.http) = { get: "/v1/${name}/{owner}" };`}
    option (protogate.v1.policy) = { auth: { ${auth} } ${kept(cache)} };
  }`,
  );
  const paged = pages.map(
    ({ name, auth, cache, steps }) => `  rpc ${name}(Ask) returns (${name}Answer) {
    option (google.api.http) = { get: "/v1/${name}/{owner}" };
    option (protogate.v1.policy) = { auth: { ${auth} } ${kept(cache)} };
    option (protogate.v1.aggregate) = {
      ${steps.join('\n      ')}
    };
  }`,
  );
  const answers = pages.map(({ name, fields }) => {
    const typed = fields.map((field, i) => {
      const type = field.startsWith('text') ? 'string' : field.startsWith('list') ? 'repeated Note' : 'Note';
      return `${type} ${field} = ${i + 2};`;
    });
    return `message ${name}Answer { repeated protogate.v1.PartFailure failures = 1; ${typed.join(' ')} }`;
  });
  return `syntax = "proto3";
package d.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string owner = 1; string kind = 2; bool flag = 3; repeated string owners = 4; }
message Note { string owner = 1; string kind = 2; string text = 3; }
service Store {
${all.join('\n')}
}
service Pages {
${paged.join('\n')}
}
${answers.join('\n')}
`;
}
