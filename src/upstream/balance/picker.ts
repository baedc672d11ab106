/**
 * A Picker decides which member gets a call. It is immutable in its list of members: each change of the list makes a new
 * one. Which of the members have a connection it asks with each call.
 */
import type { Member } from './member.js';
import { type Candidate, type Choose, compilePolicy, type PolicyName } from './policies.js';

export type LoadBalancing = PolicyName | 'pick_first';

export interface Picker {
  /**
   * Returns the member for a call. Members in `tried` are chosen only if no other one is connected. Undefined when the call
   * must wait until one of `awaited` is connected.
   */
  pick(tried: ReadonlySet<unknown> | undefined): Member | undefined;
  /** Returns the members that a call may wait for. It is empty when there is no member. */
  awaited(): readonly Member[];
  /** True if no member can be reached. */
  isDown(): boolean;
}

export function compilePicker(
  policy: LoadBalancing,
  candidates: readonly Candidate<Member>[],
  random: () => number = Math.random,
): Picker {
  const members = candidates.map(({ of }) => of);
  const [only] = members;
  // The transport itself lets calls wait for a connection, and fails them while there is none.
  if (only !== undefined && members.length === 1)
    return { pick: () => only, awaited: () => members, isDown: () => only.isFailing };
  if (policy === 'pick_first') return firstPicker(members);
  const running = (member: Member) => member.transport.running();
  return spreadingPicker(members, compilePolicy(policy, candidates, { running, random }));
}

/** Returns the picker of policies that spread calls: all members are kept connected. */
function spreadingPicker(members: readonly Member[], choose: Choose<Member>): Picker {
  return {
    pick(tried) {
      const isFresh =
        tried !== undefined && tried.size > 0 ? (one: Member) => !tried.has(one) && isReady(one) : isReady;
      const fresh = choose(isFresh) ?? (isFresh === isReady ? undefined : choose(isReady));
      if (fresh !== undefined) return fresh;
      return isDown(members) ? choose(isAny) : undefined;
    },
    awaited: () => members,
    isDown: () => isDown(members),
  };
}

/** Returns the picker that uses a later member only while the earlier ones cannot be connected. */
function firstPicker(members: readonly Member[]): Picker {
  const first = (tried: ReadonlySet<unknown> | undefined) =>
    members.find((one) => tried?.has(one) !== true && (isReady(one) || !one.isFailing));
  return {
    pick(tried) {
      const found = first(tried) ?? first(undefined) ?? members[0];
      return found === undefined || found.isReady || found.isFailing ? found : undefined;
    },
    awaited: () => members.filter(({ isFailing }) => !isFailing).slice(0, 1),
    isDown: () => isDown(members),
  };
}

/** True if the member is connected. Otherwise it begins to connect. */
function isReady(member: Member): boolean {
  if (member.isReady) return true;
  member.prepare();
  return false;
}

function isDown(members: readonly Member[]): boolean {
  return members.every(({ isFailing }) => isFailing);
}

function isAny(): boolean {
  return true;
}
