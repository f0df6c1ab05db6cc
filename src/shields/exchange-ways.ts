// The ways in which one test of a shield is run.
import type { BodyTwin, ShieldTest } from '../model/shield.ts';
import { writtenSteps } from './exchange-steps.ts';
import { twinsOf } from './request-twins.ts';

export type Way = {
  /** For the report; '' for the first. */
  readonly name: string;
  /** Bytes a piece, whatever the steps say. */
  readonly split: number | undefined;
  readonly twin: BodyTwin;
  readonly framing: 'length' | 'chunked';
  /** Do texts of a body reach the server as they stand in the test? */
  readonly literal: boolean;
};

/**
 * As written and byte by byte; with a body also in chunks. Its other writings differ in their bytes only, so each is run
 * once.
 */
export function waysOf(test: Pick<ShieldTest, 'steps'>): readonly Way[] {
  const requests = [...writtenSteps(test)].flatMap(({ step }) => ('request' in step ? [step.request] : []));
  const twins = [...new Set(requests.flatMap(twinsOf))];
  const bodies = requests.some(({ object, body, base64 }) => (object ?? body ?? base64) !== undefined);
  const [twin = 'json', ...others] = twins;
  const ways: Way[] = [
    { name: '', split: undefined, twin, framing: 'length', literal: true },
    { name: 'byte by byte', split: 1, twin, framing: 'length', literal: true },
  ];
  if (bodies) {
    ways.push(
      { name: 'in chunks', split: undefined, twin, framing: 'chunked', literal: false },
      { name: 'in chunks, byte by byte', split: 1, twin, framing: 'chunked', literal: false },
    );
  }
  for (const other of others) {
    ways.push({ name: `as ${other}`, split: undefined, twin: other, framing: 'length', literal: false });
  }
  return ways;
}
