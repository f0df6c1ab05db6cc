// Tells at once when the private table is deleted: a reload of somebody's firewall (`nft flush ruleset`) takes it too.
import { tableName } from '../nft/table.ts';
import { follow } from '../platform/follow.ts';
import { pause } from '../platform/pause.ts';

/** How long after its end `nft monitor` is started anew, ms. */
const restartMs = 5_000;

/**
 * Runs until the signal is aborted; never rejects. Calls for every deletion, those of the agent's own replacements
 * included. Where nothing can be watched, nothing is called: the regular look for drift stays.
 */
export async function watchDeletion(deleted: () => void, signal: AbortSignal): Promise<void> {
  const line = `delete table inet ${tableName}`;
  while (!signal.aborted) {
    const onLine = (text: string) => {
      if (text.trim() === line) deleted();
    };
    await follow('nft', ['monitor', 'destroy', 'tables'], onLine, signal).catch(() => undefined);
    await pause(restartMs, signal);
  }
}
