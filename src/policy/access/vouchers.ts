/**
 * Who may vouch for a caller: issuers of tokens, API keys, client certificates. Two of them may name the same subject and
 * mean two people, so a rule that reads the subject alone takes one for the other.
 */
import { type CallerPath, callerNames } from '../../paths/caller.js';

export interface Vouchers {
  /** Of tokens. */
  readonly issuers: number;
  readonly apiKeys: boolean;
  readonly certificates: boolean;
}

/**
 * True if `paths` take a subject for one that others may bear too. `beside`: what is read of the caller in the same place,
 * where its issuer may stand. A token's claim `sub` is its subject; keys and certificates have no such claim.
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
    ...(issuers === 0 ? [] : [issuers === 1 ? 'an issuer of tokens' : `${issuers} issuers of tokens`]),
    ...(apiKeys ? ['API keys'] : []),
    ...(certificates ? ['client certificates'] : []),
  ];
  return `it reads the subject alone, and ${means.join(' and ')} may vouch for the same one: expected caller.issuer beside it`;
}
