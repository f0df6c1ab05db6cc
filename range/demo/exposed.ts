// Step 1: the server works for its users, and for the attacker.
import type { ExploitResult } from '../exploit.ts';
import { allWell, developerDay, seenByServer } from './developer.ts';
import type { Lab } from './lab.ts';
import { byVariant, exploitLine } from './observe.ts';
import type { Proof } from './step.ts';

export async function exposed(lab: Lab): Promise<Proof> {
  const since = Date.now();
  const [day, first] = await Promise.all([developerDay(lab), lab.range.exploit()]);
  // Some backends end what they answered after seconds, too soon for an attacker whom the machine holds up: he tries again.
  const failed = first.filter((one) => !one.succeeded).map(({ variant }) => variant);
  const again = failed.length === 0 ? [] : await lab.range.exploit(failed);
  const exploits = first.map((one) => again.find(({ variant }) => variant === one.variant) ?? one);
  lab.note(`  ${exploitLine(exploits)}`);
  const stolen = exploits.find((one) => one.stole)?.stole;
  if (stolen) lab.note(`  stolen: ${stolen.what}`);
  return {
    summary: `kubectl works; ${exploitLine(exploits)}`,
    checks: {
      'kubectl works': allWell(day),
      'every exploit succeeds': exploits.every((one) => one.succeeded) && exploits.length > 0,
    },
    kubectl: day,
    exploits: byVariant(exploits),
    stolen: firstOfEachWay(exploits),
    seenByServer: seenByServer(lab, since),
  };
}

function firstOfEachWay(exploits: readonly ExploitResult[]): Record<string, ExploitResult['stole']> {
  return Object.fromEntries(
    (['exec', 'aggregated'] as const).map((way) => [
      way,
      exploits.find((one) => one.way === way && one.stole)?.stole ?? null,
    ]),
  );
}
