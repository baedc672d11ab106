/** Pairs of versions of Google's APIs, with the changes that `diff` finds between them. docs/diff.md shows them. */

export interface VersionPair {
  /** The name of the API. */
  readonly api: string;
  /** The folders of the versions below google/cloud. */
  readonly old: string;
  readonly new: string;
  readonly breaking: number;
  readonly risky: number;
  readonly safe: number;
  /** One of the changes, in words. */
  readonly example: string;
}

export const VERSION_PAIRS: readonly VersionPair[] = [
  pair(
    'AutoML',
    'automl/v1beta1',
    'automl/v1',
    [40, 7, 4],
    'creating a dataset answers an `Operation` instead of the `Dataset`',
  ),
  pair('Dialogflow', 'dialogflow/v2beta1', 'dialogflow/v2', [85, 2, 31], 'fields of requests are `REQUIRED` now'),
  pair('Language', 'language/v1beta2', 'language/v1', [2, 0, 0], '`Document.reference_web_uri` is gone'),
  pair('OS Login', 'oslogin/v1beta', 'oslogin/v1', [5, 0, 0], 'the query parameter `view` is gone'),
  pair('Recommender', 'recommender/v1beta1', 'recommender/v1', [4, 4, 11], 'a POST is a PATCH now'),
  pair(
    'Redis',
    'redis/v1beta1',
    'redis/v1',
    [0, 0, 1],
    'an enum of answers has another number, which JSON does not show',
  ),
  pair('Secret Manager', 'secretmanager/v1beta2', 'secretmanager/v1', [0, 0, 6], 'new fields and routes'),
  pair('Talent', 'talent/v4beta1', 'talent/v4', [33, 1, 7], 'paths without a tenant are gone'),
  pair('Tasks', 'tasks/v2beta3', 'tasks/v2', [15, 0, 1], '`Queue.stats` is gone'),
  pair('Text-to-Speech', 'texttospeech/v1beta1', 'texttospeech/v1', [4, 0, 0], 'the enum value `MP3_64_KBPS` is gone'),
  pair('Vision', 'vision/v1p1beta1', 'vision/v1', [0, 2, 36], 'an enum of answers has new values'),
  pair(
    'Web Security Scanner',
    'websecurityscanner/v1beta',
    'websecurityscanner/v1',
    [2, 2, 4],
    '`ScanConfig.target_platforms` is gone',
  ),
];

function pair(
  api: string,
  old: string,
  now: string,
  [breaking, risky, safe]: readonly [number, number, number],
  example: string,
): VersionPair {
  return { api, old, new: now, breaking, risky, safe, example };
}
