// What came of a test exchange, and what of it differs from what the test expects.
import type { RuleAction, RulePhase, ShieldTest } from '../model/shield.ts';
import { exchangeBytes } from './exchange-text.ts';
import type { Way } from './exchange-ways.ts';

export type Outcome = {
  readonly findings: readonly { readonly rule: string; readonly action: RuleAction }[];
  /** What reached either side, one character a byte. */
  readonly server: string;
  readonly client: string;
  /** The caller's connection, at the end. */
  readonly stands: 'open' | 'closed' | 'tunnel';
  /** Did the last request reach the server? undefined: there was none, or frames came after it. */
  readonly reached: boolean | undefined;
};

/** @returns what differed, as a clause; '' when nothing did */
export function difference(
  { kind, expect }: Pick<ShieldTest, 'kind' | 'expect'>,
  outcome: Outcome,
  phases: ReadonlyMap<string, RulePhase>,
  way: Way,
): string {
  const { findings, reached, server, client, stands } = outcome;
  const fired = findings.map((finding) => finding.rule);
  if (fired.join() !== expect.rules.join()) {
    return `the rules that fired were [${fired.join(', ')}], not [${expect.rules.join(', ')}]`;
  }
  const cutting = findings.find((finding) => finding.action !== 'allow' && finding.action !== 'log');
  if (kind === 'innocent' && cutting) return `the rule ${cutting.rule} cut it`;
  if (reached !== undefined && phases.get(cutting?.rule ?? '') !== 'response') {
    if (cutting && reached) return `the last request reached the server though ${cutting.rule} cut it`;
    if (!cutting && !reached) return 'the last request did not reach the server';
  }
  for (const text of expect.neverToServer) {
    if (holds(server, text)) return `'${text}' reached the server`;
  }
  for (const text of way.literal ? expect.toServer : []) {
    if (!holds(server, text)) return `'${text}' did not reach the server`;
  }
  for (const text of way.framing === 'http2' ? [] : expect.toClient) {
    if (!holds(client, text)) return `'${text}' did not reach the caller`;
  }
  for (const text of expect.neverToClient) {
    if (holds(client, text)) return `'${text}' reached the caller`;
  }
  if (!way.connection) return '';
  const expected = expect.connection ?? (cutting ? 'closed' : 'open');
  return stands === expected ? '' : `the connection ended as ${stands}, not ${expected}`;
}

function holds(sent: string, text: string): boolean {
  return sent.includes(exchangeBytes(text).toString('latin1'));
}
