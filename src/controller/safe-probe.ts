// The safe probe for CVE-2018-1002105: does anything that a client says after an upgrade that was answered with something
// else than 101 still reach the backend? It asks for an aggregated API as an upgrade, reads the answer, and then asks for
// the same plainly, without credentials, on the same connection. A flawed server passes that on, and it is answered.
// Why the rest shows what it shows: docs/decisions/0004-safe-probe.md.
import { connect } from 'node:tls';
import type { ApiServer } from '../model/inventory.ts';
import { answerEnd, listenTo, readAnswer } from './raw-answer.ts';
import { getJson, linkTo, plainStatus, type ServerLink } from './server-link.ts';

export type SafeProbeResult = {
  readonly result: 'proven' | 'vulnerable' | 'unproven';
  /** The same words for the same finding: each new one becomes an entry of the log. */
  readonly detail: string;
};

/** How long each part of the probe may take, in ms. */
export type Waits = {
  /** For the answer to the upgrade. */
  readonly answer: number;
  /** For whatever follows the second request. Some times `plain`: a backend that would answer has then had its time. */
  readonly silence: number;
  /** For the answer to the plain request. */
  readonly plain: number;
};

const usualWaits: Waits = { answer: 5_000, silence: 3_000, plain: 1_000 };
const maxHead = 65_536;
/** An answer without a length ends when nothing came for this long. */
const quietMs = 300;

/**
 * What a server may say to an upgrade by itself, in every version: 500 where a pod, service or node is proxied, 503 for an
 * aggregated API; when the backend can't be reached, or, with the fix of CVE-2020-8559, answered below 400.
 */
const ownErrors: ReadonlySet<number> = new Set([500, 503]);

/**
 * Groups that a kube-apiserver serves itself, besides those without a dot: they are never proxied, so they prove
 * nothing. What is left may also be a custom resource, which the server answers itself as well: then the connection
 * stays open and the patch is not proven, which is the safe mistake.
 */
const ownGroups =
  /^([^.]+|(.*\.)?(rbac\.authorization|admissionregistration|apiextensions|apiregistration|auditregistration|authentication|authorization|certificates|coordination|discovery|events|flowcontrol\.apiserver|internal\.apiserver|networking|node|policy|resource|scheduling|settings|storage|storagemigration)\.k8s\.io)$/;

/**
 * Probes a server over fresh connections. Never throws: what can't be done is `unproven`, with the reason. In order:
 *
 * 1. The second request is answered → `vulnerable`; `unproven` when the upgrade was answered with 401, 403, 500 or
 *    503, for the server's own answers leave ordinary HTTP going on in every version.
 * 2. The answer to the upgrade ended the connection by itself (`Connection: close`, no length, HTTP/1.0, cut short) →
 *    `unproven`: both the flaw and its fix look like that.
 * 3. The connection was closed, though the backend had kept it → `proven`.
 * 4. Silent but open, and the backend answers the same path promptly with 2xx when asked plainly on a connection of its
 *    own → `proven`: it is alive, and heard nothing of the second request. Anything else → `unproven`.
 */
export async function safeProbe(
  server: ApiServer,
  signal: AbortSignal,
  waits: Waits = usualWaits,
): Promise<SafeProbeResult> {
  try {
    const link = linkTo(server);
    const given = server.probe.upgradePath;
    const path = given ?? (await findAggregatedPath(link, signal));
    if (path === undefined) {
      return unproven('the server has no aggregated API to ask; name one in probe.upgradePath');
    }
    let result = await probeAt(link, path, signal, waits);
    // Servers with the fix of CVE-2020-8559 (v1.16.13, v1.17.9, v1.18.6 and later) answer themselves where the backend's
    // answer to an upgrade is below 400. A resource that isn't there makes the backend say 404, which they relay.
    if (given === undefined && result.own)
      result = await probeAt(link, `${path}/portcullis-safe-probe`, signal, waits);
    // A connection that we closed ourselves shows nothing.
    signal.throwIfAborted();
    return { result: result.result, detail: result.detail };
  } catch (error) {
    return unproven(`the safe probe failed: ${(error as Error).message}`);
  }
}

