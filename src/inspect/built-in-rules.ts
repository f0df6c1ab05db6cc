// Rule ids under the shield name `portcullis`: what the gate itself finds, whatever shields are loaded.
import { refusals as httpRefusals } from '../http/refusals.ts';
import { judgeRefusals } from './refusals.ts';
import { builtInAlarms } from './upgrade.ts';

/** The gate took identity fields out of a request. */
export const stripped = {
  rule: 'identity-header-stripped',
  message: 'The request named an identity that only a front proxy may name. The fields were taken out.',
} as const;

/** Rule id → what it says, besides the refusals, each of which is a rule as well. */
export const builtInRules: Readonly<Record<string, string>> = {
  ...builtInAlarms,
  [stripped.rule]: stripped.message,
  'client-certificate':
    'The client certificate is refused; the message says why. Nothing went to the server.',
  'rule-error':
    'A rule could not be evaluated on a request, so it counts as fired. Under the name of its shield.',
};

export const builtInRuleIds: ReadonlySet<string> = new Set([
  ...Object.keys(builtInRules),
  ...Object.keys(judgeRefusals),
  ...Object.keys(httpRefusals),
]);
