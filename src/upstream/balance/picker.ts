/**
 * A Picker decides which member gets a call. Its list of members never changes: each change of the members makes a new
 * Picker. For each call it asks which members have a connection.
 */
import type { Member } from './member.js';
import { type Candidate, type Choose, compilePolicy, type PolicyName } from './policies.js';

export type LoadBalancing = PolicyName | 'pick_first';

/** The part of a member that a picker needs. */
export type Pickable = Pick<Member, 'isReady' | 'isFailing' | 'isOut' | 'prepare' | 'running'>;

export interface Picker<M extends Pickable = Member> {
  /**
   * Returns the member for a call, or the members for which the call must wait until one of them is connected. The list is
   * empty if there is no member that the call may use. Members in `tried` are chosen only if no other one is connected.
   */
  pick(tried: ReadonlySet<unknown> | undefined): M | readonly M[];
  /** True if no member can be reached. */
  isDown(): boolean;
  /** True if so many members are out that all of them are used. */
  readonly isPanic: boolean;
}

export interface PickerOptions {
  readonly policy: LoadBalancing;
  /** The percentage of the members that must be usable. If there are fewer, all members are used. 0 turns this off. */
  readonly panicPercent: number;
  readonly random?: () => number;
}

export function compilePicker<M extends Pickable>(
  candidates: readonly Candidate<M>[],
  { policy, panicPercent, random = Math.random }: PickerOptions,
): Picker<M> {
  const inside = candidates.filter(({ of }) => !of.isOut);
  const isPanic = inside.length < candidates.length && inside.length * 100 < candidates.length * panicPercent;
  const used = isPanic ? candidates : inside;
  const members = used.map(({ of }) => of);
  const [only] = members;
  // The transport itself lets calls wait for a connection, and fails them while there is none.
  if (only !== undefined && candidates.length === 1) return { pick: () => only, isDown: () => only.isFailing, isPanic };
  if (policy === 'pick_first') return { ...firstPicker(members), isPanic };
  const running = (member: M) => member.running();
  const spares = panicPercent === 0 || isPanic ? [] : candidates.flatMap(({ of }) => (of.isOut ? [of] : []));
  return { ...spreadingPicker(members, spares, compilePolicy(policy, used, { running, random })), isPanic };
}

type Picks<M extends Pickable> = Omit<Picker<M>, 'isPanic'>;

/**
 * Returns the picker of the policies that spread calls: all members are kept connected. `spares` are unhealthy or
 * ejected members. They are used only if no other member can be reached.
 */
function spreadingPicker<M extends Pickable>(members: readonly M[], spares: readonly M[], choose: Choose<M>): Picks<M> {
  let turn = 0;
  return {
    pick(tried) {
      const isFresh = tried !== undefined && tried.size > 0 ? (one: M) => !tried.has(one) && isReady(one) : isReady;
      const fresh = choose(isFresh) ?? (isFresh === isReady ? undefined : choose(isReady));
      if (fresh !== undefined) return fresh;
      if (!isDown(members)) return members;
      turn = (turn + 1) % Math.max(1, members.length);
      return spares.find(isReady) ?? members[turn] ?? members;
    },
    isDown: () => isDown(members),
  };
}

/** Returns the picker that uses a later member only while the earlier ones cannot be connected. */
function firstPicker<M extends Pickable>(members: readonly M[]): Picks<M> {
  const first = (tried: ReadonlySet<unknown> | undefined) =>
    members.find((one) => tried?.has(one) !== true && (isReady(one) || !one.isFailing));
  return {
    pick(tried) {
      const found = first(tried) ?? first(undefined) ?? members[0];
      if (found === undefined) return [];
      return found.isReady || found.isFailing ? found : [found];
    },
    isDown: () => isDown(members),
  };
}

/** True if the member is connected. Otherwise it begins to connect. */
function isReady(member: Pickable): boolean {
  if (member.isReady) return true;
  member.prepare();
  return false;
}

function isDown(members: readonly Pickable[]): boolean {
  return members.every(({ isFailing }) => isFailing);
}
