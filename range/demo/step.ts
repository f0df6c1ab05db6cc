// What a step of the demo is, and what one leaves for the next.
import type { ChildProcess } from 'node:child_process';
import type { Hold } from '../range.ts';
import type { Lab } from './lab.ts';

/** What a step observed: `summary` in one line, from what was seen; every one of `checks` must hold. */
export type Proof = {
  readonly summary: string;
  readonly checks: Readonly<Record<string, boolean>>;
  readonly [name: string]: unknown;
};
/** What one step leaves for the next. */
export type Carried = {
  hold?: Hold;
  controller?: ChildProcess;
  agent?: ChildProcess;
  gate?: ChildProcess;
  blockedAt?: number;
};
export type Step = {
  readonly name: string;
  readonly title: string;
  run(lab: Lab, carried: Carried): Promise<Proof>;
};

export const gatePort = 16443;
/** The server, and the flaw, that the demo is about. */
export const server = 'lab/cp';
export const shield = 'CVE-2018-1002105';
