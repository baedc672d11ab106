/**
 * A caller never gets bytes that a fresh call for the same caller would not give. Two gateways serve drawn stores over the
 * same data, one with its caches and one without, and drawn callers ask both for drawn parts of pages. TEST_SEED and
 * TEST_RUNS choose the stores and their number.
 */
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import type { StartOptions } from '../../src/gateway/gateway.js';
import { handClock } from '../support/clock.js';
import { casesOf, draws, seeds } from '../support/draws.js';
import { type Answer, planOf, startGateway, type TestGateway } from '../support/gateway.js';
import type { Handlers, RecordedCall, Reply } from '../support/upstream.js';
import { type DrawnPage, type DrawnStore, drawStore, protoOf } from './drawn-store.js';
import { AUTH, as, type Claims } from './store.js';

interface Asked {
  readonly claims: Claims;
  readonly target: string;
  readonly language: string;
}

/** The state of the upstream's data. */
interface State {
  epoch: number;
  /** True while the requests of the gateway with caches cannot reach the upstream. */
  isDown: boolean;
}

test('no caller gets bytes from memory that a fresh call for that caller would not give', async (t) => {
  t.timeout(600_000);
  const counts = new Map<string, number>();
  for (const seed of seeds(casesOf(3))) await compareStores(t, seed, counts);
  t.log([...counts].map(([what, count]) => `${what}: ${count}`).join(', '));
  if (process.env.TEST_RUNS !== undefined) return;
  for (const what of ['hit', 'stale', 'collapsed', '200', '403', 'partial', 'masked', 'not modified']) {
    t.true((counts.get(what) ?? 0) > 0, `expected some answers of the kind ${what}`);
  }
});

async function compareStores(t: ExecutionContext, seed: number, counts: Map<string, number>): Promise<void> {
  const of = draws(seed * 7919);
  const store = await servable(t, drawStore(of));
  const clock = handClock();
  const state: State = { epoch: 0, isDown: false };
  const options: StartOptions = store.isPublic || seed % 4 !== 0 ? { clock } : { clock, interceptors: TELLING };
  const start = (isKept: boolean) =>
    startGateway(t, protoOf(store, isKept), handlersOf(store, state, seed), configOf(store), options);
  const [cached, plain] = [await start(true), await start(false)];
  const run = new Run(t, `seed ${seed}`, cached, plain, counts, store);
  const askedFor = drawRequests(of, store);
  // The answers are first fresh, then stale, then the upstream fails, and then the data change after everything in the
  // caches is too old.
  await run.phase(of, askedFor, 24);
  clock.advance(30_000);
  await run.phase(of, askedFor, 10);
  state.isDown = true;
  clock.advance(100_000);
  await run.phase(of, askedFor, 5, 'failing');
  state.isDown = false;
  state.epoch++;
  clock.advance(1_000_000);
  await run.phase(of, askedFor, 6);
  t.is(run.differences, 0);
}

/** Returns the pages without a diagnostic, which are most of them. */
async function servable(t: ExecutionContext, store: DrawnStore): Promise<DrawnStore> {
  const { diagnostics } = await planOf(t, protoOf(store, true), configOf(store));
  const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ text }) => text);
  const pages = store.pages.filter(({ name }) => !errors.some((text) => text.startsWith(`d.v1.Pages/${name}:`)));
  const others = errors.filter((text) => !text.startsWith('d.v1.Pages/'));
  if (others.length > 0 || pages.length === 0) throw new Error(`drawn store: ${errors.join('\n')}`);
  return { ...store, pages };
}

function configOf({ isPublic }: DrawnStore): Partial<ConfigInput> {
  const jwt = AUTH.jwt!.map(({ claimsToMetadata, ...issuer }) => (isPublic ? issuer : { ...issuer, claimsToMetadata }));
  return {
    auth: { default: 'public', jwt },
    metadata: { request: ['accept-language'] },
    // The upstream's clock runs on while the gateway's stands still.
    limits: { requestTimeout: '600s' },
  };
}

