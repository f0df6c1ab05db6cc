// From a judge's finding to an incident: who, where, when.
import { timestamp } from '../base/clock.ts';
import type { Finding, Identity } from '../inspect/connection-types.ts';
import type { GateListener } from '../model/plan.ts';
import type { Incident } from '../model/record.ts';
import type { Parties } from '../policy/parties.ts';

/** Where and for whom a finding was made. */
export type Scene = {
  readonly gate: string;
  readonly listener: GateListener;
  readonly generation: number;
  readonly identity: Identity;
  /** Caller's address (canonical) and port. */
  readonly address: string;
  readonly port: number;
  readonly parties: Parties;
  /** Between caller and gate. */
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
};

/** `now` is milliseconds since the epoch, `random` at least 8 bytes that make the id unique. */
export function toIncident(finding: Finding, scene: Scene, now: number, random: Buffer): Incident {
  const { identity } = scene;
  return {
    id: `${now.toString(16).padStart(12, '0')}-${random.toString('hex', 0, 8)}`,
    ...(finding.id === '' ? {} : { verdict: finding.id }),
    at: timestamp(now),
    gate: scene.gate,
    server: scene.listener.server,
    generation: scene.generation,
    stage: scene.listener.stage,
    serverTags: [...scene.listener.serverTags],
    shield: finding.shield,
    rule: finding.rule,
    action: finding.action,
    ...(finding.shadow ? { shadow: finding.shadow } : {}),
    ...(finding.exemption === undefined ? {} : { exemption: finding.exemption }),
    ...(finding.would === undefined ? {} : { would: finding.would }),
    severity: finding.severity,
    message: finding.message,
    who: {
      ...(identity.method === 'certificate'
        ? { method: 'certificate', user: identity.user, groups: [...identity.groups] }
        : {
            method: finding.bearer ? 'bearer' : 'none',
            ...(finding.serviceAccount === '' ? {} : { serviceAccount: finding.serviceAccount }),
            groups: [],
          }),
      from: scene.parties(scene.address),
      port: scene.port,
    },
    what: {
      ...(finding.auditId === undefined ? {} : { auditId: finding.auditId }),
      requestLine: finding.requestLine,
      headerNames: [...finding.headerNames],
      ...(finding.connection === undefined ? {} : { connection: finding.connection }),
      ...(finding.upgrade === undefined ? {} : { upgrade: finding.upgrade }),
      ...(finding.responseStatus === undefined ? {} : { responseStatus: finding.responseStatus }),
      heldBytes: finding.held.toString('base64'),
      heldLength: finding.heldLength,
    },
  };
}

/** What the gate itself refuses before there is a judge. */
export function gateFinding(rule: string, message: string, id: string): Finding {
  return {
    id,
    shield: 'portcullis',
    rule,
    action: 'deny',
    severity: 'warning',
    message,
    auditId: undefined,
    requestLine: '',
    headerNames: [],
    connection: undefined,
    upgrade: undefined,
    bearer: false,
    serviceAccount: '',
    responseStatus: undefined,
    held: Buffer.alloc(0),
    heldLength: 0,
  };
}
