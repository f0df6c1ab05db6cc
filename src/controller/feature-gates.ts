// Which feature gates an API server says are on (`kubernetes_feature_enabled` of /metrics, since 1.26), where the credentials
// of its probe may read that.
import type { ApiServer } from '../model/inventory.ts';
import { linkTo, scanLines } from './server-link.ts';

/** Histograms of a large server come to megabytes; what lies behind these is not looked at. */
const maxBytes = 32 * 1024 * 1024;
const timeoutMs = 10_000;
/** A server has some two hundred. */
const maxGates = 1_000;

const line = /^kubernetes_feature_enabled\{([^}]{1,300})\} ([01])(?:\.0)?$/;
const named = /(?:^|,)name="([A-Za-z0-9]{1,80})"/;

/**
 * Undefined where they can't be read: refused, too long, or an older server. Flaws are then judged as if nothing were known.
 * Reads the lines as they come and keeps only those of gates.
 */
export async function readFeatureGates(
  server: ApiServer,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, boolean> | undefined> {
  const gates = new Map<string, boolean>();
  let behind = false;
  const whole = await scanLines(
    linkTo(server),
    { path: '/metrics', maxBytes, timeoutMs },
    (text) => {
      const found = readGate(text);
      if (found && gates.size < maxGates) gates.set(...found);
      // A family's samples stand together: what follows the last one is of no interest.
      behind ||= gates.size > 0 && !text.startsWith('kubernetes_feature_enabled');
      return !behind;
    },
    signal,
  );
  return whole && gates.size > 0 ? gates : undefined;
}

/** `kubernetes_feature_enabled{name="ContainerCheckpoint",stage="ALPHA"} 0` */
export function readGate(text: string): [name: string, on: boolean] | undefined {
  const [, labels = '', value] = line.exec(text) ?? [];
  const name = named.exec(labels)?.[1];
  return name === undefined ? undefined : [name, value === '1'];
}
