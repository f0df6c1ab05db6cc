// What is counted and recorded of one caller's requests.
import type { RequestHead } from '../http/head.ts';
import type { ConnectionSink } from '../inspect/connection-types.ts';
import { type AccessLog, accessRecord } from './access-record.ts';
import { type Counters, labelled } from './counters.ts';
import { ExchangeRecord } from './exchange-record.ts';
import type { Scene } from './incidents.ts';
import type { KubectlSeen } from './kubectl-seen.ts';
import type { LoadMeter } from './load.ts';
import { traceId } from './trace-context.ts';

export type RecordParts = {
  readonly counters: Counters;
  readonly meter: LoadMeter;
  readonly kubectl: KubectlSeen;
  /** Where access records go; undefined: nobody wants any. */
  readonly access: AccessLog | undefined;
};

export type CallerRecords = {
  readonly begun: NonNullable<ConnectionSink['begun']>;
  /** The connection is over, whatever was going on. */
  closed(): void;
};

/** @param credential called at the first request that carries one */
export function createCallerRecords(
  { counters, meter, kubectl, access }: RecordParts,
  scene: Scene,
  credential: () => void,
): CallerRecords {
  const running = new Set<ExchangeRecord>();
  let anonymous = scene.identity.method === 'none';
  let first = true;

  function over(record: ExchangeRecord): void {
    running.delete(record);
    counters.add('transferred_bytes_total{direction="up"}', record.up);
    counters.add('transferred_bytes_total{direction="down"}', record.down);
    if (record.streams) return;
    meter.openRequests -= 1;
    counters.observe('request_duration_seconds', (performance.now() - record.since) / 1000);
  }

  return {
    begun(info, head, ids) {
      const bearer = anonymous || access !== undefined ? carriesCredential(head) : false;
      if (anonymous && bearer) {
        anonymous = false;
        credential();
      }
      if (first) {
        first = false;
        // Who shows no credential could be anybody, and would fill what is counted.
        const version = anonymous ? undefined : kubectl(head.fields);
        if (version !== undefined) counters.add(labelled('kubectl_connections_total', 'version', version));
      }
      const end = access === undefined ? over : withAccess(access, head, bearer);
      const record = new ExchangeRecord(info, head.upgrade.trigger, ids, end);
      running.add(record);
      if (!record.streams) meter.openRequests += 1;
      return record;
    },
    closed() {
      for (const record of [...running]) record.ended();
    },
  };

  /** Refused requests are recorded whether they are in the sample or not. */
  function withAccess(log: AccessLog, head: RequestHead, bearer: boolean): (record: ExchangeRecord) => void {
    const sampled = log.sample();
    const trace = traceId(head.fields);
    return (record) => {
      over(record);
      if (sampled || record.refusal !== undefined)
        log.write(accessRecord(scene, record, bearer, trace, log.now()));
    };
  }
}

function carriesCredential(head: RequestHead): boolean {
  return head.fields.find('authorization') >= 0;
}