const unproven = (detail: string): SafeProbeResult => ({ result: 'unproven', detail });

async function findAggregatedPath(link: ServerLink, signal: AbortSignal): Promise<string | undefined> {
  const answer = (await getJson(link, '/apis', signal)) as {
    groups?: { name?: unknown; preferredVersion?: { groupVersion?: unknown } }[];
  };
  const groups = Array.isArray(answer?.groups) ? answer.groups : [];
  const versions = groups
    .filter((group) => typeof group?.name === 'string' && !ownGroups.test(group.name))
    .map((group) => group.preferredVersion?.groupVersion)
    .filter(
      (text): text is string => typeof text === 'string' && /^[a-z0-9.-]{1,253}\/[a-z0-9]{1,63}$/.test(text),
    );
  // The metrics API is aggregated wherever it is.
  const chosen = versions.find((text) => text.includes('metrics.k8s.io/')) ?? versions[0];
  return chosen === undefined ? undefined : `/apis/${chosen}`;
}

async function probeAt(
  link: ServerLink,
  path: string,
  signal: AbortSignal,
  waits: Waits,
): Promise<SafeProbeResult & { readonly own?: boolean }> {
  signal.throwIfAborted();
  const socket = connect(link.options);
  const heard = listenTo(socket);
  const abort = () => socket.destroy(new Error('stopped'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    const authorization = link.token === undefined ? '' : `Authorization: Bearer ${link.token}\r\n`;
    const request = `GET ${path} HTTP/1.1\r\nHost: ${link.host}\r\n`;
    socket.write(`${request}${authorization}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    const whole = (text: string) => text.length > maxHead || answerEnd(text) !== undefined;
    await heard.until(whole, waits.answer, quietMs);
    const answer = readAnswer(heard.text());
    if (!answer) return unproven(`no HTTP answer to the upgrade of ${path}`);
    const { status, persistent } = answer;
    if (status === 101) return unproven(`${path} did upgrade; it shows nothing`);
    const after = `after answering ${status} to the upgrade of ${path}`;
    const before = heard.text().length;
    const answered = () => heard.text().length > before;
    const closed = heard.ended();
    if (!closed) {
      socket.write(`${request}\r\n`);
      await heard.until(answered, waits.silence);
    }
    if (!answered() && persistent && !heard.ended()) {
      const plain = await plainStatus(link, path, waits.plain, signal);
      if (!answered()) return judgeSilence(after, plain, waits);
    }
    if (answered()) {
      if (status === 401 || status === 403)
        return unproven(`${path} answered ${status}; give the probe credentials that may read it`);
      if (ownErrors.has(status)) {
        const why = `${path} answered ${status} to the upgrade and ordinary HTTP went on; ${status} may be the server's own answer`;
        return { ...unproven(`${why}, so name another path in probe.upgradePath`), own: true };
      }
      return { result: 'vulnerable', detail: `still open ${after}` };
    }
    if (!persistent) {
      return unproven(
        `${path} answered the upgrade with ${status} and ended the connection by that, which shows nothing; name another path in probe.upgradePath`,
      );
    }
    return { result: 'proven', detail: `closed ${after}` };
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/**
 * What silence shows, given the status of the plain request. Only 2xx counts: on a path that is proxied the server says
 * so only when the backend did, whereas 401, 403, 404, 429, redirects, 5xx, and 400 on a path that wants an upgrade, may
 * be its own, and then the backend may be hanging.
 */
function judgeSilence(after: string, plain: number | undefined, waits: Waits): SafeProbeResult {
  if (plain !== undefined && plain >= 200 && plain < 300) {
    return {
      result: 'proven',
      detail: `nothing was passed on ${after}: a second request was met by silence for ${waits.silence} ms, and the backend answers (${plain}) when it is asked plainly`,
    };
  }
  const why = plain === undefined ? `gave no answer in ${waits.plain} ms` : `was answered ${plain}`;
  return unproven(
    `silent but open ${after}; a plain request ${why}, so the backend may be hanging; name a path in probe.upgradePath that the probe may read`,
  );
}