/** An embedder's interceptor that sends claims to the upstream. */
const TELLING: NonNullable<StartOptions['interceptors']> = [
  (next) => (request) => {
    const { claims = {}, scopes = [] } = request.context.principal ?? {};
    const told = JSON.stringify([claims.c1 ?? null, [...scopes]]);
    return next({ ...request, metadata: [...request.metadata, ['x-told', told]] });
  },
];

function handlersOf({ methods }: DrawnStore, state: State, seed: number): Handlers {
  return Object.fromEntries(
    methods.map(({ name }) => [name, (call: RecordedCall) => replyTo(call, name, state, seed)]),
  );
}

/**
 * Returns the answer for the data and the claims that the upstream received: the same for the same question, and a
 * different one for each other question.
 */
function replyTo(call: RecordedCall, method: string, { epoch, isDown }: State, seed: number): Reply {
  if (isDown) return { status: { code: 14, message: 'down' } };
  const { owner = '', kind = '' } = call.request as { owner?: string; kind?: string };
  const told = ['x-user-id', 'x-told', 'accept-language'].map((name) => call.metadata.get(name).join());
  const chance = createHash('sha256').update(`${seed} ${epoch} ${method} ${owner}`).digest()[0]!;
  if (chance < 20) return { status: { code: 5, message: 'no such note' } };
  const text = [method, owner, kind, epoch, ...told].join('|');
  return { message: { owner, kind: chance % 3 === 0 ? '' : 'k1', text }, delayMs: chance % 4 };
}

const LANGUAGES = ['', '', '', '', '', '', '', 'nl'];
const OWNERS = ['x', 'x', 'y', 'ada', 'oz'];
const KINDS = ['', 'k1', 'k1', 'z', 'true'];

/** Draws the requests. Callers and targets are so few that each is asked for again and again. */
function drawRequests(of: (n: number) => number, { pages, methods }: DrawnStore): readonly Asked[] {
  const pick = <T>(list: readonly T[]): T => list[of(list.length)]!;
  const values = {
    iss: ['https://store.test', 'https://store.test', 'https://other.test'],
    sub: ['ada', 'ada', 'ada', 'x'],
    c0: ['x', 'x', 'y', undefined, ''],
    c1: ['z', 'k1', true, undefined, ['z'], 1],
    flag: [true, false, 0, 'yes', undefined],
    scope: ['', 'a', 'b', 'a b', 'a b'],
  };
  const drawn = () => Object.fromEntries(Object.entries(values).map(([name, list]) => [name, pick<unknown>(list)]));
  // Most callers have a twin, which differs only in one claim or in its scopes.
  const twin = (claims: object, name: keyof typeof values) => ({ ...claims, [name]: pick<unknown>(values[name]) });
  const known = [1, 2, 3].map(drawn).flatMap((one) => {
    const names = ['iss', 'c0', 'c1', 'flag', 'scope'] as const;
    return [one, twin(one, 'scope'), twin(one, pick(names)), twin(one, pick(names))];
  });
  const callers: readonly Claims[] = [undefined, ...known.map((claims) => ({ ...claims, exp: 9_999_999_999 }))];
  const drawTarget = (name: string) => {
    const query = new URLSearchParams();
    if (of(2) === 0) query.set('kind', pick(KINDS));
    if (of(3) === 0) query.set('flag', 'true');
    for (let i = of(4); i > 0; i--) query.append('owners', pick(OWNERS));
    return `/v1/${name}/${pick(OWNERS)}?${query}`;
  };
  const drawMask = ({ fields }: DrawnPage) => {
    const parts = fields.filter(() => of(2) === 0);
    const inside = parts.map((field) => (field.startsWith('text') || of(2) === 0 ? field : `${field}.text`));
    return [...inside, ...(inside.length === 0 || of(4) === 0 ? ['failures'] : [])].join();
  };
  const targets = [
    ...pages.flatMap((page) => {
      const whole = drawTarget(page.name);
      return [whole, `${whole}&$fields=${drawMask(page)}`, `${whole}&$fields=${drawMask(page)}`];
    }),
    ...methods.slice(1).map(({ name }) => drawTarget(name)),
  ];
  // The targets are so few that most callers ask for a page while it is cached.
  const start = of(targets.length);
  const hot = [...targets, ...targets].slice(start, start + 14);
  return hot.flatMap((target) => callers.map((claims) => ({ claims, target, language: pick(LANGUAGES) })));
}

