// Incidents on their way to the controller: the worst first, kept over a restart.
import { join } from 'node:path';
import { describeFailure } from '../base/failure.ts';
import { Severity } from '../model/common.ts';
import { Incident } from '../model/record.ts';
import type { ControllerLink } from '../platform/controller-client.ts';
import { createSpool, type Spool } from '../platform/spool.ts';
import { openSpoolFile } from '../platform/spool-file.ts';
import type { Log } from './json-log.ts';

/** Incidents of at most about 20 KiB each wait while the controller is away. */
const maxItems = 4_000;

/** @throws Failure `unreadable` when what waited at the last end can't be read at all */
export function openIncidentSpool(
  link: Pick<ControllerLink, 'sendIncidents'>,
  dataDir: string,
  log: Log,
): Spool<Incident> {
  const store = openSpoolFile(join(dataDir, 'incidents.jsonl'), Incident, (error) =>
    log('error', 'incidents-not-kept', { error: describeFailure(error) }),
  );
  if (store.damaged) log('error', 'incidents-damaged', { ...store.damaged });
  if (store.found.length > 0) log('info', 'incidents-found', { waiting: store.found.length });
  return createSpool<Incident>({
    send: (incidents) => link.sendIncidents({ incidents: [...incidents] }),
    maxItems,
    batchItems: 100,
    rank: ({ severity }) => Severity.options.indexOf(severity),
    store,
  });
}
