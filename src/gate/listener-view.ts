// What one generation judges by, and what listeners share.
import type { RuleSet } from '../inspect/rules.ts';
import type { GateListener } from '../model/plan.ts';
import type { Incident } from '../model/record.ts';
import type { Parties } from '../policy/parties.ts';
import type { AccessLog } from './access-record.ts';
import type { Carry } from './carry.ts';
import type { Counters } from './counters.ts';
import type { ServedMaterial } from './identity-files.ts';
import type { Log } from './json-log.ts';
import type { KubectlSeen } from './kubectl-seen.ts';
import type { GateLimits } from './limits.ts';
import type { LoadMeter } from './load.ts';
import type { Noted } from './noted.ts';
import type { CoarseClock } from './relay.ts';
import type { Upstream } from './upstream.ts';

/** Everything that one generation judges by. A connection keeps the view that it began with. */
export type ListenerView = {
  readonly listener: GateListener;
  readonly generation: number;
  readonly rules: RuleSet;
  readonly upstream: Upstream;
  readonly material: ServedMaterial;
  readonly carry: Carry;
  readonly parties: Parties;
  readonly limits: GateLimits;
};

/** What listeners share. */
export type ListenerSurroundings = {
  readonly gate: string;
  readonly clock: CoarseClock;
  readonly meter: LoadMeter;
  readonly kubectl: KubectlSeen;
  /** Of the gate: limits of counts are theirs together. */
  readonly workers: number;
  /** Where access records go; undefined: nobody wants any. */
  readonly access: AccessLog | undefined;
  readonly counters: Counters;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly incident: (incident: Incident) => void;
  /** Takes what nothing is done about. */
  readonly noted: Noted;
};
