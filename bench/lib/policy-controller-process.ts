// A controller of a process of its own, with workers enrolled behind its back: policy-controller-process.ts FOLDER NAME…
// Each worker's identity is in FOLDER/NAME, the controller's data in FOLDER/controller. Prints when it serves.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openAuthority } from '../../src/controller/authority.ts';
import { runController } from '../../src/controller/run.ts';
import { logPath } from '../../src/log/folder.ts';
import { openLog } from '../../src/log/sqlite.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { writeIdentity } from '../../src/platform/identity.ts';
import { createRequest, fingerprint } from '../../src/platform/pki.ts';

const [folder = '', ...names] = process.argv.slice(2);
const dataDir = join(folder, 'controller');
const shieldsFolder = join(folder, 'shields');
mkdirSync(shieldsFolder);
const options = { dataDir, shieldsFolder, probeSeconds: 3_600 };

// The first start makes the authority and the log. A thousand workers at once are more than it enrols by its API.
const first = new AbortController();
const { endpoint, stopped } = await runController(
  { ...options, listen: { address: '127.0.0.1', port: 0 } },
  first.signal,
);
first.abort();
await stopped;
const authority = await openAuthority(dataDir, false, Date.now());
const log = openLog(logPath(dataDir), systemClock);
for (const name of names) {
  const { key, request } = await createRequest(name);
  const certificate = await authority.signWorker(request, 'agent', name);
  const { certificate: ca } = authority;
  const controller = `127.0.0.1:${endpoint.port}`;
  writeIdentity(join(folder, name, 'identity'), { controller, role: 'agent', name, key, certificate, ca });
  const data = {
    role: 'agent',
    name,
    token: `bench-${name}`,
    certificate: fingerprint(certificate),
    from: '127.0.0.1',
  };
  log.append([{ kind: 'enrolled', actor: `agent:${name}`, subject: name, data }]);
}
log.close();
const ended = new AbortController();
const running = await runController({ ...options, listen: endpoint }, ended.signal);
process.stdin.on('end', () => ended.abort());
process.stdin.resume();
process.stdout.write('{"serving":true}\n');
await running.stopped;
process.exit();
