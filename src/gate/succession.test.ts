// A gate that gives way to a new process of itself, over real TLS on loopback.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { lockFolder } from '../platform/folder-lock.ts';
import { successorVariable } from './succession.ts';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  makeKeys,
  makeLink,
  removeKeys,
  type Seen,
  startGate,
  startServer,
} from './test-kit.ts';

const keys = await makeKeys();
after(() => removeKeys(keys));

const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: kubernetes\r\n\r\n';
const watch = 'GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: kubernetes\r\n\r\n';

/** What the new process runs: a gate that inherits, with a plan of its own from a file. */
function newProcess(dataDir: string, plan: string, pidFile: string): ChildProcess {
  const module = (name: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, name)).href);
  const script = `
    import { kubeadmFiles } from ${module('identity-files.ts')};
    import { runGate } from ${module('run.ts')};
    import { inherit } from ${module('succession.ts')};
    const stop = new AbortController();
    process.once('SIGTERM', () => stop.abort());
    const inheritance = await inherit(process.env);
    await runGate({ name: 'cp-1', workers: 2, inheritance, writeLog() {},
      dataDir: ${JSON.stringify(dataDir)}, pidFile: ${JSON.stringify(pidFile)},
      plans: { from: 'file', path: ${JSON.stringify(plan)} },
      files: kubeadmFiles(${JSON.stringify(keys.folder)}) }, stop.signal);`;
  return spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { [successorVariable]: '1' } },
  );
}

type World = Awaited<ReturnType<typeof world>>;

async function world(
  drainSeconds: number,
  start: (files: { dataDir: string; pidFile: string }) => ChildProcess,
) {
  let feed: Seen | undefined;
  const server = await startServer(keys, (seen) => {
    if (!seen.text().includes('watch=true')) return answerOk(seen);
    feed = seen;
    seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  const link = makeLink();
  const { promise: asked, resolve: ready } = Promise.withResolvers<() => void>();
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  const dataDir = join(keys.folder, `data-of-${server.port}`);
  const pidFile = `${dataDir}.pid`;
  let child: ChildProcess | undefined;
  const gate = startGate(keys, link, {
    workers: 2,
    dataDir,
    pidFile,
    drainSeconds,
    succession: {
      asked: (callback) => ready(callback),
      start() {
        child = start({ dataDir, pidFile });
        return child;
      },
    },
    writeLog(line) {
      lines.push(line);
      for (const watcher of watchers) watcher();
    },
  });
  const port = await freePort();
  const receipt = await link.plan(gatePlan(1, [{ port, upstreamPort: server.port }]));
  assert.equal(receipt.error, undefined);
  return {
    server,
    link,
    gate,
    port,
    dataDir,
    pidFile,
    succeed: await asked,
    child: () => child,
    event: (text: string) => feed?.socket.write(`${text.length.toString(16)}\r\n${text}\r\n`),
    said: (event: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!lines.some((line) => line.includes(`"event":"${event}"`))) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
  };
}

/** One new connection after the other, each with one request, until `until` resolves. Answers how many; throws of any refused. */
async function visit({ port }: World, until: Promise<unknown>): Promise<number> {
  let over = false;
  let visits = 0;
  void until.then(() => {
    over = true;
  });
  while (!over) {
    const one = await call(keys, port, keys.user);
    one.send(get);
    await one.until('ok');
    one.socket.destroy();
    visits += 1;
  }
  return visits;
}

test('nobody is refused while a new process takes over; a watch lives on in the old one until its time is over', async () => {
  let port = 0;
  let upstreamPort = 0;
  const here = await world(4, ({ dataDir, pidFile }) => {
    const plan = `${dataDir}.plan.json`;
    writeFileSync(plan, JSON.stringify(gatePlan(2, [{ port, upstreamPort }])));
    return newProcess(dataDir, plan, pidFile);
  });
  port = here.port;
  upstreamPort = here.server.port;
  try {
    const watcher = await call(keys, port, keys.user);
    watcher.send(watch);
    await watcher.until('chunked');
    assert.equal(readFileSync(here.pidFile, 'utf8').trim(), String(process.pid));
    const ended = new Promise<string>((resolve) => {
      watcher.socket.once('error', (error) => resolve(error.message));
      watcher.socket.once('end', () => resolve('in order'));
    });
    const before = visit(here, here.said('draining'));
    here.succeed();
    assert.ok((await before) > 0);
    here.event('still here');
    await watcher.until('still here');
    // The old workers are still there, and take no one in.
    const seen = here.server.connections.length;
    assert.ok((await visit(here, here.gate.done)) > 0);
    assert.ok(here.server.connections.length > seen);
    assert.equal(await ended, 'in order');
    assert.ok((await visit(here, new Promise((resolve) => setImmediate(resolve)))) > 0);
    assert.throws(() => lockFolder(here.dataDir), { code: 'data-folder-in-use' });
    assert.equal(readFileSync(here.pidFile, 'utf8').trim(), String(here.child()?.pid));
  } finally {
    const child = here.child();
    if (child && child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await here.gate.stop();
    await here.server.close();
  }
});

test('a new process that does not come up leaves the old one in charge', async () => {
  const here = await world(0, () =>
    spawn(process.execPath, ['-e', 'process.exit(3)'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
  );
  try {
    here.succeed();
    await here.said('successor-failed');
    assert.ok((await visit(here, new Promise((resolve) => setImmediate(resolve)))) > 0);
    const receipt = await here.link.plan(gatePlan(2, []));
    assert.equal(receipt.error, undefined);
  } finally {
    await here.gate.stop();
    await here.server.close();
  }
});
