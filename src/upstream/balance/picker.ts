/**
 * A Picker decides which member gets a call. Its list of members never changes, because each change of the members makes a new
 * Picker. For each call it checks which members have a connection.
 */
import type { Member } from './member.js';
import { type Candidate, type Choose, compilePolicy, type PolicyName } from './policies.js';

export type LoadBalancing = PolicyName | 'pick_first';

/** The part of a member that a picker needs. */
export type Pickable = Pick<Member, 'isReady' | 'isFailing' | 'isOut' | 'prepare' | 'running'>;

export interface Picker<M extends Pickable = Member> {
  /**
   * Returns the member for a call. If no member is connected yet, it returns the members of which one must be connected first;
   * this list is empty if the call can go to no member. Members in `tried` have had this call before, and are chosen only if no
   * other one is connected.
   */
  pick(tried: ReadonlySet<unknown> | undefined): M | readonly M[];
  /** True if the last attempt to connect has failed for each member. */
  isDown(): boolean;
  /** True if so many members are unhealthy or ejected that calls go to all members. */
  readonly isPanic: boolean;
}

export interface PickerOptions {
  readonly policy: LoadBalancing;
  /**
   * The percentage of the members that must be healthy and not ejected. If there are fewer, calls go to all members. 0 turns
   * this off.
   */
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
  // A single member is returned even if it is not connected: its transport lets calls wait for a connection, and fails them
  // while connecting fails.
  if (only !== undefined && candidates.length === 1) return { pick: () => only, isDown: () => only.isFailing, isPanic };
  if (policy === 'pick_first') return { ...firstPicker(members), isPanic };
  const running = (member: M) => member.running();
  const spares = panicPercent === 0 || isPanic ? [] : candidates.flatMap(({ of }) => (of.isOut ? [of] : []));
  return { ...spreadingPicker(members, spares, compilePolicy(policy, used, { running, random })), isPanic };
}

type Picks<M extends Pickable> = Omit<Picker<M>, 'isPanic'>;

/**
 * Returns a picker that spreads calls over all members by `choose`, and keeps all of them connected. `spares` are unhealthy or
 * ejected members; they get calls only if no other member can be reached.
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

/** Returns a picker that chooses the first member, and a later one only while the earlier ones cannot be connected. */
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

/** Returns true if the member is connected. Otherwise the member begins to connect. */
function isReady(member: Pickable): boolean {
  if (member.isReady) return true;
  member.prepare();
  return false;
}

function isDown(members: readonly Pickable[]): boolean {
  return members.every(({ isFailing }) => isFailing);
}
