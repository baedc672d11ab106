/**
 * Warns of rules that identify a caller by the subject alone. Callers prove their identity in several ways: with tokens of
 * several issuers, with API keys and with client certificates. Two of these may have the same subject for two people, so such a
 * rule may mix them up.
 */
import { type CallerPath, callerNames } from '../../paths/caller.js';

export interface Vouchers {
  /** The number of issuers of tokens. */
  readonly issuers: number;
  readonly apiKeys: boolean;
  readonly certificates: boolean;
}

/**
 * True if `paths` read a subject that two different callers may have. `beside` are the paths to caller fields that are
 * read in the same place, where the issuer may be among them. The claim `sub` of a token is its subject; API keys and
 * certificates have no such claim.
 */
export function readsSubjectAlone(
  paths: readonly CallerPath[],
  beside: readonly CallerPath[],
  vouchers: Vouchers,
): boolean {
  const { issuers, apiKeys, certificates } = vouchers;
  const names = callerNames(paths);
  const isShared = names.has('subject') && issuers + Number(apiKeys) + Number(certificates) > 1;
  return (isShared || (names.has('sub') && issuers > 1)) && !callerNames(beside).has('issuer');
}

export function subjectAloneText({ issuers, apiKeys, certificates }: Vouchers): string {
  const means = [
    ...(issuers === 0 ? [] : [issuers === 1 ? 'a token issuer' : `${issuers} token issuers`]),
    ...(apiKeys ? ['API keys'] : []),
    ...(certificates ? ['client certificates'] : []),
  ];
  return `it compares only the subject, but ${means.join(' and ')} may give different callers the same subject; compare caller.issuer too`;
}
