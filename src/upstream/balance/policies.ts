/**
 * The balancing policies: each one chooses an endpoint from a fixed list. They do not look at connections: with each choice,
 * the caller says which endpoints are eligible. The others get the calls of an endpoint that is not eligible.
 */

export type PolicyName = 'round_robin' | 'least_request';

/** An endpoint with its share of the calls. */
export interface Candidate<Endpoint> {
  readonly of: Endpoint;
  /** The share of the calls, relative to the weights of the other candidates; it is above 0. */
  readonly weight: number;
}

/** Returns an eligible endpoint; undefined when there is none. */
export type Choose<Endpoint> = (isEligible: (endpoint: Endpoint) => boolean) => Endpoint | undefined;

export interface PolicyOptions<Endpoint> {
  /** Returns the number of calls that run on an endpoint. */
  readonly running: (endpoint: Endpoint) => number;
  /** Returns a random number from 0 to below 1. */
  readonly random: () => number;
}

export function compilePolicy<Endpoint>(
  name: PolicyName,
  candidates: readonly Candidate<Endpoint>[],
  options: PolicyOptions<Endpoint>,
): Choose<Endpoint> {
  if (name === 'least_request') return leastRequest(candidates, options);
  const isEven = candidates.every(({ weight }) => weight === candidates[0]?.weight);
  return isEven ? roundRobin(candidates, options.random) : weightedRoundRobin(candidates, options.random);
}

/**
 * Chooses the endpoints one after the other. The first one is chosen at random, so that many gateways do not all begin with the
 * same endpoint.
 */
function roundRobin<Endpoint>(candidates: readonly Candidate<Endpoint>[], random: () => number): Choose<Endpoint> {
  let next = Math.floor(random() * candidates.length);
  // The calls of an endpoint that is not eligible go to the others in turn, by a counter of their own. Otherwise the next
  // endpoint in the list would get them all.
  let detours = next;

  return (isEligible) => {
    const candidate = candidates[next];
    next = (next + 1) % candidates.length;
    if (candidate === undefined || isEligible(candidate.of)) return candidate?.of;
    const eligible = candidates.filter(({ of }) => isEligible(of));
    detours = (detours + 1) % Math.max(1, eligible.length);
    return eligible[detours]?.of;
  };
}

/**
 * Chooses by weight, as evenly in time as possible: with the weights 2 for a and 1 for b, the order is a, b, a and not a, a, b.
 * It is the smooth weighted round robin of nginx: for each call, each endpoint's credit grows by its weight; the endpoint with
 * the largest credit is chosen, and its credit is reduced by the sum of all weights.
 */
function weightedRoundRobin<Endpoint>(
  candidates: readonly Candidate<Endpoint>[],
  random: () => number,
): Choose<Endpoint> {
  const credits = candidates.map(({ weight }) => random() * weight);

  return (isEligible) => {
    let richest = -1;
    let sum = 0;
    for (const [index, { of, weight }] of candidates.entries()) {
      if (!isEligible(of)) continue;
      sum += weight;
      credits[index]! += weight;
      if (richest < 0 || credits[index]! > credits[richest]!) richest = index;
    }
    if (richest < 0) return undefined;
    credits[richest]! -= sum;
    return candidates[richest]!.of;
  };
}

/**
 * Draws two endpoints at random and chooses the one with fewer running calls in relation to its weight. If all endpoints were
 * compared, many gateways would choose the same endpoint at the same time.
 */
function leastRequest<Endpoint>(
  candidates: readonly Candidate<Endpoint>[],
  { running, random }: PolicyOptions<Endpoint>,
): Choose<Endpoint> {
  return (isEligible) => {
    const drawn = two(candidates);
    if (drawn?.every(({ of }) => isEligible(of))) return better(drawn);
    const eligible = candidates.filter(({ of }) => isEligible(of));
    return better(two(eligible) ?? eligible);
  };

  /** Returns two different endpoints at random; undefined when there are fewer than two. */
  function two(from: readonly Candidate<Endpoint>[]): readonly Candidate<Endpoint>[] | undefined {
    if (from.length < 2) return undefined;
    const first = Math.floor(random() * from.length);
    const other = Math.floor(random() * (from.length - 1));
    return [from[first]!, from[other < first ? other : other + 1]!];
  }

  function better([one, two]: readonly Candidate<Endpoint>[]): Endpoint | undefined {
    return one === undefined || two === undefined || loadOf(one) <= loadOf(two) ? one?.of : two.of;
  }

  /**
   * Returns the running calls in relation to the weight. The new call is counted too, so that of two idle endpoints the one
   * with the larger weight is chosen.
   */
  function loadOf({ of, weight }: Candidate<Endpoint>): number {
    return (running(of) + 1) / weight;
  }
}
