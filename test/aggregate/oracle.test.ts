/**
 * Compares aggregates with a naive evaluator: drawn pages are served over sockets by an upstream that is slow and fails at
 * random, and must answer as an evaluation of one step after the other does. TEST_SEED and TEST_RUNS choose the schemas, of
 * twelve pages each, and their number. Each page is then asked for 25 times, so that TEST_RUNS=80 makes 20,000 requests or
 * more.
 */
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { casesOf, draws, seeds } from '../support/draws.js';
import { type Answer, planOf, startGateway } from '../support/gateway.js';
import type { Handlers, Reply } from '../support/upstream.js';
import { drawPage, isList, type Page, protoOf, stepText } from './drawn-pages.js';
import { type Message, Naive, type Outcome } from './naive.js';

const { TEST_RUNS } = process.env;
const REQUESTS = TEST_RUNS === undefined ? 8 : 25;

test('drawn pages answer what a naive evaluation of their steps says', async (t) => {
  t.timeout(7_200_000);
  const counts = new Map<string, number>();
  const of = draws(4711);
  for (const seed of seeds(casesOf(5))) await compare(t, seed, counts, of);
  t.log([...counts].map(([what, count]) => `${what}: ${count}`).join(', '));
});

async function compare(t: ExecutionContext, seed: number, counts: Map<string, number>, of: (n: number) => number) {
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const pages = await servable(t, seed);
  const data = { seed, epoch: 0, failing: 0 };
  const { send } = await startGateway(t, protoOf(pages), handlersOf(data, of), { limits: { requestTimeout: '600s' } });
  for (const page of pages) {
    count('pages');
    for (let i = 0; i < REQUESTS; i++) {
      // Out of six calls, none, one or two fail.
      Object.assign(data, { epoch: i, failing: [0, 1, 1, 2][of(4)]! });
      const request = {
        id: 'abc'[of(3)]!,
        ids: Array.from({ length: of(5) }, () => 'abcdef'[of(6)]!),
        flag: of(2) === 0,
      };
      const wanted = of(3) === 0 ? page.fields.filter(() => of(2) === 0) : undefined;
      const query = new URLSearchParams({ id: request.id, flag: String(request.flag) });
      for (const id of request.ids) query.append('ids', id);
      if (wanted !== undefined) query.set('$fields', [...wanted, 'failures'].join());
      const answered = send('GET', `/v1/${page.name}?${query}`);
      const expected = new Naive(page.steps, isList, (method, asked) => dataFor(method, asked, data), request).run(
        wanted && new Set(wanted),
      );
      const steps = page.steps.map(stepText).join('\n');
      const said = `seed ${seed} ${page.name} ${query} epoch ${i} failing ${data.failing}\n${steps}`;
      check(t, await answered, expected, wanted, said, count);
    }
  }
}

function check(
  t: ExecutionContext,
  { status, json, headers, text }: Answer,
  expected: Outcome,
  wanted: readonly string[] | undefined,
  said: string,
  count: (what: string) => void,
): void {
  count('requests');
  if (wanted !== undefined) count('masked');
  if ('error' in expected) {
    count('failed');
    t.true(
      status >= 400 && expected.error.has(json.code),
      `${said}
${status} ${text} ${[...expected.error]}`,
    );
    return;
  }
  const { failures = [], ...answer } = json as { failures?: { path: string; code: number; message: string }[] };
  count(failures.length > 0 ? 'partial' : 'whole');
  const isWanted = ([field]: [string, unknown]) => wanted === undefined || wanted.includes(field);
  t.is(status, 200, `${said}\n${text}`);
  t.deepEqual(answer, Object.fromEntries(Object.entries(expected.answer).filter(isWanted)), said);
  const told = failures.map(({ path, code, message }) => ({ path, code, hangs: message.startsWith('not called') }));
  t.deepEqual(told, expected.failures, `${said}\n${text}`);
  const parts = [...new Set(expected.failures.map(({ path }) => path))].join(', ');
  const partial = String(headers['x-protogate-partial'] ?? '');
  if (!partial.endsWith('...')) t.is(partial, parts, said);
}

/** Returns the pages without a diagnostic. */
async function servable(t: ExecutionContext, seed: number): Promise<readonly Page[]> {
  const of = draws(seed * 104_729);
  const drawn = Array.from({ length: 24 }, (_, i) => drawPage(of, `Page${i}`));
  const { diagnostics } = await planOf(t, protoOf(drawn));
  const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ text }) => text);
  const strange = errors.filter((text) => !text.startsWith('n.v1.Pages/'));
  if (strange.length > 0) throw new Error(strange.join('\n'));
  return drawn.filter(({ name }) => !errors.some((text) => text.startsWith(`n.v1.Pages/${name}:`))).slice(0, 12);
}

interface Data {
  readonly seed: number;
  readonly epoch: number;
  /** The number of calls out of six that fail. */
  readonly failing: number;
}

function handlersOf(data: Data, of: (n: number) => number): Handlers {
  const handler =
    (method: string) =>
    (call: { request: object | undefined }): Reply => {
      const answer = dataFor(method, call.request as Message, data);
      const delayMs = of(3) === 0 ? of(6) : 0;
      return typeof answer === 'number'
        ? { status: { code: answer, message: 'no' }, delayMs }
        : { message: answer, delayMs };
    };
  return { GetItem: handler('GetItem'), ListItems: handler('ListItems'), BatchGet: handler('BatchGet') };
}

/** Returns the same answer for the same question. Items are named by one letter, so that many requests are equal. */
function dataFor(method: string, { id = '', ids = [] }: { id?: string; ids?: string[] }, data: Data): Message | number {
  const { seed, epoch, failing } = data;
  const drawn = (what: string) => {
    const digest = createHash('sha256').update(`${seed} ${epoch} ${what}`).digest();
    return (at: number, n: number) => digest[at]! % n;
  };
  const asked = method === 'BatchGet' ? ids.join() : id;
  if (drawn(`${method} ${asked}`)(0, 6) < failing) return [5, 14][drawn(asked)(1, 2)]!;
  const item = (name: string, key: string): Message => {
    const of = drawn(`item ${name}`);
    const letters = (at: number, n: number) => Array.from({ length: n }, (_, i) => 'abcdefgh'[of(at + i, 8)]!);
    const more: Message = { ref: of(1, 4) === 0 ? '' : letters(2, 1)[0]!, key };
    if (of(3, 3) > 0) more.tags = letters(4, of(3, 3));
    if (of(7, 4) > 0) more.subs = letters(8, of(7, 4)).map((one) => ({ id: one }));
    if (of(12, 2) === 0) more.sub = { id: letters(13, 1)[0]! };
    return Object.fromEntries(Object.entries({ id: name, ...more }).filter(([, value]) => value !== ''));
  };
  if (method === 'GetItem') return item(id.slice(0, 1), '');
  if (method === 'ListItems') {
    const of = drawn(`list ${id}`);
    return { items: Array.from({ length: of(0, 5) }, (_, i) => item('abcdefgh'[of(i + 1, 8)]!, '')) };
  }
  const of = drawn(`batch ${ids.join()}`);
  const found = ids.flatMap((key, i) =>
    Array.from({ length: [1, 1, 1, 1, 0, 2][of(i % 30, 6)]! }, (_, n) => item(`${key}${n}`.slice(0, 1), key)),
  );
  return { items: [item('z', 'stranger'), ...found.reverse()] };
}
