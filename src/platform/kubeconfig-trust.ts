// A user's kubeconfig, rewritten to trust the certificates that a gate issues, beside the server's own.
import { X509Certificate } from 'node:crypto';
import { dirname, isAbsolute, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { readDocument } from '../model/document.ts';
import { readText } from './files.ts';

const text = z.string().min(1);
/** What we don't read goes out as it came in. */
const Document = z.looseObject({
  'current-context': z.string().optional(),
  clusters: z.array(
    z.looseObject({
      name: z.string(),
      cluster: z.looseObject({
        'certificate-authority': text.optional(),
        'certificate-authority-data': text.optional(),
        'insecure-skip-tls-verify': z.boolean().optional(),
      }),
    }),
  ),
  contexts: z
    .array(z.looseObject({ name: z.string(), context: z.looseObject({ cluster: text }) }))
    .default([]),
  users: z
    .array(z.looseObject({ name: z.string(), user: z.record(z.string(), z.unknown()).nullish() }))
    .default([]),
});

/** Fields of a user that name files: relative ones are to the kubeconfig's own folder. */
const userFiles = ['client-certificate', 'client-key', 'tokenFile'] as const;

export type Rewritten = { readonly cluster: string; readonly kubeconfig: string };

/**
 * The file with `gateCa` added to what one cluster trusts: that of the current context unless named. The server's own CA
 * stays, for callers reach the server itself again as soon as nothing is inspected. Idempotent.
 * @param gateCa a path, PEM
 * @throws Failure `unreadable`, `bad-yaml`, `bad-kubeconfig`, `bad-certificate`, `certificate-use`
 */
export function trustGate(path: string, gateCa: string, clusterName?: string): Rewritten {
  const document = readDocument(Document, readText(path), path, 'bad-kubeconfig');
  const refuse = (field: string, message: string, hint: string) =>
    new Failure('bad-kubeconfig', message, { place: `${path}: ${field}`, hint });
  const current = document.contexts.find(({ name }) => name === document['current-context']);
  const name = clusterName ?? current?.context.cluster;
  if (name === undefined)
    throw refuse('current-context', 'no context is chosen', 'name a cluster: --cluster NAME');
  const found = document.clusters.find((item) => item.name === name);
  const field = `clusters[${name}]`;
  if (!found) {
    const names = document.clusters.map((item) => item.name).join(', ');
    throw refuse(field, `there is no cluster '${name}'`, `it holds: ${names || 'none'}`);
  }
  const { cluster } = found;
  if (cluster['insecure-skip-tls-verify']) {
    throw refuse(
      `${field}.cluster.insecure-skip-tls-verify`,
      'this user does not verify who answers: there is nothing to add to',
      "give the server's own CA instead (certificate-authority-data)",
    );
  }
  const own = ownAuthority(cluster, dirname(path));
  if (own === undefined) {
    throw refuse(
      `${field}.cluster.certificate-authority-data`,
      "the cluster's own CA is not named, and the system's would no longer be asked",
      "write the server's CA into the kubeconfig first",
    );
  }
  const bundle = joined(own, readAuthority(gateCa));
  delete cluster['certificate-authority'];
  cluster['certificate-authority-data'] = Buffer.from(bundle).toString('base64');
  for (const { user } of document.users) {
    for (const key of userFiles) {
      const file = user?.[key];
      if (user && typeof file === 'string' && !isAbsolute(file)) user[key] = resolve(dirname(path), file);
    }
  }
  return { cluster: name, kubeconfig: stringify(document) };

  function ownAuthority(holder: typeof cluster, folder: string): string | undefined {
    const data = holder['certificate-authority-data'];
    if (data !== undefined) return Buffer.from(data, 'base64').toString();
    const file = holder['certificate-authority'];
    return file === undefined ? undefined : readText(resolve(folder, file));
  }
}

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function readAuthority(path: string): string {
  const blocks = readText(path).match(block) ?? [];
  for (const pem of blocks) {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(pem);
    } catch (cause) {
      throw new Failure('bad-certificate', 'there is no readable PEM certificate in it', {
        place: path,
        cause,
      });
    }
    if (!certificate.ca) {
      throw new Failure('certificate-use', 'there is a certificate in it that is not of a CA', {
        place: path,
      });
    }
  }
  if (blocks.length === 0) {
    throw new Failure('bad-certificate', 'there is no readable PEM certificate in it', { place: path });
  }
  return blocks.join('\n');
}

function joined(own: string, more: string): string {
  const all = [...(own.match(block) ?? []), ...(more.match(block) ?? [])];
  return `${[...new Set(all)].join('\n')}\n`;
}