class Run {
  differences = 0;
  /** The pages without an optional step. */
  private readonly whole: ReadonlySet<string>;
  /** The body that was sent with each ETag. */
  private readonly tagged = new Map<string, string>();

  constructor(
    private readonly t: ExecutionContext,
    private readonly name: string,
    private readonly cached: TestGateway,
    private readonly plain: TestGateway,
    private readonly counts: Map<string, number>,
    store: DrawnStore,
  ) {
    this.whole = new Set(store.pages.flatMap(({ name, isWhole }) => (isWhole ? [name] : [])));
  }

  /**
   * Sends so many batches, each of them at once. With `failing` the upstream is down, and cached answers may be served in
   * its place.
   */
  async phase(of: (n: number) => number, all: readonly Asked[], batches: number, failing?: 'failing'): Promise<void> {
    for (let i = 0; i < batches; i++) {
      const batch = Array.from({ length: 6 }, () => all[of(all.length)]!);
      const doubled = [...batch, batch[0]!, batch[1]!];
      const tags = [...this.tagged.keys()];
      const answers = await Promise.all(
        doubled.map(async (asked) => {
          const tag = tags.length > 0 && of(3) === 0 ? tags[of(tags.length)] : undefined;
          return { asked, tag, answer: await send(this.cached, asked, tag) };
        }),
      );
      for (const { asked, tag, answer } of answers) {
        if (failing === undefined) await this.compare(asked, tag, answer, await send(this.plain, asked));
        else if (answer.status === 200 && answer.headers['x-protogate-partial'] === undefined) {
          this.count('kept while the upstream is down');
        }
      }
    }
  }

  private async compare(asked: Asked, tag: string | undefined, answer: Answer, fresh: Answer): Promise<void> {
    const { status, headers } = answer;
    const said = `${this.name} ${JSON.stringify(asked)}\n${status} ${answer.text}\n${fresh.status} ${fresh.text}`;
    this.count(String(status));
    for (const word of ['hit', 'stale', 'collapsed']) {
      if (String(headers['cache-status']).includes(word)) this.count(word);
    }
    if (headers['x-protogate-partial'] !== undefined) this.count('partial');
    if (asked.target.includes('fields')) {
      this.count('masked');
      if (status === 200) await this.requireWholePage(asked, said);
    }
    if (status === 304) {
      this.count('not modified');
      this.same(this.tagged.get(tag!), fresh.text, said);
    } else if (status === 200) {
      this.same([status, partsOf(answer), textOf(answer)], [fresh.status, partsOf(fresh), textOf(fresh)], said);
    } else {
      // If several required steps fail, the answer reports the first failure, and which one that is may differ.
      this.same(status >= 400, fresh.status >= 400, said);
    }
    if (status === 200 && headers.etag !== undefined) this.tagged.set(headers.etag, answer.text);
  }

  /** If no step is optional, a part of the page is refused whenever the whole page is. */
  private async requireWholePage(asked: Asked, said: string): Promise<void> {
    const [path = '', query] = asked.target.split('?');
    if (!this.whole.has(path.split('/')[2]!)) return;
    const whole = new URLSearchParams(query);
    whole.delete('$fields');
    const { status } = await send(this.plain, { ...asked, target: `${path}?${whole}` });
    this.count('part of a page without optional steps');
    this.same(status === 403, false, said);
  }

  private same(found: unknown, expected: unknown, said: string): void {
    if (JSON.stringify(found) === JSON.stringify(expected)) return;
    this.differences++;
    this.t.deepEqual(found, expected, said);
  }

  private count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

function send({ send }: TestGateway, { claims, target, language }: Asked, tag?: string): Promise<Answer> {
  const headers = {
    ...as(claims),
    ...(language === '' ? {} : { 'accept-language': language }),
    ...(tag === undefined ? {} : { 'if-none-match': tag }),
  };
  return send('GET', target, { headers });
}

const partsOf = ({ headers }: Answer) => headers['x-protogate-partial'];

/** Returns the text of an answer without the id of its request. */
const textOf = ({ text }: Answer) => text.replaceAll(/request id [\w-]+/g, 'request id');
